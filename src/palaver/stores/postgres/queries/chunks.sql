-- part: chunk_columns
d.id, d.ready_version, c.ordinal, c.text, c.starts, c.ends, c.tokens, c.sha256, c.heading, c.page, c.fingerprint,
c.conversation_id, c.turn_id

-- part: turn_of_chunk_is_there
(c.turn_id IS NULL OR EXISTS (
    SELECT 1 FROM turns t JOIN conversations k ON k.tenant_id = t.tenant_id AND k.id = t.conversation_id
    WHERE t.tenant_id = c.tenant_id AND t.id = c.turn_id AND t.deleted_at IS NULL AND k.deleted_at IS NULL
))

-- part: live_chunk
{live_document} AND {turn_of_chunk_is_there}

-- name: chunks_of_keys
SELECT {chunk_columns}, d.title, w.k
FROM unnest(:document_ids::text[], :versions::bigint[], :ordinals::bigint[]) WITH ORDINALITY w (document_id, version, ordinal, k)
CROSS JOIN LATERAL (
    SELECT * FROM documents d WHERE d.tenant_id = :tenant_id AND d.id = w.document_id AND d.ready_version = w.version OFFSET 0
) d
JOIN bots b ON b.tenant_id = d.tenant_id AND b.id = d.bot_id
JOIN chunks c ON c.tenant_id = d.tenant_id AND c.document_id = d.id AND c.fence = d.ready_fence AND c.ordinal = w.ordinal
WHERE d.bot_id = :bot_id AND {live_chunk}
ORDER BY w.k

-- name: bot_index
SELECT index_revision, embedding FROM bots WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS NULL

-- name: index_changes
SELECT d.revision, d.id, CASE WHEN d.deleted_at IS NULL THEN d.ready_version END, d.metadata FROM documents d
WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND d.revision > :after AND d.revision > 0 ORDER BY d.revision LIMIT :limit

-- name: unembedded_chunks
-- Document by document, and no further than the limit: OFFSET keeps the planner from reading all chunks first. The last ORDER BY
-- is what the documents are in already; with the ordinals in it everything would be read and sorted.
SELECT {chunk_columns}, d.n FROM (
    SELECT * FROM documents d
    WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND d.deleted_at IS NULL AND d.ready_fence IS NOT NULL AND d.n >= :n
    ORDER BY d.n OFFSET 0
) d CROSS JOIN LATERAL (
    SELECT * FROM chunks c WHERE c.tenant_id = d.tenant_id AND c.document_id = d.id AND c.fence = d.ready_fence
        AND c.ordinal > CASE WHEN d.n = :n THEN :ordinal ELSE -1 END AND {turn_of_chunk_is_there}
        AND NOT EXISTS (
            SELECT 1 FROM chunk_vectors v WHERE v.tenant_id = c.tenant_id AND v.document_id = c.document_id AND v.fence = c.fence
                AND v.embedding = :embedding AND v.ordinal = c.ordinal
        )
    ORDER BY c.ordinal LIMIT :limit
) c
ORDER BY d.n LIMIT :limit

-- name: insert_vectors
INSERT INTO chunk_vectors (tenant_id, document_id, fence, embedding, ordinal, vector{point_column})
SELECT :tenant_id, :document_id, :fence, :embedding, w.ordinal, w.vector{point_value}
FROM unnest(:ordinals::bigint[], :vectors::bytea[], :points::text[]) w (ordinal, vector, point)
ON CONFLICT (tenant_id, document_id, fence, embedding, ordinal) DO NOTHING

-- name: put_vectors
-- The documents are held in share: whoever replaces what these vectors are of waits, and then removes them, too.
WITH held AS MATERIALIZED (
    SELECT d.tenant_id, d.id, d.ready_version, d.ready_fence FROM documents d
    WHERE d.tenant_id = :tenant_id AND d.id = ANY(:document_ids::text[]) AND d.deleted_at IS NULL
        AND set_config('synchronous_commit', 'off', true) = 'off'
    ORDER BY d.id FOR SHARE
)
INSERT INTO chunk_vectors (tenant_id, document_id, fence, embedding, ordinal, vector{point_column})
SELECT c.tenant_id, c.document_id, c.fence, :embedding, c.ordinal, w.vector{point_value}
FROM unnest(:document_ids::text[], :versions::bigint[], :ordinals::bigint[], :vectors::bytea[], :points::text[])
    w (document_id, version, ordinal, vector, point)
JOIN held d ON d.id = w.document_id AND d.ready_version = w.version
JOIN chunks c ON c.tenant_id = d.tenant_id AND c.document_id = d.id AND c.fence = d.ready_fence AND c.ordinal = w.ordinal
ON CONFLICT (tenant_id, document_id, fence, embedding, ordinal) DO NOTHING

-- name: claim_embedding
UPDATE bots SET embedding_owner = :owner, embedding_until = :lease_until
WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS NULL
    AND (embedding_owner IS NULL OR embedding_owner = :owner OR embedding_until < :now)

-- name: serve_embedding
UPDATE bots SET embedding = :embedding, index_revision = index_revision + 1, embedding_owner = NULL, has_old_vectors = true
WHERE tenant_id = :tenant_id AND id = :id

-- name: known_words
SELECT word, chunks FROM bot_words
WHERE tenant_id = :tenant_id AND bot_id = :bot_id AND word = ANY(:words::text[]) AND chunks > 0

-- name: similar_words
-- Of those that begin with the same letter.
SELECT x.word, x.chunks, x.similarity FROM (
    SELECT w.word, w.chunks, {similarity} AS similarity FROM bot_words w
    WHERE w.tenant_id = :tenant_id AND w.bot_id = :bot_id AND w.word >= :first AND w.word < :beyond AND w.chunks > 0
        AND char_length(w.word) BETWEEN :shortest AND :longest
) x
WHERE x.similarity >= :least ORDER BY x.similarity DESC, x.chunks DESC, x.word LIMIT :limit

-- part: version
-- The fence under which a version was made: the ready one's, or that of the claim that goes on.
SELECT d.id, CASE WHEN d.ready_version = :version THEN d.ready_fence WHEN d.version = :version AND d.status = 'processing' THEN d.fence END
    AS fence
FROM {document_tables} WHERE d.tenant_id = :tenant_id AND d.id = :document_id AND {live_document}
