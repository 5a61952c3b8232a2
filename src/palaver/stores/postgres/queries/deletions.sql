-- What a deletion of turns changes, and its undoing.

-- part: deletion_columns
t.idx, t.id, t.parent_idx, t.question_id, t.answer_id, t.conversation_id, t.status, t.deleted_at

-- name: turn_to_delete
SELECT {deletion_columns}, m.role FROM {message_tables} WHERE m.tenant_id = :tenant_id AND m.id = :id AND {live_message}

-- name: turn_to_restore
SELECT {deletion_columns}, m.deleted_at FROM {message_tables}
WHERE m.tenant_id = :tenant_id AND m.id = :id AND c.deleted_at IS NULL AND b.deleted_at IS NULL

-- name: turns_that_ask
SELECT {deletion_columns} FROM turns t
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.deleted_at IS NULL AND t.question_id = :question_id
ORDER BY t.idx

-- name: turns_deleted_with
-- Those that ask the same question, and were deleted in the same moment; not those that a purge has begun on.
SELECT {deletion_columns} FROM turns t
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.question_id = :question_id AND t.deleted_at = :deleted_at
    AND (t.answer_id IS NULL OR EXISTS (SELECT 1 FROM messages a WHERE a.tenant_id = t.tenant_id AND a.id = t.answer_id))
ORDER BY t.idx

-- name: message_exists
SELECT 1 FROM messages WHERE tenant_id = :tenant_id AND id = :id

-- name: message_on_path
SELECT 1 FROM messages WHERE tenant_id = :tenant_id AND id = :id AND on_path

-- name: hang_children
UPDATE turns SET parent_idx = :parent_idx, origin_idx = coalesce(origin_idx, :idx)
WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND parent_idx = :idx

-- name: hanging_turns
SELECT t.idx, t.origin_idx, t.deleted_at IS NOT NULL,
    EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = t.tenant_id AND m.id = coalesce(t.answer_id, t.question_id) AND m.on_path)
FROM turns t
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.parent_idx IS NOT DISTINCT FROM :parent_idx::bigint
    AND t.origin_idx IS NOT NULL

-- name: hang_back
UPDATE turns SET parent_idx = :parent_idx, origin_idx = nullif(origin_idx, :parent_idx)
WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND idx = ANY(:idxs::bigint[])

-- name: delete_turn
UPDATE turns SET deleted_at = :now WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND idx = :idx

-- name: restore_turn
UPDATE turns SET deleted_at = NULL WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND idx = :idx

-- name: hand_over_question
UPDATE messages SET turn_idx = :idx, on_path = on_path AND :stays WHERE tenant_id = :tenant_id AND id = :id

-- name: delete_messages
UPDATE messages SET deleted_at = :now, on_path = false WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[]) AND deleted_at IS NULL
RETURNING id

-- name: restore_messages
UPDATE messages SET deleted_at = NULL WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[]) AND deleted_at IS NOT NULL

-- name: show_messages
UPDATE messages SET on_path = true WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[])

-- name: forget_turn
UPDATE conversations
SET message_count = message_count - :messages, turn_count = turn_count - 1, version = version + 1, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :conversation_id

-- name: recall_turn
UPDATE conversations
SET message_count = message_count + :messages, turn_count = turn_count + 1, restored_at = :now, trained_by = NULL,
    version = version + 1, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :conversation_id

-- name: lose_head
UPDATE conversations SET head_idx = :head_idx, lost_idx = coalesce(lost_idx, :lost_idx), revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :conversation_id

-- name: lost_head
SELECT c.head_idx, l.idx, l.parent_idx, l.deleted_at FROM conversations c CROSS JOIN LATERAL (
    SELECT * FROM turns t WHERE t.tenant_id = c.tenant_id AND t.conversation_id = c.id AND t.idx = c.lost_idx OFFSET 0
) l
WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id

-- name: return_head
UPDATE conversations SET head_idx = :head_idx, lost_idx = :lost_idx, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :conversation_id

-- name: head_of
SELECT head_idx FROM conversations WHERE tenant_id = :tenant_id AND id = :conversation_id

-- name: leave_restorable
-- What would continue a turn that is purged would continue what that would have continued.
WITH doomed AS (
    SELECT tenant_id, conversation_id, idx, parent_idx, origin_idx FROM turns
    WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND idx = :idx
), left_ones AS (
    UPDATE turns t SET origin_idx = d.origin_idx FROM doomed d
    WHERE t.tenant_id = d.tenant_id AND t.conversation_id = d.conversation_id AND t.origin_idx = d.idx
)
UPDATE conversations c SET lost_idx = CASE WHEN c.lost_idx = d.idx THEN d.origin_idx ELSE c.lost_idx END, revision = revision + 1
FROM doomed d WHERE c.tenant_id = d.tenant_id AND c.id = d.conversation_id

-- part: deleted_messages
SELECT {message_columns}, m.deleted_at, m.n FROM {message_tables}

-- part: shows_deleted
m.deleted_at IS NOT NULL AND c.deleted_at IS NULL AND b.deleted_at IS NULL

-- name: deleted_messages_descending
{deleted_messages} WHERE m.tenant_id = :tenant_id AND (m.deleted_at, m.n) < (:deleted_at, :n) AND {shows_deleted}
ORDER BY m.deleted_at DESC, m.n DESC LIMIT :limit

-- name: deleted_messages_ascending
{deleted_messages} WHERE m.tenant_id = :tenant_id AND (m.deleted_at, m.n) > (:deleted_at, :n) AND {shows_deleted}
ORDER BY m.deleted_at ASC, m.n ASC LIMIT :limit

-- name: deleted_messages_of_conversation_descending
{deleted_messages} WHERE m.tenant_id = :tenant_id AND m.conversation_id = :conversation_id AND (m.deleted_at, m.n) < (:deleted_at, :n)
    AND {shows_deleted}
ORDER BY m.deleted_at DESC, m.n DESC LIMIT :limit

-- name: deleted_messages_of_conversation_ascending
{deleted_messages} WHERE m.tenant_id = :tenant_id AND m.conversation_id = :conversation_id AND (m.deleted_at, m.n) > (:deleted_at, :n)
    AND {shows_deleted}
ORDER BY m.deleted_at ASC, m.n ASC LIMIT :limit
