-- part: message_columns
m.id, c.id, t.id, m.seq, m.role, m.text, m.parts, m.citations, m.rating, m.feedback, t.model, t.status, m.created_at, t.n, m.n

-- part: message_tables
messages m CROSS JOIN conversations c ON c.n = m.conversation_n CROSS JOIN turns t ON t.n = m.turn_n

-- name: insert_message
INSERT INTO messages (id, conversation_n, turn_n, seq, role, text, parts, on_path, created_at)
VALUES (:id, :conversation_n, :turn_n, :seq, :role, :text, :parts, 1, :now)

-- name: message
SELECT {message_columns} FROM {message_tables}
WHERE m.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL AND m.deleted_at IS NULL

-- name: message_of_turn
SELECT {message_columns} FROM {message_tables} WHERE m.id = :id

-- name: conversation_key
SELECT n FROM conversations WHERE id = :id AND tenant_id = :tenant_id AND deleted_at IS NULL

-- name: messages_ascending
SELECT {message_columns} FROM {message_tables}
WHERE m.conversation_n = :conversation_n AND m.on_path = 1 AND m.seq > :seq ORDER BY m.seq ASC LIMIT :limit

-- name: messages_descending
SELECT {message_columns} FROM {message_tables}
WHERE m.conversation_n = :conversation_n AND m.on_path = 1 AND m.seq < :seq ORDER BY m.seq DESC LIMIT :limit

-- name: lineage
-- Without an order of its own a recursion yields its rows as it finds them: the turn itself, its parent, and so on.
WITH RECURSIVE up (parent_n, id, question_id, answer_id, depth) AS (
    SELECT parent_n, id, question_id, answer_id, 1 FROM turns WHERE n = :n
    UNION ALL
    SELECT a.parent_n, a.id, a.question_id, a.answer_id, up.depth + 1
    FROM up CROSS JOIN turns a ON a.n = up.parent_n WHERE up.depth < :turns
)
SELECT up.id, q.text, q.parts, q.n, a.text, a.parts, a.n
FROM up LEFT JOIN messages q ON q.id = up.question_id AND q.deleted_at IS NULL
LEFT JOIN messages a ON a.id = up.answer_id AND a.deleted_at IS NULL

-- name: parent_of_live_turn
SELECT t.parent_n FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n
WHERE t.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL AND t.deleted_at IS NULL

-- name: rate_message
UPDATE messages SET rating = :rating, feedback = :feedback WHERE id = :id

-- name: set_on_path
UPDATE messages SET on_path = :on_path WHERE id IN (:question_id, :answer_id) AND deleted_at IS NULL

-- name: bot_key
SELECT n FROM bots WHERE id = :id AND tenant_id = :tenant_id AND deleted_at IS NULL

-- name: insert_blob
INSERT INTO blobs (tenant_id, sha256, content) VALUES (:tenant_id, :sha256, :content) ON CONFLICT (tenant_id, sha256) DO NOTHING

-- name: attachment
SELECT {attachment_columns}, x.content FROM attachments a JOIN blobs x ON x.tenant_id = a.tenant_id AND x.sha256 = a.sha256
WHERE a.id = :id AND a.tenant_id = :tenant_id

-- name: attachment_is_shown
SELECT 1 FROM attachments a WHERE a.id = :id AND a.tenant_id = :tenant_id AND (
    (a.used = 0 AND :bot_id IS NULL)
    OR EXISTS (
        SELECT 1 FROM message_attachments l CROSS JOIN messages m ON m.n = l.message_n
        CROSS JOIN conversations c ON c.n = m.conversation_n CROSS JOIN bots b ON b.n = c.bot_n
        LEFT JOIN entities e ON e.n = c.entity_n
        WHERE l.attachment_n = a.n AND m.deleted_at IS NULL AND c.deleted_at IS NULL
          AND (:bot_id IS NULL OR (b.id = :bot_id AND e.id = :entity_id))
    )
)

-- name: link_attachment
INSERT INTO message_attachments (message_n, attachment_n)
SELECT :message_n, a.n FROM attachments a WHERE a.id = :id AND a.tenant_id = :tenant_id
ON CONFLICT (message_n, attachment_n) DO NOTHING

-- name: use_attachment
UPDATE attachments SET used = 1 WHERE id = :id AND tenant_id = :tenant_id
