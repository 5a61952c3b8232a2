-- part: chunk_columns
d.id, d.ready_version, k.ordinal, k.text, k.starts, k.ends, k.tokens, k.sha256, k.heading, k.page, k.fingerprint, v.id, t.id

-- part: made_of
LEFT JOIN turns t ON t.n = k.turn_n LEFT JOIN conversations v ON v.n = t.conversation_n

-- part: live_chunk
d.deleted_at IS NULL AND b.deleted_at IS NULL AND (k.turn_n IS NULL OR (t.n IS NOT NULL AND t.deleted_at IS NULL AND v.deleted_at IS NULL))

-- name: last_chunk
SELECT max(n) FROM chunks WHERE n >= :bot_n << 32 AND n < (:bot_n + 1) << 32

-- name: insert_chunk
INSERT INTO chunks (n, document_n, fence, ordinal, text, starts, ends, tokens, sha256, heading, page, turn_n, fingerprint)
VALUES (:n, :document_n, :fence, :ordinal, :text, :start, :end, :tokens, :sha256, :heading, :page, :turn_n, :fingerprint)
ON CONFLICT (document_n, fence, ordinal) DO NOTHING

-- name: index_chunk
INSERT INTO chunks_fts (rowid, text) VALUES (:n, :text)

-- name: unindex_chunk
INSERT INTO chunks_fts (chunks_fts, rowid, text) VALUES ('delete', :n, :text)

-- name: chunk_turn
SELECT n FROM turns WHERE id = :id AND tenant_id = :tenant_id

-- name: ready_chunks
SELECT {chunk_columns} FROM chunks k CROSS JOIN documents d ON d.n = k.document_n CROSS JOIN bots b ON b.n = d.bot_n {made_of}
WHERE k.document_n = :document_n AND k.fence = :fence AND k.ordinal > :ordinal AND {live_chunk} ORDER BY k.ordinal LIMIT :limit

-- name: ready_chunks_before
SELECT {chunk_columns} FROM chunks k CROSS JOIN documents d ON d.n = k.document_n CROSS JOIN bots b ON b.n = d.bot_n {made_of}
WHERE k.document_n = :document_n AND k.fence = :fence AND k.ordinal < :ordinal AND {live_chunk} ORDER BY k.ordinal DESC LIMIT :limit

-- name: chunk_by_key
SELECT {chunk_columns}, d.title
FROM documents d CROSS JOIN bots b ON b.n = d.bot_n
CROSS JOIN chunks k ON k.document_n = d.n AND k.fence = d.ready_fence AND k.ordinal = :ordinal {made_of}
WHERE d.id = :document_id AND d.tenant_id = :tenant_id AND b.id = :bot_id AND d.ready_version = :version AND {live_chunk}

-- name: found_chunk
SELECT {chunk_columns}, d.title, d.metadata
FROM chunks k CROSS JOIN documents d ON d.n = k.document_n AND d.ready_fence = k.fence CROSS JOIN bots b ON b.n = d.bot_n {made_of}
WHERE k.n = :n AND d.tenant_id = :tenant_id AND {live_chunk}

-- name: bot_index
SELECT n, revision, embedding FROM bots WHERE id = :id AND tenant_id = :tenant_id AND deleted_at IS NULL

-- name: index_changes
SELECT revision, id, CASE WHEN deleted_at IS NULL THEN ready_version END, metadata FROM documents
WHERE bot_n = :bot_n AND revision > :after AND revision > 0 ORDER BY revision LIMIT :limit

-- name: version_of_document
-- The fence under which a version was made: the ready one's, or that of the claim that goes on.
SELECT d.n, d.bot_n, CASE WHEN d.ready_version = :version THEN d.ready_fence WHEN d.version = :version AND d.status = 'processing' THEN d.fence END
FROM documents d CROSS JOIN bots b ON b.n = d.bot_n
WHERE d.id = :id AND d.tenant_id = :tenant_id AND d.deleted_at IS NULL AND b.deleted_at IS NULL

-- name: embedding
SELECT n FROM embeddings WHERE bot_n = :bot_n AND name = :name AND dropped = 0

-- name: insert_embedding
INSERT INTO embeddings (bot_n, name) VALUES (:bot_n, :name)

-- name: embedding_of_chunks
SELECT e.name FROM embeddings e CROSS JOIN chunks k ON k.document_n = :document_n AND k.fence = :fence
CROSS JOIN vectors x ON x.place = (e.n << 32) + (k.n & 4294967295)
WHERE e.bot_n = :bot_n AND e.dropped = 0 LIMIT 1

-- name: insert_vector
INSERT INTO vectors (place, vector) VALUES ((:embedding_n << 32) + (:chunk_n & 4294967295), :vector) ON CONFLICT (place) DO NOTHING

-- name: vectors_ascending
SELECT k.ordinal, x.vector FROM chunks k CROSS JOIN vectors x ON x.place = (:embedding_n << 32) + (k.n & 4294967295)
WHERE k.document_n = :document_n AND k.fence = :fence AND k.ordinal > :ordinal ORDER BY k.ordinal LIMIT :limit

-- name: vectors_descending
SELECT k.ordinal, x.vector FROM chunks k CROSS JOIN vectors x ON x.place = (:embedding_n << 32) + (k.n & 4294967295)
WHERE k.document_n = :document_n AND k.fence = :fence AND k.ordinal < :ordinal ORDER BY k.ordinal DESC LIMIT :limit

-- name: chunk_key
SELECT n FROM chunks WHERE document_n = :document_n AND fence = :fence AND ordinal = :ordinal

-- name: unembedded_chunks
SELECT {chunk_columns}, d.n
FROM documents d CROSS JOIN bots b ON b.n = d.bot_n CROSS JOIN chunks k ON k.document_n = d.n AND k.fence = d.ready_fence {made_of}
WHERE d.bot_n = :bot_n AND d.n >= :n AND k.ordinal > CASE WHEN d.n = :n THEN :ordinal ELSE -1 END AND {live_chunk}
  AND NOT EXISTS (SELECT 1 FROM vectors x WHERE x.place = (:embedding_n << 32) + (k.n & 4294967295))
ORDER BY d.n, k.ordinal LIMIT :limit

-- name: claim_embedding
UPDATE bots SET embedder = :owner, embedder_until = :until
WHERE n = :n AND (embedder IS NULL OR embedder = :owner OR embedder_until < :now)

-- name: serve_embedding
UPDATE bots SET embedding = :embedding, embedder = NULL, embedder_until = NULL, revision = revision + 1 WHERE n = :n

-- name: set_embedding
UPDATE bots SET embedding = :embedding WHERE n = :n AND embedding IS NULL

-- name: drop_embeddings
UPDATE embeddings SET dropped = 1 WHERE bot_n = :bot_n AND dropped = 0 AND name IS NOT :name

-- name: last_word
SELECT max(n) FROM words WHERE n >= :bot_n << 32 AND n < (:bot_n + 1) << 32

-- name: known_words
SELECT word FROM words WHERE bot_n = :bot_n AND word IN (SELECT value FROM json_each(:words))

-- name: insert_word
INSERT INTO words (n, bot_n, word) VALUES (:n, :bot_n, :word)

-- name: index_word
INSERT INTO words_fts (rowid, word) VALUES (:n, :word)

-- name: unindex_word
INSERT INTO words_fts (words_fts, rowid, word) VALUES ('delete', :n, :word)

-- name: word
SELECT 1 FROM words WHERE bot_n = :bot_n AND word = :word

-- name: words_like
SELECT w.word FROM words_fts f CROSS JOIN words w ON w.n = f.rowid
WHERE f.words_fts MATCH :match AND f.rowid >= :bot_n << 32 AND f.rowid < (:bot_n + 1) << 32 LIMIT :limit

-- name: chunks_with
SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH :match AND rowid BETWEEN :first AND :last ORDER BY rowid LIMIT :limit

-- name: probe_chunks
SELECT count(*), max(n) FROM (
    SELECT rowid AS n FROM chunks_fts WHERE chunks_fts MATCH :match AND rowid BETWEEN :first AND :last ORDER BY rowid LIMIT :limit
)

-- name: range_of_chunks
-- One at a time: for both in one SELECT all rows between them are read.
SELECT (SELECT min(n) FROM chunks WHERE n >= :bot_n << 32 AND n < (:bot_n + 1) << 32),
       (SELECT max(n) FROM chunks WHERE n >= :bot_n << 32 AND n < (:bot_n + 1) << 32)

-- name: ranges_of_documents
SELECT metadata, first_chunk_n, last_chunk_n FROM documents
WHERE bot_n = :bot_n AND deleted_at IS NULL AND first_chunk_n IS NOT NULL

-- name: fingerprints
SELECT ordinal, n, fingerprint FROM chunks
WHERE document_n = :document_n AND fence = :fence AND ordinal > :ordinal AND fingerprint IS NOT NULL ORDER BY ordinal LIMIT :limit

-- name: insert_quarter
INSERT INTO quarters (bot_n, quarter, chunk_n, fingerprint) VALUES (:bot_n, :quarter, :n, :fingerprint) ON CONFLICT DO NOTHING

-- name: forget_quarter
DELETE FROM quarters WHERE bot_n = :bot_n AND quarter = :quarter AND chunk_n = :n

-- name: chunks_with_a_quarter
SELECT chunk_n, fingerprint FROM quarters WHERE bot_n = :bot_n AND quarter IN (:one, :two, :three, :four) LIMIT :limit

-- name: live_mark
SELECT 1 FROM chunks k CROSS JOIN documents d ON d.n = k.document_n AND d.ready_fence = k.fence CROSS JOIN bots b ON b.n = d.bot_n {made_of}
WHERE k.n = :n AND {live_chunk}
