-- name: take_lease
INSERT INTO leases AS l (name, owner, lease_until) VALUES (:name, :owner, :lease_until)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
WHERE l.owner = excluded.owner OR l.lease_until < :now

-- name: any_uncounted
SELECT 1 FROM uncounted LIMIT 1

-- name: uncounted
-- Those in which a turn runs come later: its end would have them counted again.
SELECT u.tenant_id, u.conversation_id
FROM uncounted u LEFT JOIN conversations c ON c.tenant_id = u.tenant_id AND c.id = u.conversation_id
WHERE c.running_idx IS NULL LIMIT :limit

-- name: one_counts
-- Roll-ups of a tenant are added to by one transaction at a time. What it writes can be counted again: it need not wait for the disk.
SELECT pg_advisory_xact_lock(hashtextextended('palaver figures ' || current_schema() || :tenant_id::text, 0)),
    set_config('synchronous_commit', 'off', true)

-- name: forget_uncounted
DELETE FROM uncounted WHERE tenant_id = :tenant_id AND conversation_id = :id

-- name: sheet
SELECT cells FROM sheets WHERE tenant_id = :tenant_id AND conversation_id = :id

-- name: put_sheet
INSERT INTO sheets (tenant_id, conversation_id, cells) VALUES (:tenant_id, :id, :cells)
ON CONFLICT (tenant_id, conversation_id) DO UPDATE SET cells = excluded.cells

-- name: drop_sheet
DELETE FROM sheets WHERE tenant_id = :tenant_id AND conversation_id = :id

-- name: counted_conversation
SELECT c.bot_id, c.entity_id, c.started_at, c.ended_at, c.end_reason, c.rating
FROM conversations c WHERE c.tenant_id = :tenant_id AND c.id = :id AND c.deleted_at IS NULL

-- name: counted_turns
SELECT t.created_at, t.first_token_at, t.finished_at, t.status, t.model, t.input_tokens, t.output_tokens, t.cost_micro,
    t.context_chunks, q.turn_idx IS NOT DISTINCT FROM t.idx AND q.deleted_at IS NULL, a.id IS NOT NULL AND a.deleted_at IS NULL, a.rating
FROM turns t
LEFT JOIN messages q ON q.tenant_id = t.tenant_id AND q.id = t.question_id
LEFT JOIN messages a ON a.tenant_id = t.tenant_id AND a.id = t.answer_id
WHERE t.tenant_id = :tenant_id AND t.conversation_id = :id AND t.finished_at IS NOT NULL AND t.deleted_at IS NULL
ORDER BY t.idx

-- name: one_moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY

-- part: of_live_bots
JOIN bots b ON b.tenant_id = f.tenant_id AND b.id = f.bot_id AND b.deleted_at IS NULL
WHERE f.tenant_id = :tenant_id AND f.quarter >= :first AND f.quarter < :last

-- name: figures
SELECT f.quarter, f.bot_id, f.model, '', f.counts FROM figures f {of_live_bots}

-- name: figures_by_entity
SELECT f.quarter, f.bot_id, f.model, f.entity_id, f.counts FROM entity_figures f {of_live_bots}

-- name: figures_of_entity
SELECT f.quarter, f.bot_id, f.model, f.entity_id, f.counts FROM entity_figures f {of_live_bots} AND f.entity_id = :entity_id

-- name: active_entities
SELECT f.quarter, f.bot_id, f.model, f.entity_id, f.turns FROM entity_figures f {of_live_bots} AND f.turns > 0

-- name: uncounted_of_tenant
SELECT conversation_id FROM uncounted WHERE tenant_id = :tenant_id

-- name: live_bots
SELECT id FROM bots WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[]) AND deleted_at IS NULL

-- name: known_entities
SELECT id FROM entities WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[])
