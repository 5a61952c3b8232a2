-- name: conversation_to_purge
SELECT n, id FROM conversations WHERE deleted_at IS NOT NULL AND deleted_at <= :cutoff LIMIT 1

-- name: give_up_conversation
-- What names no deletion is not restored by undoing one: from here on it goes piece by piece.
UPDATE conversations SET deletion = NULL WHERE n = :n AND deletion IS NOT NULL

-- name: messages_to_purge
SELECT m.n, m.text, c.tenant_id, c.bot_n FROM messages m CROSS JOIN conversations c ON c.n = m.conversation_n
WHERE m.conversation_n = :n LIMIT :limit

-- name: turn_to_purge
SELECT n FROM turns WHERE conversation_n = :n LIMIT 1

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
LIMIT :limit

-- name: purge_bot
DELETE FROM bots WHERE n = :n

-- name: deleted_turns
SELECT n FROM turns WHERE deleted_at IS NOT NULL AND deleted_at <= :cutoff LIMIT :limit

-- name: messages_of_deleted_turn
SELECT m.n, m.text, c.tenant_id, c.bot_n
FROM turns t CROSS JOIN messages m ON m.id IN (t.question_id, t.answer_id) CROSS JOIN conversations c ON c.n = m.conversation_n
WHERE t.n = :n AND m.deleted_at IS NOT NULL

-- name: unindex_message
INSERT INTO messages_fts (messages_fts, rowid, scope, text) VALUES ('delete', :n, :scope, :text)

-- name: merge_index
INSERT INTO messages_fts (messages_fts, rank) VALUES ('merge', :pages)

-- name: attachments_of_message
SELECT attachment_n FROM message_attachments WHERE message_n = :n

-- name: unlink_attachment
DELETE FROM message_attachments WHERE message_n = :message_n AND attachment_n = :attachment_n

-- name: attachment_in_use
SELECT 1 FROM message_attachments WHERE attachment_n = :n LIMIT 1

-- name: attachment_content
SELECT tenant_id, sha256 FROM attachments WHERE n = :n

-- name: purge_attachment
DELETE FROM attachments WHERE n = :n

-- name: content_in_use
SELECT 1 FROM attachments WHERE tenant_id = :tenant_id AND sha256 = :sha256 LIMIT 1

-- name: purge_content
DELETE FROM blobs WHERE tenant_id = :tenant_id AND sha256 = :sha256

-- name: unused_attachments
SELECT n FROM attachments WHERE used = 0 AND created_at <= :cutoff LIMIT :limit
