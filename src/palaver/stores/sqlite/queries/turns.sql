-- part: turn_columns
t.id, c.id, t.idx, (SELECT p.id FROM turns p WHERE p.n = t.parent_n), t.status, t.reason, t.error_code, t.error_message, t.model,
t.question_id, t.answer_id, t.input_tokens, t.output_tokens, t.cost_micro, t.context_messages, t.context_chunks, t.context_tokens,
t.created_at, t.started_at, t.first_token_at, t.finished_at, t.params

-- part: turn_state
t.n, t.conversation_n, t.status, t.fence, t.lease_until, t.stop_reason, t.queued, t.last_seq, t.lease_micros

-- part: live_turn
t.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL AND t.deleted_at IS NULL

-- name: turn
SELECT {turn_columns}, {turn_state} FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n WHERE {live_turn}

-- name: turn_even_deleted
SELECT {turn_columns}, {turn_state} FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n
WHERE t.id = :id AND c.tenant_id = :tenant_id

-- name: tenant_of_turn
SELECT tenant_id FROM turns WHERE id = :id

-- name: claimed_turn
SELECT {turn_columns}, {turn_state}, c.tenant_id, {bot_columns}, {index_columns}
FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n CROSS JOIN bots b ON b.n = c.bot_n
WHERE t.n = :n

-- name: ground
-- All that the begin of a turn must know of its conversation.
SELECT c.n, c.status, c.head_n, c.running_n, c.last_seq, c.last_index,
       EXISTS (SELECT 1 FROM turns q WHERE q.conversation_n = c.n AND q.status = 'queued'),
       r.id, r.lease_until, k.n, k.fingerprint, k.deleted_at, (SELECT h.id FROM turns h WHERE h.n = c.head_n), {bot_columns},
       {index_columns}, c.trained_n, {origin_at_head}
FROM conversations c CROSS JOIN bots b ON b.n = c.bot_n
LEFT JOIN turns r ON r.n = c.running_n
LEFT JOIN turns k ON k.conversation_n = c.n AND k.key = :key
WHERE c.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL

-- name: place_of_turn
SELECT n, id FROM turns WHERE id = :id AND conversation_n = :conversation_n AND deleted_at IS NULL

-- name: place_of_message
SELECT t.n, t.parent_n, (SELECT p.id FROM turns p WHERE p.n = t.parent_n), t.question_id, m.role, t.origin_n
FROM messages m CROSS JOIN turns t ON t.n = m.turn_n
WHERE m.id = :id AND m.conversation_n = :conversation_n AND m.deleted_at IS NULL

-- name: queued_of_conversation
SELECT n, id, interrupting FROM turns WHERE conversation_n = :n AND status = 'queued' ORDER BY n

-- name: insert_turn
INSERT INTO turns (id, tenant_id, conversation_n, idx, parent_n, origin_n, status, model, question_id, answer_id, key, fingerprint, params,
    queued, interrupting, owner, fence, lease_micros, lease_until, created_at, started_at)
VALUES (:id, :tenant_id, :conversation_n, :idx, :parent_n, :origin_n, :status, :model, :question_id, :answer_id, :key, :fingerprint, :params,
    :queued, :interrupting, :owner, :fence, :lease_micros, :lease_until, :now, :started_at)

-- name: insert_finished_turn
INSERT INTO turns (id, tenant_id, conversation_n, idx, parent_n, origin_n, status, model, question_id, answer_id, key, fingerprint, queued,
    last_seq, created_at, started_at, finished_at)
VALUES (:id, :tenant_id, :conversation_n, :idx, :parent_n, :origin_n, 'completed', '', :question_id, :answer_id, :key, :fingerprint, 0, 2,
    :now, :now, :now)

-- name: turn_of_key
SELECT fingerprint, coalesce(question_id, answer_id) FROM turns WHERE conversation_n = :conversation_n AND key = :key

-- name: appended_messages
SELECT m.id FROM messages f CROSS JOIN messages m ON m.conversation_n = f.conversation_n AND m.seq >= f.seq AND m.seq < f.seq + :count
WHERE f.id = :first_id AND m.deleted_at IS NULL ORDER BY m.seq

-- name: accept_turn
UPDATE conversations
SET last_seq = :last_seq, last_index = :last_index, message_count = message_count + :messages, turn_count = turn_count + :turns,
    head_n = :head_n, lost_n = NULL, running_n = :running_n, last_activity_at = :now
WHERE n = :n

-- name: first_queued
SELECT n, params, parent_n FROM turns WHERE conversation_n = :n AND status = 'queued' ORDER BY interrupting DESC, n LIMIT 1

-- name: promote_turn
UPDATE turns
SET status = 'running', owner = :owner, fence = fence + 1, lease_micros = :lease_micros, lease_until = :lease_until, started_at = :now
WHERE n = :n

-- name: set_running
UPDATE conversations SET running_n = :running_n WHERE n = :n

-- name: fence
SELECT n, fence, status, stop_reason FROM turns WHERE id = :id AND tenant_id = :tenant_id

-- name: insert_log
INSERT INTO turn_log (place, type, data, at) VALUES ((:turn_n << 24) + :seq, :type, :data, :at) ON CONFLICT (place) DO NOTHING

-- name: renew_lease
UPDATE turns SET lease_until = :lease_until, lease_micros = :lease_micros WHERE n = :n

-- name: finishing
SELECT {turn_columns}, {turn_state}, a.n, a.seq, a.rating, a.feedback, a.created_at,
       (SELECT max(l.place) & 16777215 FROM turn_log l WHERE l.place > t.n << 24 AND l.place < (t.n + 1) << 24),
       EXISTS (SELECT 1 FROM turns q WHERE q.conversation_n = t.conversation_n AND q.status = 'queued'), c.tenant_id, c.bot_n
FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n LEFT JOIN messages a ON a.id = t.answer_id
WHERE t.n = (SELECT f.n FROM turns f WHERE f.id = :id AND f.tenant_id = :tenant_id)

-- name: finish_turn
UPDATE turns
SET status = :status, reason = :reason, error_code = :error_code, error_message = :error_message, input_tokens = :input_tokens,
    output_tokens = :output_tokens, cost_micro = :cost_micro, context_messages = :context_messages, context_chunks = :context_chunks,
    context_tokens = :context_tokens, first_token_at = :first_token_at, finished_at = :now, last_seq = :last_seq, lease_until = NULL
WHERE n = :n

-- name: finish_answer
UPDATE messages SET text = :text, parts = :parts, citations = :citations WHERE n = :n

-- name: finish_in_conversation
UPDATE conversations
SET running_n = CASE running_n WHEN :turn_n THEN NULL ELSE running_n END, title = coalesce(title, :title)
WHERE n = :n

-- name: index_message
INSERT INTO messages_fts (rowid, scope, text) VALUES (:n, :scope, :text)

-- name: log
SELECT place & 16777215, type, data, at FROM turn_log
WHERE place > (:turn_n << 24) + :after AND place < (:turn_n + 1) << 24 ORDER BY place LIMIT :limit

-- name: log_end
SELECT max(place) & 16777215 FROM turn_log WHERE place > :turn_n << 24 AND place < (:turn_n + 1) << 24

-- name: expired_turns
SELECT id, tenant_id FROM turns WHERE status = 'running' AND lease_until < :now LIMIT :limit

-- name: waiting_conversations
SELECT DISTINCT q.conversation_n FROM turns q
WHERE q.status = 'queued'
  AND NOT EXISTS (SELECT 1 FROM turns r WHERE r.conversation_n = q.conversation_n AND r.status = 'running')
LIMIT :limit

-- name: missed_turns
SELECT t.n, t.id, t.params, t.parent_n FROM turns t
WHERE t.status = 'running' AND t.owner = :owner AND t.started_at <= :since
  AND NOT EXISTS (SELECT 1 FROM turn_log l WHERE l.place > t.n << 24 AND l.place < (t.n + 1) << 24)

-- name: adopt_turn
UPDATE turns SET fence = fence + 1, lease_micros = :lease_micros, lease_until = :lease_until WHERE n = :n

-- name: queued_of_owner
SELECT n FROM turns WHERE status = 'queued' AND owner = :owner ORDER BY conversation_n, n

-- name: ask_to_stop
UPDATE turns SET stop_reason = coalesce(stop_reason, :reason) WHERE n = :n

-- name: identity_of_turn
SELECT id, tenant_id FROM turns WHERE n = :n

-- name: first_logged_turn
SELECT min(place) >> 24 FROM turn_log WHERE place >= (:after + 1) << 24

-- name: end_of_turn
SELECT created_at, finished_at FROM turns WHERE n = :n

-- name: delete_log
DELETE FROM turn_log WHERE place > :turn_n << 24 AND place < (:turn_n + 1) << 24
