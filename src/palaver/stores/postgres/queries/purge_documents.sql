-- part: purge_doomed_chunks
-- Chunks go with all that finds them. What counts the stems is told: it may name none that is in no chunk any more.
gone AS (
    DELETE FROM chunks c USING doomed d
    WHERE c.tenant_id = d.tenant_id AND c.document_id = d.document_id AND c.fence = d.fence AND c.ordinal = d.ordinal
    RETURNING 1
), vectors AS (
    DELETE FROM chunk_vectors v USING doomed d
    WHERE v.tenant_id = d.tenant_id AND v.document_id = d.document_id AND v.fence = d.fence AND v.ordinal = d.ordinal
), found AS (
    DELETE FROM chunk_words w USING doomed d
    WHERE w.tenant_id = d.tenant_id AND w.document_id = d.document_id AND w.fence = d.fence AND w.ordinal = d.ordinal
    RETURNING w.tenant_id, w.document_id, w.words
), lost AS MATERIALIZED (
    SELECT f.tenant_id, o.bot_id, {stem_of_lexeme} AS word, count(*) AS chunks
    FROM found f JOIN documents o ON o.tenant_id = f.tenant_id AND o.id = f.document_id CROSS JOIN unnest(f.words)
    WHERE {lexeme_counts} GROUP BY f.tenant_id, o.bot_id, lexeme ORDER BY f.tenant_id, o.bot_id, lexeme
), counted AS (
    UPDATE bot_words w SET chunks = w.chunks - lost.chunks
    FROM lost WHERE w.tenant_id = lost.tenant_id AND w.bot_id = lost.bot_id AND w.word = lost.word
)
SELECT (SELECT count(*) FROM gone), (SELECT array_agg(bot_id) FROM lost), (SELECT array_agg(word) FROM lost)

-- name: purge_chunks_of_turn
WITH doomed AS (
    SELECT tenant_id, document_id, fence, ordinal FROM chunks WHERE tenant_id = :tenant_id AND turn_id = :turn_id LIMIT :limit
), {purge_doomed_chunks}

-- name: purge_chunks
WITH doomed AS (
    SELECT tenant_id, document_id, fence, ordinal FROM chunks
    WHERE tenant_id = :tenant_id AND document_id = :document_id AND fence = coalesce(:fence, fence)
    ORDER BY fence, ordinal LIMIT :limit
), {purge_doomed_chunks}

-- name: forget_words
DELETE FROM bot_words w USING unnest(:bot_ids::text[], :words::text[]) x (bot_id, word)
WHERE w.tenant_id = :tenant_id AND w.bot_id = x.bot_id AND w.word = x.word AND w.chunks <= 0

-- name: turns_of_conversation_in_chunks
SELECT t.id FROM turns t
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id
    AND EXISTS (SELECT 1 FROM chunks c WHERE c.tenant_id = t.tenant_id AND c.turn_id = t.id)
LIMIT :limit

-- name: residue
SELECT tenant_id, document_id, fence FROM chunk_residue LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: drop_residue
DELETE FROM chunk_residue WHERE tenant_id = :tenant_id AND document_id = :document_id AND fence = coalesce(:fence, fence)

-- name: document_to_purge
SELECT d.tenant_id, d.id, d.sha256 FROM documents d WHERE d.deleted_at IS NOT NULL AND d.deleted_at <= :cutoff
LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: document_of_bot_to_purge
SELECT d.tenant_id, d.id, d.sha256 FROM bots b CROSS JOIN LATERAL (
    SELECT d.tenant_id, d.id, d.sha256 FROM documents d WHERE d.tenant_id = b.tenant_id AND d.bot_id = b.id AND d.deleted_at IS NULL
    ORDER BY d.n LIMIT 1 FOR UPDATE SKIP LOCKED
) d
WHERE b.deleted_at IS NOT NULL AND b.deleted_at <= :cutoff LIMIT 1

-- name: doom_document
-- From here on it can't be restored any more: it was deleted for ever.
UPDATE documents SET deleted_at = 0 WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS DISTINCT FROM 0

-- name: purge_document
WITH keys AS (DELETE FROM once_keys WHERE tenant_id = :tenant_id AND resource_id = :id)
DELETE FROM documents WHERE tenant_id = :tenant_id AND id = :id

-- name: bot_with_old_vectors
SELECT tenant_id, id, embedding FROM bots WHERE has_old_vectors LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: purge_old_vectors
WITH doomed AS (
    SELECT v.tenant_id, v.document_id, v.fence, v.embedding, v.ordinal
    FROM documents d JOIN chunk_vectors v ON v.tenant_id = d.tenant_id AND v.document_id = d.id
    WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND v.embedding IS DISTINCT FROM :embedding LIMIT :limit
)
DELETE FROM chunk_vectors v USING doomed d
WHERE v.tenant_id = d.tenant_id AND v.document_id = d.document_id AND v.fence = d.fence AND v.embedding = d.embedding
    AND v.ordinal = d.ordinal

-- name: no_old_vectors
UPDATE bots SET has_old_vectors = false WHERE tenant_id = :tenant_id AND id = :bot_id
