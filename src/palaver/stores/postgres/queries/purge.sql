-- name: conversation_to_purge
SELECT tenant_id, id FROM conversations WHERE deleted_at IS NOT NULL AND deleted_at <= :cutoff
LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: conversation_of_bot_to_purge
SELECT c.tenant_id, c.id FROM bots b CROSS JOIN LATERAL (
    SELECT c.tenant_id, c.id FROM conversations c WHERE c.tenant_id = b.tenant_id AND c.bot_id = b.id
    ORDER BY c.last_activity_at, c.n LIMIT 1 FOR UPDATE SKIP LOCKED
) c
WHERE b.deleted_at IS NOT NULL AND b.deleted_at <= :cutoff LIMIT 1

-- name: doom_conversation
-- From its first row on it can't be restored any more: it was deleted for ever.
UPDATE conversations SET deleted_at = 0, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS DISTINCT FROM 0

-- part: purge_doomed_messages
words AS (
    DELETE FROM message_words w USING doomed d WHERE w.tenant_id = d.tenant_id AND w.n = d.n
), unlinked AS (
    DELETE FROM message_attachments l USING doomed d
    WHERE l.tenant_id = d.tenant_id AND l.conversation_id = d.conversation_id AND l.seq = d.seq
    RETURNING l.attachment_id
), gone AS (
    DELETE FROM messages m USING doomed d
    WHERE m.tenant_id = d.tenant_id AND m.conversation_id = d.conversation_id AND m.seq = d.seq
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone), (SELECT array_agg(DISTINCT attachment_id ORDER BY attachment_id) FROM unlinked)

-- name: purge_messages
WITH doomed AS (
    SELECT tenant_id, conversation_id, seq, n FROM messages
    WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id ORDER BY seq LIMIT :limit
), {purge_doomed_messages}

-- name: purge_messages_of_turn
WITH doomed AS (
    SELECT tenant_id, conversation_id, seq, n FROM messages
    WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[]) AND turn_idx = :idx AND deleted_at IS NOT NULL
), {purge_doomed_messages}

-- name: purge_logs
WITH doomed AS (
    SELECT l.tenant_id, l.turn_id, l.seq FROM turns t JOIN turn_log l ON l.tenant_id = t.tenant_id AND l.turn_id = t.id
    WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id LIMIT :limit
)
DELETE FROM turn_log l USING doomed d WHERE l.tenant_id = d.tenant_id AND l.turn_id = d.turn_id AND l.seq = d.seq

-- name: purge_turns
WITH doomed AS (
    SELECT tenant_id, conversation_id, idx FROM turns
    WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id ORDER BY idx LIMIT :limit
), quotes AS (
    DELETE FROM turn_documents l USING doomed d
    WHERE l.tenant_id = d.tenant_id AND l.conversation_id = d.conversation_id AND l.turn_idx = d.idx
)
DELETE FROM turns t USING doomed d WHERE t.tenant_id = d.tenant_id AND t.conversation_id = d.conversation_id AND t.idx = d.idx

-- name: purge_conversation
WITH keys AS (DELETE FROM once_keys WHERE tenant_id = :tenant_id AND resource_id = :id)
DELETE FROM conversations WHERE tenant_id = :tenant_id AND id = :id

-- name: deleted_turns
-- With their conversations, in which nobody restores one meanwhile.
SELECT t.tenant_id, t.conversation_id, t.idx, t.id, t.question_id, t.answer_id
FROM turns t JOIN conversations c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id
WHERE t.deleted_at IS NOT NULL AND t.deleted_at <= :cutoff LIMIT :limit FOR NO KEY UPDATE OF c SKIP LOCKED

-- name: purge_log
WITH doomed AS (
    SELECT tenant_id, turn_id, seq FROM turn_log WHERE tenant_id = :tenant_id AND turn_id = :turn_id ORDER BY seq LIMIT :limit
)
DELETE FROM turn_log l USING doomed d WHERE l.tenant_id = d.tenant_id AND l.turn_id = d.turn_id AND l.seq = d.seq

-- name: purge_turn
WITH quotes AS (
    DELETE FROM turn_documents WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND turn_idx = :idx
)
DELETE FROM turns WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND idx = :idx

-- name: bots_to_purge
SELECT b.tenant_id, b.id FROM bots b
WHERE b.deleted_at IS NOT NULL AND b.deleted_at <= :cutoff
    AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.tenant_id = b.tenant_id AND c.bot_id = b.id)
    AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.tenant_id = b.tenant_id AND d.bot_id = b.id)
LIMIT :limit FOR UPDATE SKIP LOCKED

-- name: purge_bot
WITH keys AS (DELETE FROM once_keys WHERE tenant_id = :tenant_id AND resource_id = :id),
words AS (DELETE FROM bot_words WHERE tenant_id = :tenant_id AND bot_id = :id)
DELETE FROM bots WHERE tenant_id = :tenant_id AND id = :id

-- name: unused_attachments
SELECT tenant_id, id FROM attachments WHERE NOT used AND created_at <= :cutoff LIMIT :limit FOR UPDATE SKIP LOCKED

-- name: lock_attachment
SELECT x.sha256 FROM attachments a JOIN blobs x ON x.tenant_id = a.tenant_id AND x.sha256 = a.sha256
WHERE a.tenant_id = :tenant_id AND a.id = :id FOR UPDATE

-- name: purge_attachment
WITH gone AS (
    DELETE FROM attachments a WHERE a.tenant_id = :tenant_id AND a.id = :id
        AND NOT EXISTS (SELECT 1 FROM message_attachments l WHERE l.tenant_id = a.tenant_id AND l.attachment_id = a.id)
    RETURNING a.id
)
DELETE FROM once_keys o USING gone WHERE o.tenant_id = :tenant_id AND o.resource_id = gone.id

-- name: purge_content
DELETE FROM blobs x WHERE x.tenant_id = :tenant_id AND x.sha256 = :sha256
    AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.tenant_id = x.tenant_id AND a.sha256 = x.sha256)
