-- name: take_lease
INSERT INTO leases (name, owner, lease_until) VALUES (:name, :owner, :lease_until)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
WHERE owner = excluded.owner OR lease_until < :now

-- name: mark_uncounted
INSERT INTO uncounted (tenant_id, conversation_n) VALUES (:tenant_id, :n) ON CONFLICT DO NOTHING

-- name: uncounted
-- Those in which a turn runs come later: its end would have them counted again.
SELECT u.tenant_id, u.conversation_n FROM uncounted u LEFT JOIN conversations c ON c.n = u.conversation_n
WHERE c.running_n IS NULL LIMIT :limit

-- name: forget_uncounted
DELETE FROM uncounted WHERE tenant_id = :tenant_id AND conversation_n = :n

-- name: sheet
SELECT cells FROM sheets WHERE conversation_n = :n

-- name: put_sheet
INSERT INTO sheets (conversation_n, cells) VALUES (:n, :cells) ON CONFLICT (conversation_n) DO UPDATE SET cells = excluded.cells

-- name: drop_sheet
DELETE FROM sheets WHERE conversation_n = :n

-- name: counted_conversation
SELECT b.id, e.id, c.started_at, c.ended_at, c.end_reason, c.rating
FROM conversations c CROSS JOIN bots b ON b.n = c.bot_n LEFT JOIN entities e ON e.n = c.entity_n
WHERE c.n = :n AND c.deleted_at IS NULL

-- name: counted_turns
SELECT t.created_at, t.first_token_at, t.finished_at, t.status, t.model, t.input_tokens, t.output_tokens, t.cost_micro,
    t.context_chunks, q.turn_n IS t.n AND q.deleted_at IS NULL, a.id IS NOT NULL AND a.deleted_at IS NULL, a.rating
FROM turns t LEFT JOIN messages q ON q.id = t.question_id LEFT JOIN messages a ON a.id = t.answer_id
WHERE t.conversation_n = :n AND t.finished_at IS NOT NULL AND t.deleted_at IS NULL ORDER BY t.idx

-- name: figures
SELECT f.quarter, f.bot_id, f.model, '', f.counts FROM figures f CROSS JOIN bots b ON b.id = f.bot_id AND b.deleted_at IS NULL
WHERE f.tenant_id = :tenant_id AND f.quarter >= :first AND f.quarter < :last

-- name: figures_by_entity
SELECT f.quarter, f.bot_id, f.model, f.entity_id, f.counts
FROM entity_figures f CROSS JOIN bots b ON b.id = f.bot_id AND b.deleted_at IS NULL
WHERE f.tenant_id = :tenant_id AND f.quarter >= :first AND f.quarter < :last

-- name: figures_of_entity
SELECT f.quarter, f.bot_id, f.model, f.entity_id, f.counts
FROM entity_figures f CROSS JOIN bots b ON b.id = f.bot_id AND b.deleted_at IS NULL
WHERE f.tenant_id = :tenant_id AND f.entity_id = :entity_id AND f.quarter >= :first AND f.quarter < :last

-- name: active_entities
SELECT f.quarter, f.bot_id, f.model, f.entity_id, f.turns
FROM entity_figures f CROSS JOIN bots b ON b.id = f.bot_id AND b.deleted_at IS NULL
WHERE f.tenant_id = :tenant_id AND f.quarter >= :first AND f.quarter < :last AND f.turns > 0

-- name: uncounted_of_tenant
SELECT conversation_n FROM uncounted WHERE tenant_id = :tenant_id

-- name: live_bot
SELECT 1 FROM bots WHERE id = :id AND tenant_id = :tenant_id AND deleted_at IS NULL

-- name: known_entity
SELECT 1 FROM entities WHERE id = :id AND tenant_id = :tenant_id
