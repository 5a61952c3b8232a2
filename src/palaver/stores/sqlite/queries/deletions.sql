-- What a deletion of turns changes, and its undoing.

-- part: deletion_columns
t.n, t.id, t.parent_n, t.question_id, t.answer_id, t.conversation_n, t.status, t.deleted_at, t.origin_n

-- name: turn_to_delete
SELECT {deletion_columns}, m.role
FROM {message_tables} WHERE m.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL AND m.deleted_at IS NULL

-- name: turn_to_restore
SELECT {deletion_columns}, m.deleted_at
FROM {message_tables} WHERE m.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL

-- name: turns_that_ask
SELECT {deletion_columns}
FROM turns t WHERE t.conversation_n = :conversation_n AND t.deleted_at IS NULL AND t.question_id = :question_id
  AND t.parent_n IS (SELECT o.parent_n FROM messages m JOIN turns o ON o.n = m.turn_n WHERE m.id = :question_id)
ORDER BY t.n

-- name: turns_deleted_with
-- Those that ask the same question, and were deleted in the same moment; not those that a purge has begun on.
SELECT {deletion_columns}
FROM turns t WHERE t.conversation_n = :conversation_n AND t.parent_n IS :parent_n AND t.question_id = :question_id
  AND t.deleted_at = :deleted_at AND (t.answer_id IS NULL OR EXISTS (SELECT 1 FROM messages a WHERE a.id = t.answer_id))
ORDER BY t.n

-- name: hang_children
UPDATE turns SET parent_n = :parent_n, origin_n = coalesce(origin_n, :n) WHERE conversation_n = :conversation_n AND parent_n = :n

-- name: hanging_turns
SELECT n, origin_n, deleted_at IS NOT NULL, coalesce(answer_id, question_id) FROM turns
WHERE conversation_n = :conversation_n AND parent_n IS :parent_n AND origin_n IS NOT NULL

-- name: hang_back
UPDATE turns SET parent_n = :parent_n, origin_n = nullif(origin_n, :parent_n) WHERE n = :n

-- name: leave_origin
UPDATE turns SET origin_n = :origin_n WHERE conversation_n = :conversation_n AND parent_n IS :parent_n AND origin_n = :n

-- name: delete_turn
UPDATE turns SET deleted_at = :now WHERE n = :n

-- name: restore_turn
UPDATE turns SET deleted_at = NULL WHERE n = :n

-- name: hand_over_question
UPDATE messages SET turn_n = :turn_n WHERE id = :id

-- name: delete_message
UPDATE messages SET deleted_at = :now, deleted_of = :tenant_id, on_path = 0 WHERE id = :id AND deleted_at IS NULL

-- name: restore_message
UPDATE messages SET deleted_at = NULL, deleted_of = NULL WHERE id = :id AND deleted_at IS NOT NULL

-- name: message_exists
SELECT 1 FROM messages WHERE id = :id

-- name: message_on_path
SELECT 1 FROM messages WHERE id = :id AND on_path = 1

-- name: forget_turn
UPDATE conversations
SET message_count = message_count - :messages, turn_count = turn_count - 1, version = version + 1
WHERE n = :n

-- name: recall_turn
UPDATE conversations
SET message_count = message_count + :messages, turn_count = turn_count + 1, version = version + 1, restored_at = :now
WHERE n = :n

-- name: head_of
SELECT head_n FROM conversations WHERE n = :n

-- name: newest_child
SELECT max(n) FROM turns WHERE conversation_n = :conversation_n AND parent_n IS :parent_n AND deleted_at IS NULL

-- name: lose_head
UPDATE conversations SET head_n = :head_n, lost_n = coalesce(lost_n, :lost_n) WHERE n = :n

-- name: lost_head
SELECT c.head_n, l.n, l.parent_n, l.deleted_at FROM conversations c CROSS JOIN turns l ON l.n = c.lost_n WHERE c.n = :n

-- name: return_head
UPDATE conversations SET head_n = :head_n, lost_n = :lost_n WHERE n = :n

-- name: leave_lost_head
UPDATE conversations SET lost_n = :origin_n WHERE n = :conversation_n AND lost_n = :n

-- part: deleted_messages
SELECT {message_columns}, m.deleted_at FROM {message_tables}

-- name: deleted_messages_descending
{deleted_messages} WHERE m.deleted_of = :tenant_id AND (m.deleted_at, m.n) < (:deleted_at, :n) AND m.deleted_at IS NOT NULL
  AND c.deleted_at IS NULL
ORDER BY m.deleted_at DESC, m.n DESC LIMIT :limit

-- name: deleted_messages_ascending
{deleted_messages} WHERE m.deleted_of = :tenant_id AND (m.deleted_at, m.n) > (:deleted_at, :n) AND m.deleted_at IS NOT NULL
  AND c.deleted_at IS NULL
ORDER BY m.deleted_at ASC, m.n ASC LIMIT :limit

-- name: deleted_messages_of_conversation_descending
{deleted_messages} WHERE m.conversation_n = :conversation_n AND (m.deleted_at, m.n) < (:deleted_at, :n) AND m.deleted_at IS NOT NULL
ORDER BY m.deleted_at DESC, m.n DESC LIMIT :limit

-- name: deleted_messages_of_conversation_ascending
{deleted_messages} WHERE m.conversation_n = :conversation_n AND (m.deleted_at, m.n) > (:deleted_at, :n) AND m.deleted_at IS NOT NULL
ORDER BY m.deleted_at ASC, m.n ASC LIMIT :limit
