-- What a copy reads and writes: everything as it is, deleted or not.

-- name: record_bots
-- Those that are there and those that were deleted have an index each.
SELECT {bot_columns}, {index_columns}, o.key, o.fingerprint
FROM (SELECT n FROM bots WHERE tenant_id = :tenant_id AND deleted_at IS NULL AND n > :n
      UNION ALL SELECT n FROM bots WHERE tenant_id = :tenant_id AND deleted_at IS NOT NULL AND n > :n
      ORDER BY n LIMIT :limit) page
CROSS JOIN bots b ON b.n = page.n LEFT JOIN once_keys o ON o.resource_id = b.id

-- name: record_entities
SELECT {entity_columns}, e.n, o.key, o.fingerprint
FROM entities e LEFT JOIN once_keys o ON o.resource_id = e.id
WHERE e.tenant_id = :tenant_id AND e.n > :n ORDER BY e.n LIMIT :limit

-- name: record_attachments
SELECT {attachment_columns}, a.used, o.key, o.fingerprint, a.n
FROM attachments a LEFT JOIN once_keys o ON o.resource_id = a.id
WHERE a.tenant_id = :tenant_id AND (a.sha256, a.n) > (:sha256, :n) ORDER BY a.sha256, a.n LIMIT :limit

-- name: record_conversations
SELECT {conversation_columns}, c.last_seq, c.last_index, c.deletion,
    (SELECT l.id FROM turns l WHERE l.n = c.lost_n AND l.conversation_n = c.n), c.n, o.key, o.fingerprint
FROM (SELECT n FROM conversations WHERE tenant_id = :tenant_id AND deleted_at IS NULL AND n > :n
      UNION ALL SELECT n FROM conversations WHERE tenant_id = :tenant_id AND deleted_at IS NOT NULL AND n > :n
      ORDER BY n LIMIT :limit) page
CROSS JOIN conversations c ON c.n = page.n CROSS JOIN bots b ON b.n = c.bot_n LEFT JOIN entities e ON e.n = c.entity_n
LEFT JOIN once_keys o ON o.resource_id = c.id

-- part: record_turn_columns
{turn_columns}, t.key, t.fingerprint, t.queued, t.interrupting, t.owner, t.fence, t.lease_micros, t.lease_until,
t.stop_reason, t.last_seq, t.deleted_at, (SELECT g.id FROM turns g WHERE g.n = t.origin_n), t.parent_n, t.n

-- name: record_first_turns
-- The turns of a conversation as one index has them: those without a parent, then each behind its parent.
SELECT {record_turn_columns} FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n
WHERE t.conversation_n = :conversation_n AND t.parent_n IS NULL AND t.n > :n ORDER BY t.n LIMIT :limit

-- name: record_later_turns
SELECT {record_turn_columns} FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n
WHERE t.conversation_n = :conversation_n AND (t.parent_n, t.n) > (:parent_n, :n) ORDER BY t.parent_n, t.n LIMIT :limit

-- name: record_messages
SELECT {message_columns}, m.on_path, m.deleted_at, m.n FROM {message_tables}
WHERE m.conversation_n = :conversation_n AND m.seq > :seq ORDER BY m.seq LIMIT :limit

-- part: record_event_columns
t.idx, t.id, l.place & 16777215, l.type, l.data, l.at, t.parent_n, t.n

-- name: record_events_of_turn
SELECT {record_event_columns}
FROM turns t CROSS JOIN turn_log l ON l.place > (t.n << 24) + :seq AND l.place < (t.n + 1) << 24
WHERE t.n = :n ORDER BY l.place LIMIT :limit

-- name: record_events_of_first_turns
SELECT {record_event_columns} FROM turns t CROSS JOIN turn_log l ON l.place > t.n << 24 AND l.place < (t.n + 1) << 24
WHERE t.conversation_n = :conversation_n AND t.parent_n IS NULL AND t.n > :n ORDER BY t.n, l.place LIMIT :limit

-- name: record_events_of_later_turns
SELECT {record_event_columns} FROM turns t CROSS JOIN turn_log l ON l.place > t.n << 24 AND l.place < (t.n + 1) << 24
WHERE t.conversation_n = :conversation_n AND (t.parent_n, t.n) > (:parent_n, :n) ORDER BY t.parent_n, t.n, l.place LIMIT :limit

-- name: record_documents
SELECT {document_columns}, d.revision, d.owner, d.fence, d.attempts, d.lease_until, d.n, o.key, o.fingerprint
FROM documents d CROSS JOIN bots b ON b.n = d.bot_n LEFT JOIN once_keys o ON o.resource_id = d.id
WHERE d.tenant_id = :tenant_id AND d.n > :n AND d.purging = 0 ORDER BY d.n LIMIT :limit

-- name: record_chunks
SELECT {chunk_columns}, k.n, d.bot_n
FROM documents d CROSS JOIN chunks k ON k.document_n = d.n AND k.fence = d.ready_fence {made_of}
WHERE d.id = :document_id AND d.tenant_id = :tenant_id AND d.purging = 0 AND k.ordinal > :ordinal ORDER BY k.ordinal LIMIT :limit

-- name: record_vectors
SELECT e.name, x.vector FROM embeddings e CROSS JOIN vectors x ON x.place = (e.n << 32) + (:chunk_n & 4294967295)
WHERE e.bot_n = :bot_n AND e.dropped = 0

-- name: record_content
SELECT x.content FROM documents d JOIN blobs x ON x.tenant_id = d.tenant_id AND x.sha256 = d.sha256
WHERE d.id = :id AND d.tenant_id = :tenant_id AND d.purging = 0

-- name: record_document
SELECT n, bot_n, ready_fence FROM documents WHERE id = :id AND tenant_id = :tenant_id

-- name: put_document
INSERT INTO documents (n, id, tenant_id, bot_n, title, source, media_type, url, status, error_code, error_message, version, ready_version,
    size_bytes, sha256, chunk_count, metadata, created_at, updated_at, ready_at, deleted_at, revision, ready_fence, owner, fence, attempts,
    lease_until)
VALUES (:n, :id, :tenant_id, :bot_n, :title, :source, :media_type, :url, :status, :error_code, :error_message, :version, :ready_version,
    :size_bytes, :sha256, :chunk_count, :metadata, :created_at, :updated_at, :ready_at, :deleted_at, :revision, :ready_fence, :owner, :fence,
    :attempts, :lease_until)
ON CONFLICT (id) DO NOTHING

-- name: widen_extent
UPDATE documents
SET first_chunk_n = min(coalesce(first_chunk_n, :first), :first), last_chunk_n = max(coalesce(last_chunk_n, :last), :last)
WHERE n = :n

-- name: put_key
INSERT INTO api_keys (n, id, tenant_id, name, prefix, digest, scope, bot_id, entity_id, created_at, expires_at, last_used_at, revoked_at)
VALUES (:n, :id, :tenant_id, :name, :prefix, :digest, :scope, :bot_id, :entity_id, :created_at, :expires_at, :last_used_at, :revoked_at)
ON CONFLICT (id) DO NOTHING

-- name: put_once
INSERT INTO once_keys (tenant_id, kind, key, fingerprint, resource_id)
VALUES (:tenant_id, :kind, :key, :fingerprint, :resource_id) ON CONFLICT (tenant_id, kind, key) DO NOTHING

-- name: put_bot
INSERT INTO bots (n, id, tenant_id, name, instructions, model, params, retrieval, idle_timeout_minutes, widget, metadata, created_at,
    updated_at, deleted_at, version, revision, embedding)
VALUES (:n, :id, :tenant_id, :name, :instructions, :model, :params, :retrieval, :idle_timeout_minutes, :widget, :metadata, :created_at,
    :updated_at, :deleted_at, :version, :revision, :embedding)
ON CONFLICT (id) DO NOTHING

-- name: put_entity
INSERT INTO entities (n, id, tenant_id, type, external_id, name, email, metadata, created_at, updated_at, version)
VALUES (:n, :id, :tenant_id, :type, :external_id, :name, :email, :metadata, :created_at, :updated_at, :version)
ON CONFLICT (id) DO NOTHING

-- name: put_attachment
INSERT INTO attachments (id, tenant_id, name, media_type, size_bytes, sha256, used, created_at)
VALUES (:id, :tenant_id, :name, :media_type, :size_bytes, :sha256, :used, :created_at)
ON CONFLICT (id) DO NOTHING

-- name: put_conversation
INSERT INTO conversations (n, id, tenant_id, bot_n, entity_n, kind, title, status, end_reason, external_id, metadata, rating, feedback,
    message_count, turn_count, last_seq, last_index, head_n, lost_n, running_n, started_at, last_activity_at, ended_at, deleted_at, deletion,
    idles, version)
VALUES (:n, :id, :tenant_id, :bot_n, :entity_n, :kind, :title, :status, :end_reason, :external_id, :metadata, :rating, :feedback,
    :message_count, :turn_count, :last_seq, :last_index, :head_n, :lost_n, :running_n, :started_at, :last_activity_at, :ended_at, :deleted_at,
    :deletion, :idles, :version)
ON CONFLICT (id) DO UPDATE SET (bot_n, entity_n, kind, title, status, end_reason, external_id, metadata, rating, feedback,
    message_count, turn_count, last_seq, last_index, head_n, lost_n, running_n, started_at, last_activity_at, ended_at, deleted_at, deletion,
    idles, version) = (excluded.bot_n, excluded.entity_n, excluded.kind, excluded.title, excluded.status, excluded.end_reason,
    excluded.external_id, excluded.metadata, excluded.rating, excluded.feedback, excluded.message_count, excluded.turn_count,
    excluded.last_seq, excluded.last_index, excluded.head_n, excluded.lost_n, excluded.running_n, excluded.started_at, excluded.last_activity_at,
    excluded.ended_at, excluded.deleted_at, excluded.deletion, excluded.idles, excluded.version)
WHERE conversations.tenant_id = excluded.tenant_id

-- name: put_turn
INSERT INTO turns (n, id, tenant_id, conversation_n, idx, parent_n, origin_n, status, reason, error_code, error_message, model, question_id,
    answer_id, input_tokens, output_tokens, cost_micro, context_messages, context_chunks, context_tokens, key, fingerprint, params,
    queued, interrupting, owner, fence, lease_micros, lease_until, stop_reason, last_seq, created_at, started_at, first_token_at,
    finished_at, deleted_at)
VALUES (:n, :id, :tenant_id, :conversation_n, :idx, :parent_n, :origin_n, :status, :reason, :error_code, :error_message, :model, :question_id,
    :answer_id, :input_tokens, :output_tokens, :cost_micro, :context_messages, :context_chunks, :context_tokens, :key, :fingerprint,
    :params, :queued, :interrupting, :owner, :fence, :lease_micros, :lease_until, :stop_reason, :last_seq, :created_at, :started_at,
    :first_token_at, :finished_at, :deleted_at)
ON CONFLICT (id) DO NOTHING

-- name: put_message
INSERT INTO messages (n, id, conversation_n, turn_n, seq, role, text, parts, citations, rating, feedback, on_path, created_at, deleted_at,
    deleted_of)
VALUES (:n, :id, :conversation_n, :turn_n, :seq, :role, :text, :parts, :citations, :rating, :feedback, :on_path, :created_at,
    :deleted_at, CASE WHEN :deleted_at IS NOT NULL THEN :tenant_id END)
ON CONFLICT (id) DO NOTHING

-- name: record_key
SELECT n FROM api_keys WHERE id = :id AND tenant_id = :tenant_id

-- name: record_attachment
SELECT n FROM attachments WHERE id = :id AND tenant_id = :tenant_id

-- name: record_has_turn
SELECT n FROM turns WHERE id = :id AND conversation_n = :conversation_n

-- name: record_has_message
SELECT n FROM messages WHERE id = :id AND conversation_n = :conversation_n

-- name: record_bot
SELECT n, idle_timeout_minutes IS NOT NULL FROM bots WHERE id = :id AND tenant_id = :tenant_id

-- name: record_entity
SELECT n FROM entities WHERE id = :id AND tenant_id = :tenant_id

-- name: record_conversation
SELECT n, bot_n FROM conversations WHERE id = :id AND tenant_id = :tenant_id

-- name: record_turn
SELECT n FROM turns WHERE id = :id AND tenant_id = :tenant_id
