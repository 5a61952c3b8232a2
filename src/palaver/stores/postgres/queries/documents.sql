-- part: document_columns
d.id, d.bot_id, d.title, d.source, d.media_type, d.url, d.status, d.error_code, d.error_message, d.version, d.ready_version, d.size_bytes,
d.sha256, d.chunk_count, d.metadata, d.created_at, d.updated_at, d.ready_at, d.deleted_at

-- part: document_state
d.owner, d.fence, d.ready_fence, d.attempts, d.lease_until, d.revision

-- part: document_tables
documents d JOIN bots b ON b.tenant_id = d.tenant_id AND b.id = d.bot_id

-- name: document
SELECT {document_columns} FROM {document_tables} WHERE d.tenant_id = :tenant_id AND d.id = :id AND {live_document}

-- name: document_and_content
SELECT {document_columns}, x.content
FROM {document_tables} JOIN contents x ON x.tenant_id = d.tenant_id AND x.sha256 = d.sha256
WHERE d.tenant_id = :tenant_id AND d.id = :id AND {live_document}

-- name: document_to_change
SELECT {document_columns}, {document_state} FROM {document_tables}
WHERE d.tenant_id = :tenant_id AND d.id = :id AND {live_document} FOR NO KEY UPDATE OF d

-- name: deleted_document
SELECT {document_columns}, {document_state} FROM {document_tables}
WHERE d.tenant_id = :tenant_id AND d.id = :id AND d.deleted_at > 0 AND b.deleted_at IS NULL FOR NO KEY UPDATE OF d

-- name: documents_to_claim
-- In the order of their making; whoever claims meanwhile has its own.
SELECT {document_columns}, {document_state}, d.tenant_id, {bot_columns}
FROM documents d CROSS JOIN LATERAL (SELECT * FROM bots b WHERE b.tenant_id = d.tenant_id AND b.id = d.bot_id OFFSET 0) b
WHERE d.status IN ('pending', 'processing') AND d.deleted_at IS NULL
    AND coalesce(d.lease_until, 0) < :now AND b.deleted_at IS NULL
ORDER BY d.n LIMIT :limit FOR NO KEY UPDATE OF d SKIP LOCKED

-- name: insert_content
-- Bytes that are there are locked: a purge that wants them waits, and sees who refers to them.
INSERT INTO contents (tenant_id, sha256, content) VALUES (:tenant_id, :sha256, :content)
ON CONFLICT (tenant_id, sha256) DO UPDATE SET sha256 = excluded.sha256

-- name: lock_content
SELECT 1 FROM contents WHERE tenant_id = :tenant_id AND sha256 = :sha256 FOR UPDATE

-- name: drop_content
DELETE FROM contents x WHERE x.tenant_id = :tenant_id AND x.sha256 = :sha256
    AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.tenant_id = x.tenant_id AND d.sha256 = x.sha256)

-- name: insert_document
INSERT INTO documents (tenant_id, id, bot_id, title, source, media_type, url, status, error_code, error_message, version, ready_version,
    size_bytes, sha256, chunk_count, metadata, created_at, updated_at, ready_at, owner, fence, attempts, lease_until)
VALUES (:tenant_id, :id, :bot_id, :title, :source, :media_type, :url, :status, :error_code, :error_message, :version, :ready_version,
    :size_bytes, :sha256, :chunk_count, :metadata, :created_at, :updated_at, :ready_at, :owner, :fence, :attempts, :lease_until)

-- name: update_document
UPDATE documents
SET title = :title, source = :source, url = :url, media_type = :media_type, status = :status, error_code = :error_code,
    error_message = :error_message, version = :version, ready_version = :ready_version, size_bytes = :size_bytes, sha256 = :sha256, chunk_count = :chunk_count,
    metadata = :metadata, updated_at = :updated_at, ready_at = :ready_at, deleted_at = :deleted_at, owner = :owner, fence = :fence,
    ready_fence = :ready_fence, attempts = :attempts, lease_until = :lease_until, revision = :revision
WHERE tenant_id = :tenant_id AND id = :id

-- name: next_revision
UPDATE bots SET index_revision = index_revision + 1 WHERE tenant_id = :tenant_id AND id = :bot_id RETURNING index_revision

-- name: renew_ingestions
WITH held AS MATERIALIZED (
    SELECT d.tenant_id, d.id
    FROM unnest(:tenant_ids::text[], :ids::text[], :fences::bigint[]) WITH ORDINALITY w (tenant_id, id, fence, k) CROSS JOIN LATERAL (
        SELECT * FROM documents d WHERE d.tenant_id = w.tenant_id AND d.id = w.id OFFSET 0 FOR NO KEY UPDATE
    ) d
    JOIN bots b ON b.tenant_id = d.tenant_id AND b.id = d.bot_id
    WHERE d.fence = w.fence AND {claim_goes_on} AND set_config('synchronous_commit', 'off', true) = 'off'
)
UPDATE documents d SET lease_until = :lease_until
FROM held WHERE d.tenant_id = held.tenant_id AND d.id = held.id
RETURNING d.id, d.fence

-- part: claim_goes_on
{live_document} AND d.status = 'processing' AND (d.source <> 'training' OR d.lease_until >= :now)

-- name: hold_claim
-- Until the commit nobody takes the claim away: what is written behind this is of the fence. Commits wait for no disk.
SELECT 1 FROM {document_tables}
WHERE d.tenant_id = :tenant_id AND d.id = :id AND d.fence = :fence AND {claim_goes_on}
    AND set_config('synchronous_commit', 'off', true) = 'off'
FOR SHARE OF d

-- name: hold_claim_to_write
-- The same, and counts what is written of a first version.
UPDATE documents d SET chunk_count = CASE WHEN d.ready_version IS NULL THEN greatest(d.chunk_count, :written) ELSE d.chunk_count END
FROM bots b
WHERE d.tenant_id = :tenant_id AND d.id = :id AND d.fence = :fence AND b.tenant_id = d.tenant_id AND b.id = d.bot_id AND {claim_goes_on}
    AND set_config('synchronous_commit', 'off', true) = 'off'
RETURNING d.chunk_count

-- name: insert_chunks
WITH made AS (
    INSERT INTO chunks (tenant_id, document_id, fence, ordinal, text, starts, ends, tokens, sha256, heading, page, fingerprint,
        conversation_id, turn_id)
    SELECT :tenant_id, :document_id, :fence, x.* FROM unnest(:ordinals::bigint[], :texts::text[], :starts::bigint[], :ends::bigint[],
        :tokens::bigint[], :sha256s::text[], :headings::text[], :pages::bigint[], :fingerprints::text[], :conversation_ids::text[], :turn_ids::text[]) x
    ON CONFLICT (tenant_id, document_id, fence, ordinal) DO NOTHING
    RETURNING ordinal
), found AS (
    INSERT INTO chunk_words (tenant_id, document_id, fence, ordinal, words)
    SELECT :tenant_id, :document_id, :fence, made.ordinal, w.words::tsvector
    FROM made JOIN unnest(:ordinals::bigint[], :words::text[]) w (ordinal, words) ON w.ordinal = made.ordinal
    RETURNING words
)
INSERT INTO bot_words (tenant_id, bot_id, word, chunks)
SELECT :tenant_id, :bot_id, {stem_of_lexeme}, count(*) FROM found CROSS JOIN unnest(found.words) GROUP BY lexeme
HAVING {lexeme_counts} ORDER BY lexeme
ON CONFLICT (tenant_id, bot_id, word) DO UPDATE SET chunks = bot_words.chunks + excluded.chunks

-- part: lexeme_counts
-- That of the bot stands for all of its chunks, that of the tenant for nothing.
left(lexeme, 1) <> '@'

-- part: stem_of_lexeme
CASE left(lexeme, 1) WHEN '#' THEN '' ELSE lexeme END

-- name: leave_chunks
INSERT INTO chunk_residue (tenant_id, document_id, fence) VALUES (:tenant_id, :document_id, :fence) ON CONFLICT DO NOTHING

-- name: count_chunks
SELECT count(*) FROM chunks WHERE tenant_id = :tenant_id AND document_id = :document_id AND fence = :fence

-- name: first_embedding
UPDATE bots SET embedding = (
    SELECT v.embedding FROM chunk_vectors v WHERE v.tenant_id = :tenant_id AND v.document_id = :document_id AND v.fence = :fence LIMIT 1
)
WHERE tenant_id = :tenant_id AND id = :bot_id AND embedding IS NULL
