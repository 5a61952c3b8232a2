-- part: turn_columns
t.id, t.conversation_id, t.idx,
(SELECT p.id FROM turns p WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id AND p.idx = t.parent_idx),
t.status, t.reason, t.error_code, t.error_message, t.model, t.question_id, t.answer_id, t.input_tokens, t.output_tokens, t.cost_micro,
t.context_messages, t.context_chunks, t.context_tokens, t.created_at, t.started_at, t.first_token_at, t.finished_at, t.params

-- part: turn_state
t.status, t.fence, t.lease_until, t.stop_reason, t.queued, t.last_seq, t.lease_micros, t.parent_idx

-- part: live_turn_tables
turns t JOIN conversations c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id
JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id

-- part: live_turn
t.tenant_id = :tenant_id AND t.id = :id AND t.deleted_at IS NULL AND c.deleted_at IS NULL AND b.deleted_at IS NULL

-- part: log_end
(SELECT max(l.seq) FROM turn_log l WHERE l.tenant_id = t.tenant_id AND l.turn_id = t.id)

-- part: another_waits
EXISTS (SELECT 1 FROM turns q WHERE q.tenant_id = t.tenant_id AND q.conversation_id = t.conversation_id AND q.status = 'queued')

-- name: turn
SELECT {turn_columns}, {turn_state} FROM {live_turn_tables} WHERE {live_turn}

-- name: ground
-- All that the begin of a turn must know of its conversation.
SELECT c.revision, c.status, c.last_seq, c.last_index, c.head_idx, c.running_idx,
    (SELECT h.id FROM turns h WHERE h.tenant_id = c.tenant_id AND h.conversation_id = c.id AND h.idx = c.head_idx),
    r.id, r.lease_until, k.id, k.fingerprint,
    EXISTS (SELECT 1 FROM turns q WHERE q.tenant_id = c.tenant_id AND q.conversation_id = c.id AND q.status = 'queued'),
    {origin_at_head}, {index_columns}, {bot_columns}
FROM conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
LEFT JOIN LATERAL (
    SELECT id, lease_until FROM turns WHERE tenant_id = c.tenant_id AND conversation_id = c.id AND idx = c.running_idx OFFSET 0
) r ON true
LEFT JOIN turns k ON k.tenant_id = c.tenant_id AND k.conversation_id = c.id AND k.key = :key
WHERE c.tenant_id = :tenant_id AND c.id = :id AND c.deleted_at IS NULL AND b.deleted_at IS NULL

-- name: place_of_turn
SELECT idx, id FROM turns
WHERE tenant_id = :tenant_id AND id = :id AND conversation_id = :conversation_id AND deleted_at IS NULL

-- name: place_of_message
SELECT t.parent_idx,
    (SELECT p.id FROM turns p WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id AND p.idx = t.parent_idx),
    t.question_id, m.role, t.origin_idx
FROM messages m CROSS JOIN LATERAL (
    SELECT * FROM turns t WHERE t.tenant_id = m.tenant_id AND t.conversation_id = m.conversation_id AND t.idx = m.turn_idx OFFSET 0
) t
WHERE m.tenant_id = :tenant_id AND m.id = :id AND m.conversation_id = :conversation_id AND m.deleted_at IS NULL

-- name: queued_of_conversation
SELECT id, interrupting FROM turns
WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND status = 'queued' ORDER BY idx

-- part: rows_of_accepted
-- What the begin of a turn writes when its conversation has accepted it. The last part reads what was said before, turn by
-- turn (OFFSET keeps the planner from reading all turns instead): nobody changes that meanwhile.
made AS (
    INSERT INTO turns (tenant_id, conversation_id, idx, id, parent_idx, origin_idx, status, model, question_id, answer_id, key,
        fingerprint, params, queued, interrupting, owner, fence, lease_micros, lease_until, created_at, started_at)
    SELECT a.tenant_id, a.id, a.idx, :turn_id, a.parent_idx, a.origin_idx, :status, a.model, :question_id, :answer_id, :key, :fingerprint, :params,
        NOT :runs, :interrupting, :owner, :fence, :lease_micros, :lease_until, :now, :started_at
    FROM accepted a
), said AS (
    INSERT INTO messages (tenant_id, conversation_id, seq, id, turn_idx, role, text, parts, on_path, created_at)
    SELECT a.tenant_id, a.id, a.answer_seq + m.behind, m.id, a.idx, m.role, m.text, m.parts, true, :now
    FROM accepted a
    CROSS JOIN (VALUES (-1, :asked_id, 'user', :text, :parts), (0, :answer_id, 'assistant', '', NULL)) m (behind, id, role, text, parts)
    WHERE m.id IS NOT NULL ORDER BY m.behind
    RETURNING tenant_id, n, conversation_id, seq, role
), found AS (
    INSERT INTO message_words (tenant_id, n, conversation_id, seq, words)
    SELECT s.tenant_id, s.n, s.conversation_id, s.seq, :words::text::tsvector || array_to_tsvector(ARRAY['#' || a.bot_id])
    FROM said s CROSS JOIN accepted a WHERE s.role = 'user' AND :words::text IS NOT NULL
), up (idx, parent_idx, id, question_id, answer_id, depth) AS (
    SELECT t.idx, t.parent_idx, t.id, t.question_id, t.answer_id, 1
    FROM accepted a JOIN turns t ON t.tenant_id = a.tenant_id AND t.conversation_id = a.id AND t.idx = a.parent_idx
    WHERE :history_turns::bigint > 0
    UNION ALL
    SELECT t.idx, t.parent_idx, t.id, t.question_id, t.answer_id, up.depth + 1
    FROM up CROSS JOIN LATERAL (
        SELECT * FROM turns t WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = up.parent_idx OFFSET 0
    ) t
    WHERE up.depth < :history_turns
)

-- part: said_before
up.id, q.text, q.parts, q.n, x.text, x.parts, x.n

-- part: accepted_and_said_before
accepted a LEFT JOIN up ON true
LEFT JOIN messages q ON q.tenant_id = :tenant_id AND q.id = up.question_id AND q.deleted_at IS NULL
LEFT JOIN messages x ON x.tenant_id = :tenant_id AND x.id = up.answer_id AND x.deleted_at IS NULL

-- name: accept_turn
-- Everything hangs on the first update, which is refused when the conversation has changed.
WITH RECURSIVE accepted AS (
    UPDATE conversations c
    SET last_seq = :answer_seq, last_index = :idx, message_count = message_count + :messages, turn_count = turn_count + 1,
        head_idx = :idx, lost_idx = NULL, running_idx = CASE WHEN :runs THEN :idx ELSE running_idx END, last_activity_at = :now, trained_by = NULL,
        revision = revision + 1
    WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id AND c.revision = :revision AND c.deleted_at IS NULL
        AND EXISTS (SELECT 1 FROM bots b WHERE b.tenant_id = c.tenant_id AND b.id = c.bot_id AND b.deleted_at IS NULL)
    RETURNING c.tenant_id, c.id, c.bot_id, c.last_index AS idx, c.last_seq AS answer_seq, :parent_idx::bigint AS parent_idx,
        :origin_idx::bigint AS origin_idx, :model::text AS model
), {rows_of_accepted}
SELECT {said_before} FROM {accepted_and_said_before} ORDER BY up.depth

-- name: accept_plain_turn
-- The plain case in one go: an active conversation in which nothing is open and no head was lost, and a key that it does not know. Anything else,
-- or anybody else meanwhile, and nothing is written.
WITH RECURSIVE plain AS (
    SELECT c.tenant_id, c.id, c.revision, c.head_idx, b.model
    FROM conversations c JOIN bots b ON b.tenant_id = c.tenant_id AND b.id = c.bot_id
    WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id AND c.status = 'active' AND c.running_idx IS NULL
        AND c.lost_idx IS NULL AND c.deleted_at IS NULL AND b.deleted_at IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM turns q WHERE q.tenant_id = :tenant_id AND q.conversation_id = :conversation_id AND q.status = 'queued'
        )
        AND NOT EXISTS (
            SELECT 1 FROM turns k WHERE k.tenant_id = :tenant_id AND k.conversation_id = :conversation_id AND k.key = :key
        )
), accepted AS (
    UPDATE conversations c
    SET last_seq = last_seq + 2, last_index = last_index + 1, message_count = message_count + 2, turn_count = turn_count + 1,
        head_idx = last_index + 1, running_idx = last_index + 1, last_activity_at = :now, trained_by = NULL, revision = c.revision + 1
    FROM plain WHERE c.tenant_id = plain.tenant_id AND c.id = plain.id AND c.revision = plain.revision
    RETURNING c.tenant_id, c.id, c.bot_id, c.last_index AS idx, c.last_seq AS answer_seq, plain.head_idx AS parent_idx,
        NULL::bigint AS origin_idx, plain.model
), {rows_of_accepted}
SELECT {said_before}, a.answer_seq, a.idx,
    (SELECT p.id FROM turns p WHERE p.tenant_id = a.tenant_id AND p.conversation_id = a.id AND p.idx = a.parent_idx),
    {index_columns}, {bot_columns}
FROM {accepted_and_said_before}
LEFT JOIN bots b ON b.tenant_id = a.tenant_id AND b.id = a.bot_id AND coalesce(up.depth, 1) = 1
ORDER BY up.depth

-- name: lock_conversation
SELECT 1 FROM conversations WHERE tenant_id = :tenant_id AND id = :id FOR NO KEY UPDATE

-- name: lock_turn
-- The conversation first, as everywhere. Then the turn: whoever writes its log holds it in share, so that what was shown is
-- there when this comes back.
WITH locked AS (
    SELECT c.tenant_id, c.id FROM conversations c WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id FOR NO KEY UPDATE
)
SELECT t.idx FROM locked JOIN turns t ON t.tenant_id = locked.tenant_id AND t.conversation_id = locked.id
WHERE t.id = :id FOR NO KEY UPDATE OF t

-- name: finishing
SELECT {turn_columns}, {turn_state}, {log_end}, {another_waits}, c.revision
FROM turns t JOIN conversations c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id
WHERE t.tenant_id = :tenant_id AND t.id = :id

-- part: ended_columns
status = :status, reason = :reason, error_code = :error_code, error_message = :error_message, input_tokens = :input_tokens,
output_tokens = :output_tokens, cost_micro = :cost_micro, context_messages = :context_messages, context_chunks = :context_chunks,
context_tokens = :context_tokens, first_token_at = :first_token_at, finished_at = :now, lease_until = NULL

-- part: title_if_none
title = coalesce(title, :title::text), title_folded = coalesce(title_folded, :title_folded::text)

-- part: rows_of_freed
-- What the end of a turn writes when its conversation has let it go.
logged AS (
    INSERT INTO turn_log (tenant_id, turn_id, seq, type, data, at)
    SELECT freed.tenant_id, :id, e.seq, e.type, e.data, :now
    FROM freed CROSS JOIN unnest(:seqs::bigint[], :types::text[], :datas::text[]) e (seq, type, data)
    ON CONFLICT (tenant_id, turn_id, seq) DO NOTHING
), answered AS (
    UPDATE messages m SET text = :text, parts = :parts, citations = :citations
    FROM freed WHERE m.tenant_id = freed.tenant_id AND m.id = :answer_id
    RETURNING m.tenant_id, m.n, m.conversation_id, m.seq, m.rating, m.feedback, m.created_at
), found AS (
    INSERT INTO message_words (tenant_id, n, conversation_id, seq, words)
    SELECT a.tenant_id, a.n, a.conversation_id, a.seq, :words::text::tsvector || array_to_tsvector(ARRAY['#' || freed.bot_id])
    FROM answered a CROSS JOIN freed WHERE :words::text IS NOT NULL
), consulted AS (
    INSERT INTO turn_documents (tenant_id, conversation_id, turn_idx, document_id)
    SELECT freed.tenant_id, freed.id, :idx, x.id FROM freed CROSS JOIN unnest(:consulted::text[]) x (id)
    ON CONFLICT DO NOTHING
)

-- name: finish_turn
WITH freed AS (
    UPDATE conversations SET running_idx = nullif(running_idx, :idx), {title_if_none}, revision = revision + 1
    WHERE tenant_id = :tenant_id AND id = :conversation_id AND revision = :revision
    RETURNING tenant_id, id, bot_id
), ended AS (
    UPDATE turns t SET {ended_columns}, last_seq = :last_seq, has_log = :has_log
    FROM freed WHERE t.tenant_id = freed.tenant_id AND t.conversation_id = freed.id AND t.idx = :idx
), {rows_of_freed}
SELECT answered.seq, answered.rating, answered.feedback, answered.created_at FROM freed LEFT JOIN answered ON true

-- name: finish_plain_turn
-- The plain case in one go: the turn runs under this fence, its log is whole, none waits that would have to run next, and no
-- document that it quotes was purged. Anything else, or anybody else meanwhile, and nothing is written.
WITH quoted AS MATERIALIZED (
    SELECT id FROM documents WHERE tenant_id = :tenant_id AND id = ANY(:consulted::text[]) AND deleted_at IS DISTINCT FROM 0
    FOR SHARE
), plain AS (
    SELECT c.tenant_id, c.id, c.revision, t.parent_idx,
        coalesce(:log_end, (SELECT max(l.seq) FROM turn_log l WHERE l.tenant_id = :tenant_id AND l.turn_id = :id)) AS log_end
    FROM conversations c JOIN turns t ON t.tenant_id = c.tenant_id AND t.conversation_id = c.id
    WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id AND t.idx = :idx AND t.status = 'running' AND t.fence = :fence
        AND (:behind::bigint IS NULL OR EXISTS (
            SELECT 1 FROM turn_log w WHERE w.tenant_id = :tenant_id AND w.turn_id = :id AND w.seq = :behind
        ))
        AND (SELECT count(*) FROM quoted) = cardinality(:consulted::text[])
        AND (NOT :promotes OR NOT EXISTS (
            SELECT 1 FROM turns q WHERE q.tenant_id = :tenant_id AND q.conversation_id = :conversation_id AND q.status = 'queued'
        ))
), freed AS (
    UPDATE conversations c SET running_idx = NULL, {title_if_none}, revision = c.revision + 1
    FROM plain WHERE c.tenant_id = plain.tenant_id AND c.id = plain.id AND c.revision = plain.revision
    RETURNING c.tenant_id, c.id, c.bot_id, plain.log_end, plain.parent_idx
), ended AS (
    UPDATE turns t SET {ended_columns}, last_seq = coalesce(freed.log_end + 1, :next_seq), has_log = freed.log_end IS NOT NULL
    FROM freed WHERE t.tenant_id = freed.tenant_id AND t.conversation_id = freed.id AND t.idx = :idx
    RETURNING t.last_seq
), {rows_of_freed}
SELECT answered.seq, answered.rating, answered.feedback, answered.created_at, ended.last_seq,
    (SELECT p.id FROM turns p WHERE p.tenant_id = freed.tenant_id AND p.conversation_id = freed.id AND p.idx = freed.parent_idx)
FROM freed CROSS JOIN ended LEFT JOIN answered ON true

-- name: promote_first
WITH first AS (
    SELECT idx FROM turns WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND status = 'queued'
    ORDER BY interrupting DESC, idx LIMIT 1
), promoted AS (
    UPDATE turns t
    SET status = 'running', owner = :owner, fence = fence + 1, lease_micros = :lease_micros, lease_until = :now::bigint + :lease_micros::bigint,
        started_at = :now
    FROM first WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = first.idx
    RETURNING t.idx
)
UPDATE conversations c SET running_idx = promoted.idx, revision = revision + 1
FROM promoted WHERE c.tenant_id = :tenant_id AND c.id = :conversation_id
RETURNING promoted.idx

-- name: claimed_turn
SELECT {turn_columns}, {turn_state}, t.params, {index_columns}, {bot_columns} FROM {live_turn_tables}
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = :idx

-- part: asked_about
-- Each by its id, in the order given (OFFSET keeps the planner from reading all that run instead).
unnest(:tenant_ids::text[], :turn_ids::text[], :fences::bigint[]) WITH ORDINALITY w (tenant_id, id, fence, k) CROSS JOIN LATERAL

-- part: are_held
t.fence = w.fence AND t.status = 'running'

-- name: append_deltas
-- The turns are held in share: whoever ends one waits for this, and then reads what it wrote. What says that the commit need
-- not wait for the disk holds for this statement. A database that crashed may have lost the tick before: then nothing is
-- written behind the gap.
WITH held AS MATERIALIZED (
    SELECT w.k, t.id, t.stop_reason,
        (:firsts::bigint[])[w.k] > :log_begins::bigint + t.queued::integer AND NOT EXISTS (
            SELECT 1 FROM turn_log b WHERE b.tenant_id = w.tenant_id AND b.turn_id = w.id AND b.seq = (:firsts::bigint[])[w.k] - 1
        ) AS has_gap
    FROM {asked_about} (
        SELECT * FROM turns t WHERE t.tenant_id = w.tenant_id AND t.id = w.id OFFSET 0 FOR SHARE
    ) t
    WHERE {are_held} AND set_config('synchronous_commit', 'off', true) = 'off'
), written AS (
    INSERT INTO turn_log (tenant_id, turn_id, seq, type, data, at)
    SELECT e.tenant_id, e.turn_id, e.seq, e.type, e.data, :now
    FROM unnest(:event_ks::bigint[], :event_tenant_ids::text[], :event_turn_ids::text[], :seqs::bigint[], :types::text[], :datas::text[])
        e (k, tenant_id, turn_id, seq, type, data)
    WHERE e.k = ANY((SELECT array_agg(held.k) FROM held HAVING NOT bool_or(held.has_gap))::bigint[])
    ON CONFLICT (tenant_id, turn_id, seq) DO NOTHING
)
SELECT id, stop_reason, has_gap FROM held

-- name: watch_turns
SELECT t.id, t.stop_reason FROM {asked_about} (
    SELECT * FROM turns t WHERE t.tenant_id = w.tenant_id AND t.id = w.id OFFSET 0
) t
WHERE {are_held}

-- name: renew_leases
WITH held AS MATERIALIZED (
    SELECT t.tenant_id, t.id FROM {asked_about} (
        SELECT * FROM turns t WHERE t.tenant_id = w.tenant_id AND t.id = w.id OFFSET 0 FOR NO KEY UPDATE
    ) t
    WHERE {are_held} AND set_config('synchronous_commit', 'off', true) = 'off'
)
UPDATE turns t SET lease_until = :now::bigint + :lease_micros::bigint, lease_micros = :lease_micros
FROM held WHERE t.tenant_id = held.tenant_id AND t.id = held.id
RETURNING t.id, t.stop_reason

-- part: question_columns
q.id, q.conversation_id, qt.id, q.seq, q.role, q.text, q.parts, q.citations, q.rating, q.feedback, qt.model, qt.status, q.created_at

-- part: answer_columns
a.id, a.conversation_id, t.id, a.seq, a.role, a.text, a.parts, a.citations, a.rating, a.feedback, t.model, t.status, a.created_at

-- name: turn_log
-- A turn, a stretch of its log, its question and its answer, in one snapshot because it is one statement.
SELECT {turn_columns}, {turn_state}, {log_end}, x.seqs, x.types, x.datas,
    {question_columns}, {answer_columns}
FROM {live_turn_tables}
LEFT JOIN messages q ON q.tenant_id = t.tenant_id AND q.id = t.question_id
LEFT JOIN LATERAL (
    SELECT * FROM turns WHERE tenant_id = q.tenant_id AND conversation_id = q.conversation_id AND idx = q.turn_idx OFFSET 0
) qt ON true
LEFT JOIN messages a ON a.tenant_id = t.tenant_id AND a.id = t.answer_id
CROSS JOIN LATERAL (
    SELECT array_agg(e.seq) AS seqs, array_agg(e.type) AS types, array_agg(e.data) AS datas
    FROM (SELECT l.seq, l.type, l.data FROM turn_log l
          WHERE l.tenant_id = t.tenant_id AND l.turn_id = t.id AND l.seq > :after ORDER BY l.seq LIMIT :limit) e
) x
WHERE t.tenant_id = :tenant_id AND t.id = :id
    AND (:deleted OR t.deleted_at IS NULL AND c.deleted_at IS NULL AND b.deleted_at IS NULL)

-- name: log
SELECT seq, type, data, at FROM turn_log WHERE tenant_id = :tenant_id AND turn_id = :turn_id ORDER BY seq

-- name: expired_turns
SELECT tenant_id, conversation_id, id FROM turns WHERE status = 'running' AND lease_until < :now ORDER BY lease_until LIMIT :limit

-- name: orphaned_turns
-- Open turns of deleted bots: they began in the moment of the delete.
SELECT t.tenant_id, t.conversation_id, t.id FROM (
    SELECT tenant_id, conversation_id, id FROM turns WHERE status = 'running'
    UNION ALL
    SELECT tenant_id, conversation_id, id FROM turns WHERE status = 'queued'
) t CROSS JOIN LATERAL (
    SELECT bot_id FROM conversations c WHERE c.tenant_id = t.tenant_id AND c.id = t.conversation_id OFFSET 0
) c CROSS JOIN LATERAL (
    SELECT deleted_at FROM bots b WHERE b.tenant_id = t.tenant_id AND b.id = c.bot_id OFFSET 0
) b
WHERE b.deleted_at IS NOT NULL LIMIT :limit

-- name: waiting_conversations
SELECT DISTINCT q.tenant_id, q.conversation_id FROM turns q
WHERE q.status = 'queued' AND NOT EXISTS (
    SELECT 1 FROM turns r WHERE r.tenant_id = q.tenant_id AND r.conversation_id = q.conversation_id AND r.status = 'running'
)
LIMIT :limit

-- name: lock_waiting_conversation
SELECT 1 FROM conversations WHERE tenant_id = :tenant_id AND id = :conversation_id AND running_idx IS NULL
FOR NO KEY UPDATE SKIP LOCKED

-- name: missed_turns
SELECT t.tenant_id, t.conversation_id, t.id FROM turns t
WHERE t.status = 'running' AND t.owner = :owner AND t.started_at <= :since AND t.id <> ALL (:known::text[])
    AND NOT EXISTS (SELECT 1 FROM turn_log l WHERE l.tenant_id = t.tenant_id AND l.turn_id = t.id)
LIMIT :limit

-- name: adopt_turn
WITH adopted AS (
    UPDATE turns t
    SET fence = fence + 1, lease_micros = :lease_micros, lease_until = :now::bigint + :lease_micros::bigint
    WHERE t.tenant_id = :tenant_id AND t.conversation_id = :conversation_id AND t.idx = :idx AND t.status = 'running'
        AND t.owner = :owner AND NOT EXISTS (SELECT 1 FROM turn_log l WHERE l.tenant_id = t.tenant_id AND l.turn_id = t.id)
    RETURNING t.tenant_id, t.conversation_id
)
UPDATE conversations c SET revision = revision + 1
FROM adopted WHERE c.tenant_id = adopted.tenant_id AND c.id = adopted.conversation_id
RETURNING c.id

-- name: queued_of_owner
SELECT tenant_id, conversation_id, id FROM turns WHERE status = 'queued' AND owner = :owner ORDER BY tenant_id, conversation_id, idx

-- name: ask_to_stop
UPDATE turns SET stop_reason = coalesce(stop_reason, :reason)
WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND idx = :idx

-- name: expire_logs
WITH doomed AS (
    SELECT tenant_id, conversation_id, idx, id FROM turns WHERE has_log AND finished_at IS NOT NULL AND finished_at <= :cutoff
    ORDER BY finished_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
), dropped AS (
    DELETE FROM turn_log l USING doomed d WHERE l.tenant_id = d.tenant_id AND l.turn_id = d.id
)
UPDATE turns t SET has_log = false
FROM doomed d WHERE t.tenant_id = d.tenant_id AND t.conversation_id = d.conversation_id AND t.idx = d.idx

-- name: open_turns_of_conversation
SELECT id, status FROM turns WHERE tenant_id = :tenant_id AND conversation_id = :id AND status = 'running'
UNION ALL
(SELECT id, status FROM turns WHERE tenant_id = :tenant_id AND conversation_id = :id AND status = 'queued' ORDER BY idx)

-- name: queued_turn
SELECT 1 FROM turns WHERE tenant_id = :tenant_id AND id = :id AND status = 'queued' AND owner = :owner
