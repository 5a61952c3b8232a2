-- part: conversation_columns
c.id, b.id, c.kind, c.title, c.status, c.end_reason, c.external_id, c.metadata, c.rating, c.feedback,
c.message_count, c.turn_count, (SELECT h.id FROM turns h WHERE h.n = c.head_n), (SELECT r.id FROM turns r WHERE r.n = c.running_n),
c.started_at, c.last_activity_at, c.ended_at, c.deleted_at, c.version, {entity_columns}

-- part: conversation_tables
conversations c CROSS JOIN bots b ON b.n = c.bot_n LEFT JOIN entities e ON e.n = c.entity_n

-- part: conversation_state_columns
c.n, c.bot_n, c.status, c.version, c.head_n, c.running_n, c.last_seq, c.last_index, c.end_reason, c.rating, c.feedback,
{origin_at_head}

-- part: origin_at_head
-- The deleted turn that goes on at the head: what continues the head would continue that.
(SELECT l.n FROM turns l WHERE l.n = c.lost_n AND l.deleted_at IS NOT NULL AND l.conversation_n = c.n AND l.parent_n IS c.head_n)

-- name: conversation
SELECT {conversation_columns} FROM {conversation_tables}
WHERE c.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL

-- name: conversation_state
SELECT {conversation_state_columns} FROM conversations c WHERE c.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL

-- name: deleted_conversation
SELECT c.n, c.deletion, b.deleted_at FROM conversations c JOIN bots b ON b.n = c.bot_n
WHERE c.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NOT NULL AND c.deletion IS NOT NULL

-- name: insert_conversation
INSERT INTO conversations
    (id, tenant_id, bot_n, entity_n, kind, title, status, external_id, metadata, started_at, last_activity_at, idles)
VALUES (:id, :tenant_id, :bot_n, :entity_n, :kind, :title, 'active', :external_id, :metadata, :now, :now, :idles)

-- name: update_conversation
UPDATE conversations
SET bot_n = :bot_n, idles = :idles, title = :title, external_id = :external_id, metadata = :metadata, version = version + 1
WHERE n = :n

-- name: title_conversation
UPDATE conversations SET title = :title WHERE n = :n AND title IS NULL

-- name: end_conversation
UPDATE conversations
SET status = 'ended', end_reason = :reason, ended_at = :now, rating = coalesce(:rating, rating),
    feedback = coalesce(:feedback, feedback), version = version + 1
WHERE n = :n

-- name: rate_conversation
UPDATE conversations
SET rating = coalesce(:rating, rating), feedback = coalesce(:feedback, feedback), version = version + 1
WHERE n = :n

-- name: archive_conversation
UPDATE conversations SET status = 'archived', version = version + 1 WHERE n = :n

-- name: reopen_conversation
UPDATE conversations
SET status = 'active', end_reason = NULL, ended_at = NULL, last_activity_at = :now, version = version + 1
WHERE n = :n

-- name: delete_conversation
UPDATE conversations SET deleted_at = :now, deletion = id WHERE n = :n

-- name: restore_conversation
UPDATE conversations SET deleted_at = NULL, deletion = NULL WHERE n = :n

-- name: set_head
UPDATE conversations SET head_n = :head_n, lost_n = NULL, version = version + 1 WHERE n = :n

-- name: set_idling
UPDATE conversations SET idles = :idles WHERE bot_n = :bot_n

-- name: bots_with_timeout
SELECT n, idle_timeout_minutes FROM bots WHERE idle_timeout_minutes IS NOT NULL AND deleted_at IS NULL

-- name: idle_conversations
SELECT c.n FROM conversations c
WHERE c.bot_n = :bot_n AND c.idles = 1 AND c.status = 'active' AND c.deleted_at IS NULL AND c.last_activity_at <= :idle_since
  AND NOT EXISTS (SELECT 1 FROM turns r WHERE r.conversation_n = c.n AND r.status = 'running')
  AND NOT EXISTS (SELECT 1 FROM turns q WHERE q.conversation_n = c.n AND q.status = 'queued')
  AND NOT EXISTS (SELECT 1 FROM turns h WHERE h.n = c.head_n AND h.finished_at > :idle_since)
LIMIT :limit

-- name: open_turns_of_conversation
SELECT n FROM turns WHERE conversation_n = :n AND status = 'running'
UNION ALL
SELECT n FROM turns WHERE conversation_n = :n AND status = 'queued'

-- name: branch_rows
SELECT t.n, t.id, t.parent_n FROM turns t
WHERE t.conversation_n = :n AND t.deleted_at IS NULL

-- name: parent_of
SELECT parent_n, question_id, answer_id, id FROM turns WHERE n = :n
