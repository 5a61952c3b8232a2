-- What a copy reads and writes: everything as it is, deleted or not. What refers to something that is not there breaks a
-- constraint: that is the refusal.

-- name: record_bots
SELECT {bot_columns}, {index_columns}, o.key, o.fingerprint
FROM bots b LEFT JOIN once_keys o ON o.tenant_id = b.tenant_id AND o.resource_id = b.id
WHERE b.tenant_id = :tenant_id AND b.n > :n ORDER BY b.n LIMIT :limit

-- name: record_entities
SELECT {entity_columns}, e.n, o.key, o.fingerprint
FROM entities e LEFT JOIN once_keys o ON o.tenant_id = e.tenant_id AND o.resource_id = e.id
WHERE e.tenant_id = :tenant_id AND e.n > :n ORDER BY e.n LIMIT :limit

-- name: record_attachments
SELECT {attachment_columns}, a.used, o.key, o.fingerprint, a.n
FROM attachments a LEFT JOIN once_keys o ON o.tenant_id = a.tenant_id AND o.resource_id = a.id
WHERE a.tenant_id = :tenant_id AND (a.sha256, a.n) > (:sha256, :n) ORDER BY a.sha256, a.n LIMIT :limit

-- name: record_conversations
-- One that its bot hides was deleted with it, and then.
SELECT {conversation_columns}, c.last_seq, c.last_index, b.deleted_at,
    (SELECT l.id FROM turns l WHERE l.tenant_id = c.tenant_id AND l.conversation_id = c.id AND l.idx = c.lost_idx), c.n, o.key, o.fingerprint
FROM {conversation_tables} LEFT JOIN once_keys o ON o.tenant_id = c.tenant_id AND o.resource_id = c.id
WHERE c.tenant_id = :tenant_id AND c.n > :n ORDER BY c.n LIMIT :limit

-- name: record_turns
SELECT {turn_columns}, t.key, t.fingerprint, t.queued, t.interrupting, t.owner, t.fence, t.lease_micros, t.lease_until,
    t.stop_reason, t.last_seq, t.deleted_at,
    (SELECT g.id FROM turns g WHERE g.tenant_id = t.tenant_id AND g.conversation_id = t.conversation_id AND g.idx = t.origin_idx), t.n
FROM turns t
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx > :idx ORDER BY t.idx LIMIT :limit

-- name: record_messages
SELECT {message_columns}, m.on_path, m.deleted_at, m.n FROM {message_tables}
WHERE m.tenant_id = :tenant_id AND m.conversation_id = :conversation_id AND m.seq > :seq ORDER BY m.seq LIMIT :limit

-- name: record_events
SELECT t.idx, t.id, l.seq, l.type, l.data, l.at FROM turns t JOIN turn_log l ON l.tenant_id = t.tenant_id AND l.turn_id = t.id
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx >= :idx AND (t.idx, l.seq) > (:idx, :seq)
ORDER BY t.idx, l.seq LIMIT :limit

-- name: record_documents
SELECT {document_columns}, {document_state}, d.n, o.key, o.fingerprint
FROM documents d LEFT JOIN once_keys o ON o.tenant_id = d.tenant_id AND o.resource_id = d.id
WHERE d.tenant_id = :tenant_id AND d.n > :n ORDER BY d.n LIMIT :limit

-- name: record_content
SELECT x.content FROM documents d JOIN contents x ON x.tenant_id = d.tenant_id AND x.sha256 = d.sha256
WHERE d.tenant_id = :tenant_id AND d.id = :id

-- name: record_chunks
SELECT {chunk_columns}, v.embeddings, v.vectors
FROM documents d CROSS JOIN LATERAL (
    SELECT * FROM chunks c WHERE c.tenant_id = d.tenant_id AND c.document_id = d.id AND c.fence = d.ready_fence AND c.ordinal > :ordinal
    ORDER BY c.ordinal LIMIT :limit
) c CROSS JOIN LATERAL (
    SELECT array_agg(v.embedding) AS embeddings, array_agg(v.vector) AS vectors FROM chunk_vectors v
    WHERE v.tenant_id = c.tenant_id AND v.document_id = c.document_id AND v.fence = c.fence AND v.ordinal = c.ordinal
) v
WHERE d.tenant_id = :tenant_id AND d.id = :document_id ORDER BY c.ordinal

-- name: put_key
INSERT INTO api_keys (n, id, tenant_id, name, prefix, digest, scope, bot_id, entity_id, created_at, expires_at, last_used_at, revoked_at)
VALUES (:n, :id, :tenant_id, :name, :prefix, :digest, :scope, :bot_id, :entity_id, :created_at, :expires_at, :last_used_at, :revoked_at)
ON CONFLICT (tenant_id, id) DO NOTHING

-- name: put_bot
INSERT INTO bots (n, id, tenant_id, name, instructions, model, params, retrieval, idle_timeout_minutes, widget, metadata, created_at,
    updated_at, deleted_at, version, index_revision, embedding)
VALUES (coalesce(:n::bigint, nextval(pg_get_serial_sequence('bots', 'n'))), :id, :tenant_id, :name, :instructions, :model, :params, :retrieval, :idle_timeout_minutes, :widget, :metadata, :created_at,
    :updated_at, :deleted_at, :version, :index_revision, :embedding)
ON CONFLICT (tenant_id, id) DO NOTHING

-- name: put_document
-- What was ready is put under fence 0, which no claim has.
INSERT INTO documents (n, tenant_id, id, bot_id, title, source, media_type, url, status, error_code, error_message, version,
    ready_version, size_bytes, sha256, chunk_count, metadata, created_at, updated_at, ready_at, deleted_at, revision, owner, fence,
    ready_fence, attempts, lease_until)
VALUES (:n, :tenant_id, :id, (SELECT b.id FROM bots b WHERE b.tenant_id = :tenant_id AND b.id = :bot_id), :title, :source, :media_type,
    :url, :status, :error_code, :error_message, :version, :ready_version, :size_bytes, :sha256, :chunk_count, :metadata, :created_at,
    :updated_at, :ready_at, :deleted_at, :revision, :owner, :fence, CASE WHEN :ready_version::bigint IS NOT NULL THEN 0 END, :attempts,
    :lease_until)
ON CONFLICT (tenant_id, id) DO NOTHING

-- name: document_of_chunks
SELECT bot_id, ready_fence FROM documents WHERE tenant_id = :tenant_id AND id = :id AND ready_fence IS NOT NULL FOR SHARE

-- name: put_quotes
INSERT INTO turn_documents (tenant_id, conversation_id, turn_idx, document_id)
SELECT t.tenant_id, t.conversation_id, t.idx, x.document_id FROM unnest(:turn_ids::text[], :document_ids::text[]) x (turn_id, document_id)
JOIN turns t ON t.tenant_id = :tenant_id AND t.id = x.turn_id
ON CONFLICT DO NOTHING

-- name: put_entity
INSERT INTO entities (n, id, tenant_id, type, external_id, name, email, metadata, created_at, updated_at, version)
VALUES (coalesce(:n::bigint, nextval(pg_get_serial_sequence('entities', 'n'))), :id, :tenant_id, :type, :external_id, :name, :email, :metadata, :created_at, :updated_at, :version)
ON CONFLICT (tenant_id, id) DO NOTHING

-- name: put_attachment
INSERT INTO attachments (id, tenant_id, name, media_type, size_bytes, sha256, used, created_at)
VALUES (:id, :tenant_id, :name, :media_type, :size_bytes, :sha256, :used, :created_at)
ON CONFLICT (tenant_id, id) DO NOTHING

-- name: put_conversation
INSERT INTO conversations (n, id, tenant_id, bot_id, entity_id, kind, title, title_folded, status, end_reason, external_id, metadata,
    rating, feedback, message_count, turn_count, last_seq, last_index, head_idx, lost_idx, running_idx, started_at, last_activity_at,
    ended_at, deleted_at, version)
VALUES (coalesce(:n::bigint, nextval(pg_get_serial_sequence('conversations', 'n'))), :id, :tenant_id, (SELECT b.id FROM bots b WHERE b.tenant_id = :tenant_id AND b.id = :bot_id),
    coalesce((SELECT e.id FROM entities e WHERE e.tenant_id = :tenant_id AND e.id = :entity_id),
        CASE WHEN :entity_id::text IS NOT NULL THEN '' END),
    :kind, :title, :title_folded, :status, :end_reason, :external_id, :metadata, :rating, :feedback, :message_count, :turn_count,
    :last_seq, :last_index, (SELECT t.idx FROM turns t WHERE t.tenant_id = :tenant_id AND t.id = :head_id),
    (SELECT t.idx FROM turns t WHERE t.tenant_id = :tenant_id AND t.id = :lost_id),
    (SELECT t.idx FROM turns t WHERE t.tenant_id = :tenant_id AND t.id = :running_id), :started_at, :last_activity_at, :ended_at,
    :deleted_at, :version)
ON CONFLICT (tenant_id, id) DO UPDATE SET (bot_id, entity_id, kind, title, title_folded, status, end_reason, external_id, metadata, rating,
    feedback, message_count, turn_count, last_seq, last_index, head_idx, lost_idx, running_idx, started_at, last_activity_at, ended_at,
    deleted_at, version, revision) = (excluded.bot_id, excluded.entity_id, excluded.kind, excluded.title, excluded.title_folded, excluded.status,
    excluded.end_reason, excluded.external_id, excluded.metadata, excluded.rating, excluded.feedback, excluded.message_count,
    excluded.turn_count, excluded.last_seq, excluded.last_index, excluded.head_idx, excluded.lost_idx, excluded.running_idx, excluded.started_at,
    excluded.last_activity_at, excluded.ended_at, excluded.deleted_at, excluded.version, conversations.revision + 1)

-- name: put_turn
INSERT INTO turns (n, id, tenant_id, conversation_id, idx, parent_idx, origin_idx, status, reason, error_code, error_message, model, question_id,
    answer_id, input_tokens, output_tokens, cost_micro, context_messages, context_chunks, context_tokens, key, fingerprint, params,
    queued, interrupting, owner, fence, lease_micros, lease_until, stop_reason, last_seq, created_at, started_at, first_token_at,
    finished_at, deleted_at)
VALUES (coalesce(:n::bigint, nextval(pg_get_serial_sequence('turns', 'n'))), :id, :tenant_id, (SELECT c.id FROM conversations c WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id), :idx,
    coalesce((SELECT p.idx FROM turns p WHERE p.tenant_id = :tenant_id AND p.id = :parent_id),
        CASE WHEN :parent_id::text IS NOT NULL THEN 0 END),
    (SELECT g.idx FROM turns g WHERE g.tenant_id = :tenant_id AND g.id = :origin_id),
    :status, :reason, :error_code, :error_message, :model, :question_id, :answer_id, :input_tokens, :output_tokens, :cost_micro,
    :context_messages, :context_chunks, :context_tokens, :key, :fingerprint, :params, :queued, :interrupting, :owner, :fence,
    :lease_micros, :lease_until, :stop_reason, :last_seq, :created_at, :started_at, :first_token_at, :finished_at, :deleted_at)
ON CONFLICT (tenant_id, id) DO NOTHING

-- name: put_message
WITH said AS (
    INSERT INTO messages (n, id, tenant_id, conversation_id, turn_idx, seq, role, text, parts, citations, rating, feedback, on_path,
        created_at, deleted_at)
    VALUES (coalesce(:n::bigint, nextval(pg_get_serial_sequence('messages', 'n'))), :id, :tenant_id,
        (SELECT c.id FROM conversations c WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id),
        (SELECT t.idx FROM turns t WHERE t.tenant_id = :tenant_id AND t.id = :turn_id), :seq, :role, :text, :parts, :citations,
        :rating, :feedback, :on_path, :created_at, :deleted_at)
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING tenant_id, n, conversation_id, seq
)
INSERT INTO message_words (tenant_id, n, conversation_id, seq, words)
SELECT s.tenant_id, s.n, s.conversation_id, s.seq, :words::text::tsvector || array_to_tsvector(ARRAY['#' || c.bot_id])
FROM said s JOIN conversations c ON c.tenant_id = s.tenant_id AND c.id = s.conversation_id WHERE :words::text IS NOT NULL

-- name: put_event
INSERT INTO turn_log (tenant_id, turn_id, seq, type, data, at)
VALUES (:tenant_id, (SELECT t.id FROM turns t WHERE t.tenant_id = :tenant_id AND t.id = :turn_id), :seq, :type, :data, :at)
ON CONFLICT (tenant_id, turn_id, seq) DO NOTHING

-- name: note_logs
UPDATE turns SET has_log = true WHERE tenant_id = :tenant_id AND id = ANY(:turn_ids::text[]) AND NOT has_log

-- name: lock_places
SELECT pg_advisory_xact_lock(hashtext('palaver places ' || current_schema()))

-- name: reserve_places
-- What is made here from now on comes behind what was put.
SELECT setval(s.name::regclass, :n) FROM (SELECT pg_get_serial_sequence(:table, 'n') AS name) s
WHERE coalesce(pg_sequence_last_value(s.name::regclass), 0) < :n
