-- part: message_columns
m.id, m.conversation_id, t.id, m.seq, m.role, m.text, m.parts, m.citations, m.rating, m.feedback, t.model, t.status, m.created_at

-- part: message_tables
-- A message's turn is looked up: OFFSET keeps the planner from reading all turns of a conversation instead.
messages m CROSS JOIN LATERAL (
    SELECT * FROM turns t WHERE t.tenant_id = m.tenant_id AND t.conversation_id = m.conversation_id AND t.idx = m.turn_idx OFFSET 0
) t
JOIN conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id

-- part: live_message
m.deleted_at IS NULL AND c.deleted_at IS NULL AND b.deleted_at IS NULL

-- name: message
SELECT {message_columns} FROM {message_tables} WHERE m.tenant_id = :tenant_id AND m.id = :id AND {live_message}

-- name: message_of_turn
SELECT {message_columns} FROM {message_tables} WHERE m.tenant_id = :tenant_id AND m.id = :id

-- name: conversation_is_there
SELECT 1 FROM conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id WHERE {live_conversation}

-- name: messages_ascending
SELECT {message_columns} FROM {message_tables}
WHERE m.tenant_id = :tenant_id AND m.conversation_id = :conversation_id AND m.on_path AND m.seq > :seq AND {live_message}
ORDER BY m.seq ASC LIMIT :limit

-- name: messages_descending
SELECT {message_columns} FROM {message_tables}
WHERE m.tenant_id = :tenant_id AND m.conversation_id = :conversation_id AND m.on_path AND m.seq < :seq AND {live_message}
ORDER BY m.seq DESC LIMIT :limit

-- name: lineage
-- Turn by turn: OFFSET keeps the planner from reading all turns of a conversation instead.
WITH RECURSIVE up (idx, parent_idx, id, question_id, answer_id, depth) AS (
    SELECT t.idx, t.parent_idx, t.id, t.question_id, t.answer_id, 1 FROM turns t
    WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = :idx
    UNION ALL
    SELECT t.idx, t.parent_idx, t.id, t.question_id, t.answer_id, up.depth + 1
    FROM up CROSS JOIN LATERAL (
        SELECT * FROM turns t WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = up.parent_idx OFFSET 0
    ) t
    WHERE up.depth < :turns
)
SELECT up.id, q.text, q.parts, q.n, a.text, a.parts, a.n FROM up
LEFT JOIN messages q ON q.tenant_id = :tenant_id AND q.id = up.question_id AND q.deleted_at IS NULL
LEFT JOIN messages a ON a.tenant_id = :tenant_id AND a.id = up.answer_id AND a.deleted_at IS NULL
ORDER BY up.depth

-- name: parent_of_live_turn
SELECT t.conversation_id, t.parent_idx FROM {live_turn_tables} WHERE {live_turn}

-- name: rate_message
UPDATE messages SET rating = :rating, feedback = :feedback WHERE tenant_id = :tenant_id AND id = :id

-- name: append_turn
WITH made AS (
    INSERT INTO turns (tenant_id, conversation_id, idx, id, parent_idx, origin_idx, status, model, question_id, answer_id, key,
        fingerprint, queued, last_seq, created_at, started_at, finished_at)
    VALUES (:tenant_id, :conversation_id, :idx, :turn_id, :parent_idx, :origin_idx, 'completed', '', :question_id, :answer_id, :key, :fingerprint,
        false, 2, :now, :now, :now)
), said AS (
    INSERT INTO messages (tenant_id, conversation_id, seq, id, turn_idx, role, text, parts, on_path, created_at)
    SELECT :tenant_id, :conversation_id, m.seq, m.id, :idx, m.role, m.text, m.parts, true, :now
    FROM unnest(:seqs::bigint[], :ids::text[], :roles::text[], :texts::text[], :parts::text[]) m (seq, id, role, text, parts)
    ORDER BY m.seq
    RETURNING n, seq
)
INSERT INTO message_words (tenant_id, n, conversation_id, seq, words)
SELECT :tenant_id, s.n, :conversation_id, s.seq, w.words::tsvector || array_to_tsvector(ARRAY['#' || :bot_id])
FROM said s JOIN unnest(:seqs::bigint[], :words::text[]) w (seq, words) ON w.seq = s.seq WHERE w.words IS NOT NULL

-- name: accept_appended
UPDATE conversations
SET last_seq = :last_seq, last_index = :last_index, message_count = message_count + :messages, turn_count = turn_count + :turns,
    head_idx = :head_idx, lost_idx = NULL, last_activity_at = :now, trained_by = NULL, revision = revision + 1
WHERE tenant_id = :tenant_id AND id = :conversation_id

-- name: turn_of_key
SELECT fingerprint, coalesce(question_id, answer_id) FROM turns
WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND key = :key

-- name: appended_messages
SELECT {message_columns} FROM messages f CROSS JOIN {message_tables}
WHERE f.tenant_id = :tenant_id AND f.id = :first_id AND m.tenant_id = f.tenant_id AND m.conversation_id = f.conversation_id
    AND m.seq >= f.seq AND m.seq < f.seq + :count AND m.deleted_at IS NULL
ORDER BY m.seq

-- name: link_attachments
WITH used AS (
    UPDATE attachments SET used = true WHERE tenant_id = :tenant_id AND id = ANY(:attachment_ids::text[]) RETURNING id
)
INSERT INTO message_attachments (tenant_id, conversation_id, seq, attachment_id)
SELECT :tenant_id, :conversation_id, :seq, used.id FROM used ON CONFLICT DO NOTHING

-- name: insert_blob
-- Bytes that are there are locked: a purge that wants them waits, and sees who refers to them.
INSERT INTO blobs (tenant_id, sha256, content) VALUES (:tenant_id, :sha256, :content) 
ON CONFLICT (tenant_id, sha256) DO UPDATE SET sha256 = excluded.sha256

-- name: attachment
SELECT {attachment_columns}, x.content FROM attachments a JOIN blobs x ON x.tenant_id = a.tenant_id AND x.sha256 = a.sha256
WHERE a.tenant_id = :tenant_id AND a.id = :id

-- name: attachment_is_shown
SELECT 1 FROM attachments a WHERE a.tenant_id = :tenant_id AND a.id = :id AND (
    (NOT a.used AND :bot_id::text IS NULL)
    OR EXISTS (
        SELECT 1 FROM message_attachments l
        JOIN messages m ON m.tenant_id = l.tenant_id AND m.conversation_id = l.conversation_id AND m.seq = l.seq
        JOIN conversations c ON c.tenant_id = l.tenant_id AND c.id = l.conversation_id
        JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
        WHERE l.tenant_id = a.tenant_id AND l.attachment_id = a.id
            AND m.deleted_at IS NULL AND c.deleted_at IS NULL AND b.deleted_at IS NULL
            AND (:bot_id::text IS NULL OR (c.bot_id = :bot_id::text AND c.entity_id = :entity_id::text))
    )
)
