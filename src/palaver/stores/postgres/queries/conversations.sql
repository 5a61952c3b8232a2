-- part: conversation_columns
c.id, c.bot_id, c.kind, c.title, c.status, c.end_reason, c.external_id, c.metadata, c.rating, c.feedback, c.message_count, c.turn_count,
(SELECT h.id FROM turns h WHERE h.tenant_id = c.tenant_id AND h.conversation_id = c.id AND h.idx = c.head_idx),
(SELECT r.id FROM turns r WHERE r.tenant_id = c.tenant_id AND r.conversation_id = c.id AND r.idx = c.running_idx),
c.started_at, c.last_activity_at, c.ended_at, c.deleted_at, c.version, {entity_columns}

-- part: conversation_tables
conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
LEFT JOIN entities e ON e.tenant_id = c.tenant_id AND e.id = c.entity_id

-- part: live_conversation
c.tenant_id = :tenant_id AND c.id = :id AND c.deleted_at IS NULL AND b.deleted_at IS NULL

-- name: conversation
SELECT {conversation_columns} FROM {conversation_tables} WHERE {live_conversation}

-- part: origin_at_head
-- The deleted turn that goes on at the head: what continues the head would continue that.
(SELECT l.idx FROM turns l WHERE l.tenant_id = c.tenant_id AND l.conversation_id = c.id AND l.idx = c.lost_idx AND l.deleted_at IS NOT NULL
    AND l.parent_idx IS NOT DISTINCT FROM c.head_idx)

-- name: conversation_to_change
SELECT c.status, c.version, c.head_idx, c.bot_id, c.last_seq, c.last_index, c.revision, {origin_at_head}
FROM conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
WHERE {live_conversation} FOR NO KEY UPDATE OF c

-- name: deleted_conversation
SELECT b.deleted_at FROM conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
WHERE c.tenant_id = :tenant_id AND c.id = :id AND c.deleted_at > 0 FOR NO KEY UPDATE OF c

-- name: insert_conversation
INSERT INTO conversations
    (id, tenant_id, bot_id, entity_id, kind, title, title_folded, status, external_id, metadata, started_at, last_activity_at)
VALUES (:id, :tenant_id, :bot_id, :entity_id, :kind, :title, :title_folded, 'active', :external_id, :metadata, :now, :now)

-- name: update_conversation
UPDATE conversations
SET bot_id = :bot_id, title = :title, title_folded = :title_folded, external_id = :external_id, metadata = :metadata,
    version = version + 1, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :id

-- name: title_conversation
UPDATE conversations SET title = :title, title_folded = :title_folded
WHERE tenant_id = :tenant_id AND id = :id AND title IS NULL

-- name: end_conversation
UPDATE conversations
SET status = 'ended', end_reason = :reason, ended_at = :now, rating = coalesce(:rating, rating),
    feedback = coalesce(:feedback, feedback), trained_by = NULL, version = version + 1, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :id

-- name: rate_conversation
UPDATE conversations
SET rating = coalesce(:rating, rating), feedback = coalesce(:feedback, feedback), trained_by = NULL, version = version + 1,
    revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :id

-- name: archive_conversation
UPDATE conversations SET status = 'archived', trained_by = NULL, version = version + 1, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :id

-- name: reopen_conversation
UPDATE conversations
SET status = 'active', end_reason = NULL, ended_at = NULL, last_activity_at = :now, trained_by = NULL, version = version + 1,
    revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :id

-- name: delete_conversation
UPDATE conversations SET deleted_at = :now, revision = revision + 1 WHERE tenant_id = :tenant_id AND id = :id

-- name: restore_conversation
UPDATE conversations SET deleted_at = NULL, revision = revision + 1 WHERE tenant_id = :tenant_id AND id = :id

-- name: set_head
UPDATE conversations SET head_idx = :head_idx, lost_idx = NULL, version = version + 1, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :conversation_id

-- part: idle_conversation
c.status = 'active' AND c.deleted_at IS NULL AND c.last_activity_at <= :now - b.idle_timeout_minutes * 60000000 AND c.running_idx IS NULL
AND NOT EXISTS (SELECT 1 FROM turns q WHERE q.tenant_id = c.tenant_id AND q.conversation_id = c.id AND q.status = 'queued')
AND NOT EXISTS (
    SELECT 1 FROM turns h WHERE h.tenant_id = c.tenant_id AND h.conversation_id = c.id AND h.idx = c.head_idx
        AND h.finished_at > :now - b.idle_timeout_minutes * 60000000
)

-- name: idle_conversations
SELECT c.tenant_id, c.id FROM bots b CROSS JOIN LATERAL (
    SELECT c.tenant_id, c.id FROM conversations c
    WHERE c.tenant_id = b.tenant_id AND c.bot_id = b.id AND {idle_conversation} LIMIT :limit
) c
WHERE b.idle_timeout_minutes IS NOT NULL AND b.deleted_at IS NULL LIMIT :limit

-- name: end_idle_conversation
-- One that somebody is writing in is not idle.
WITH idle AS (
    SELECT c.tenant_id, c.id FROM conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
    WHERE c.tenant_id = :tenant_id AND c.id = :id AND b.deleted_at IS NULL AND {idle_conversation}
    FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE conversations c
SET status = 'ended', end_reason = 'idle', ended_at = :now, trained_by = NULL, version = version + 1, revision = revision + 1
FROM idle WHERE c.tenant_id = idle.tenant_id AND c.id = idle.id

-- name: branch_rows
SELECT c.head_idx, t.idx, t.id, t.parent_idx FROM conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
LEFT JOIN turns t ON t.tenant_id = c.tenant_id AND t.conversation_id = c.id AND t.deleted_at IS NULL
WHERE {live_conversation}

-- name: move_path
-- Walks two ends back to where they meet, the later one first: what is left is off the path, what is joined is on it.
WITH RECURSIVE walk (old_idx, new_idx) AS (
    SELECT :old_idx::bigint, :new_idx::bigint
    UNION ALL
    SELECT CASE WHEN t.idx = walk.old_idx THEN t.parent_idx ELSE walk.old_idx END,
        CASE WHEN t.idx = walk.old_idx THEN walk.new_idx ELSE t.parent_idx END
    FROM walk CROSS JOIN LATERAL (
        SELECT * FROM turns t
        WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = greatest(walk.old_idx, walk.new_idx) OFFSET 0
    ) t
    WHERE walk.old_idx IS DISTINCT FROM walk.new_idx
), stepped AS (
    SELECT greatest(old_idx, new_idx) AS idx, greatest(old_idx, new_idx) IS NOT DISTINCT FROM new_idx AS joins
    FROM walk WHERE old_idx IS DISTINCT FROM new_idx
), marked (id, joins) AS (
    SELECT m.id, bool_or(m.joins) FROM (
        SELECT unnest(ARRAY[t.question_id, t.answer_id]) AS id, s.joins FROM stepped s CROSS JOIN LATERAL (
            SELECT * FROM turns t WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = s.idx OFFSET 0
        ) t
        UNION ALL SELECT :also::text, true
    ) m WHERE m.id IS NOT NULL GROUP BY m.id
)
UPDATE messages m SET on_path = marked.joins FROM marked
WHERE m.tenant_id = :tenant_id AND m.id = marked.id AND m.deleted_at IS NULL

-- name: newest_end
-- The newest child of a turn, the newest child of that one, and so on: the last of them.
WITH RECURSIVE down (idx) AS (
    (SELECT t.idx FROM turns t
     WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.parent_idx IS NOT DISTINCT FROM :parent_idx::bigint
         AND t.deleted_at IS NULL ORDER BY t.idx DESC LIMIT 1)
    UNION ALL
    SELECT x.idx FROM down CROSS JOIN LATERAL (
        SELECT t.idx FROM turns t
        WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.parent_idx = down.idx AND t.deleted_at IS NULL
        ORDER BY t.idx DESC LIMIT 1
    ) x
)
SELECT max(idx) FROM down HAVING max(idx) IS NOT NULL
