-- name: extensions
SELECT e.extname, quote_ident(s.nspname) FROM pg_extension e JOIN pg_namespace s ON s.oid = e.extnamespace
WHERE e.extname = ANY(:names::text[])

-- name: has_points
SELECT 1 FROM pg_attribute WHERE attrelid = 'chunk_vectors'::regclass AND attname = 'point' AND NOT attisdropped

-- name: add_points
ALTER TABLE chunk_vectors ADD COLUMN IF NOT EXISTS point {vector_type}

-- name: index_missing_points
CREATE INDEX IF NOT EXISTS chunk_vectors_without_point ON chunk_vectors (tenant_id, document_id) WHERE point IS NULL

-- name: missing_points
SELECT tenant_id, document_id, fence, embedding, ordinal, vector FROM chunk_vectors WHERE point IS NULL LIMIT :limit
FOR NO KEY UPDATE SKIP LOCKED

-- name: fill_points
UPDATE chunk_vectors v SET point = w.point::{vector_type}
FROM unnest(:tenant_ids::text[], :document_ids::text[], :fences::bigint[], :embeddings::text[], :ordinals::bigint[], :points::text[])
    w (tenant_id, document_id, fence, embedding, ordinal, point)
WHERE v.tenant_id = w.tenant_id AND v.document_id = w.document_id AND v.fence = w.fence AND v.embedding = w.embedding
    AND v.ordinal = w.ordinal
