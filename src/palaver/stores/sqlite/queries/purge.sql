-- name: conversation_to_purge
SELECT n, id, tenant_id FROM conversations WHERE deleted_at IS NOT NULL AND deleted_at <= :cutoff LIMIT 1

-- name: give_up_conversation
-- What names no deletion is not restored by undoing one: from here on it goes piece by piece.
UPDATE conversations SET deletion = NULL WHERE n = :n AND deletion IS NOT NULL

-- name: messages_to_purge
SELECT m.n, m.text, c.tenant_id, c.bot_n FROM messages m CROSS JOIN conversations c ON c.n = m.conversation_n
WHERE m.conversation_n = :n LIMIT :limit

-- name: turn_to_purge
SELECT n FROM turns WHERE conversation_n = :n LIMIT 1

-- name: place_to_leave
SELECT conversation_n, parent_n, origin_n FROM turns WHERE n = :n

-- name: purge_log
DELETE FROM turn_log
WHERE place IN (
    SELECT l.place FROM turn_log l WHERE l.place > :turn_n << 24 AND l.place < (:turn_n + 1) << 24 ORDER BY l.place LIMIT :limit
)

-- name: purge_turn
DELETE FROM turns WHERE n = :n

-- name: purge_message
DELETE FROM messages WHERE n = :n

-- name: purge_conversation
DELETE FROM conversations WHERE n = :n

-- name: bots_to_purge
SELECT b.n, b.id FROM bots b
WHERE b.deleted_at IS NOT NULL AND b.deleted_at <= :cutoff
  AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.bot_n = b.n AND c.deleted_at IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.bot_n = b.n)
  AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.bot_n = b.n AND e.dropped = 1)
  AND b.sweep_n IS NULL
LIMIT :limit

-- name: purge_bot
DELETE FROM bots WHERE n = :n

-- name: deleted_turns
SELECT n FROM turns WHERE deleted_at IS NOT NULL AND deleted_at <= :cutoff LIMIT :limit

-- name: messages_of_deleted_turn
SELECT m.n, m.text, c.tenant_id, c.bot_n
FROM turns t CROSS JOIN messages m ON m.id IN (t.question_id, t.answer_id) CROSS JOIN conversations c ON c.n = m.conversation_n
WHERE t.n = :n AND m.turn_n = t.n AND m.deleted_at IS NOT NULL

-- name: unindex_message
INSERT INTO messages_fts (messages_fts, rowid, scope, text) VALUES ('delete', :n, :scope, :text)

-- name: merge_index
INSERT INTO messages_fts (messages_fts, rank) VALUES ('merge', :pages)

-- name: merge_chunk_index
INSERT INTO chunks_fts (chunks_fts, rank) VALUES ('merge', :pages)

-- name: merge_word_index
INSERT INTO words_fts (words_fts, rank) VALUES ('merge', :pages)

-- name: document_to_purge
SELECT n, id, tenant_id, bot_n, sha256 FROM documents WHERE deleted_at IS NOT NULL AND deleted_at <= :cutoff LIMIT 1

-- name: document_of_bot_to_purge
SELECT d.n, d.id, d.tenant_id, d.bot_n, d.sha256 FROM bots b CROSS JOIN documents d ON d.bot_n = b.n AND d.deleted_at IS NULL
WHERE b.deleted_at IS NOT NULL AND b.deleted_at <= :cutoff LIMIT 1

-- name: give_up_document
UPDATE documents SET purging = 1, deleted_at = coalesce(deleted_at, :cutoff) WHERE n = :n AND purging = 0

-- name: turns_that_consulted
SELECT turn_n FROM consulted WHERE document_id = :document_id LIMIT :limit

-- name: forget_consulted
DELETE FROM consulted WHERE document_id = :document_id AND turn_n = :turn_n

-- name: forget_consulted_of_turn
DELETE FROM consulted WHERE turn_n = :turn_n

-- name: chunks_of_document
SELECT n, text, heading, fingerprint FROM chunks WHERE document_n = :document_n LIMIT :limit

-- name: chunks_of_fence
SELECT n, text, heading, fingerprint FROM chunks WHERE document_n = :document_n AND fence = :fence LIMIT :limit

-- name: chunks_of_turn
SELECT k.n, k.text, k.heading, k.fingerprint, d.bot_n FROM chunks k CROSS JOIN documents d ON d.n = k.document_n WHERE k.turn_n = :turn_n

-- name: purge_chunk
DELETE FROM chunks WHERE n = :n

-- name: all_embeddings
SELECT n FROM embeddings WHERE bot_n = :bot_n AND dropped = 0 UNION ALL SELECT n FROM embeddings WHERE bot_n = :bot_n AND dropped = 1

-- name: purge_vector
DELETE FROM vectors WHERE place = (:embedding_n << 32) + (:chunk_n & 4294967295)

-- name: some_leavings
SELECT l.document_n, l.fence, d.bot_n FROM leavings l CROSS JOIN documents d ON d.n = l.document_n LIMIT 1

-- name: forget_leavings
DELETE FROM leavings WHERE document_n = :document_n AND fence = :fence

-- name: forget_all_leavings
DELETE FROM leavings WHERE document_n = :document_n

-- name: forget_marks
UPDATE conversations SET trained_n = NULL WHERE trained_n = :document_n

-- name: purge_document
DELETE FROM documents WHERE n = :n

-- name: embedding_to_purge
SELECT n FROM embeddings WHERE dropped = 1 LIMIT 1

-- name: purge_vectors
DELETE FROM vectors WHERE place IN (
    SELECT x.place FROM vectors x WHERE x.place >= :embedding_n << 32 AND x.place < (:embedding_n + 1) << 32 LIMIT :limit
)

-- name: purge_embedding
DELETE FROM embeddings WHERE n = :n

-- name: drop_embeddings_of_bot
DELETE FROM embeddings WHERE bot_n = :bot_n AND dropped = 0

-- name: sweep_words
UPDATE bots SET sweep_n = :bot_n << 32 WHERE n = :bot_n

-- name: bot_to_sweep
SELECT n, sweep_n FROM bots WHERE sweep_n IS NOT NULL LIMIT 1

-- name: words_to_sweep
SELECT n, word FROM words WHERE n >= :first AND n < (:bot_n + 1) << 32 ORDER BY n LIMIT :limit

-- name: set_sweep
UPDATE bots SET sweep_n = :sweep_n WHERE n = :bot_n

-- name: word_in_use
SELECT 1 FROM chunks_fts WHERE chunks_fts MATCH :match AND rowid >= :bot_n << 32 AND rowid < (:bot_n + 1) << 32 LIMIT 1

-- name: purge_word
DELETE FROM words WHERE n = :n

-- name: attachments_of_message
SELECT attachment_n FROM message_attachments WHERE message_n = :n

-- name: unlink_attachment
DELETE FROM message_attachments WHERE message_n = :message_n AND attachment_n = :attachment_n

-- name: attachment_in_use
SELECT 1 FROM message_attachments WHERE attachment_n = :n LIMIT 1

-- name: attachment_content
SELECT tenant_id, sha256, id FROM attachments WHERE n = :n

-- name: purge_attachment
DELETE FROM attachments WHERE n = :n

-- name: content_in_use
SELECT 1 FROM attachments WHERE tenant_id = :tenant_id AND sha256 = :sha256
UNION ALL SELECT 1 FROM documents WHERE tenant_id = :tenant_id AND sha256 = :sha256 LIMIT 1

-- name: purge_content
DELETE FROM blobs WHERE tenant_id = :tenant_id AND sha256 = :sha256

-- name: unused_attachments
SELECT n FROM attachments WHERE used = 0 AND created_at <= :cutoff LIMIT :limit
