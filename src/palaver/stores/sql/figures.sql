-- part: is_unfound
t.context_chunks = 0 AND t.status = 'completed' AND t.model <> '' AND t.deleted_at IS NULL

-- name: figure
SELECT counts FROM figures WHERE tenant_id = :tenant_id AND quarter = :quarter AND bot_id = :bot_id AND model = :model

-- name: put_figure
INSERT INTO figures (tenant_id, quarter, bot_id, model, counts) VALUES (:tenant_id, :quarter, :bot_id, :model, :counts)
ON CONFLICT (tenant_id, quarter, bot_id, model) DO UPDATE SET counts = excluded.counts

-- name: drop_figure
DELETE FROM figures WHERE tenant_id = :tenant_id AND quarter = :quarter AND bot_id = :bot_id AND model = :model

-- name: entity_figure
SELECT counts FROM entity_figures
WHERE tenant_id = :tenant_id AND quarter = :quarter AND bot_id = :bot_id AND model = :model AND entity_id = :entity_id

-- name: put_entity_figure
INSERT INTO entity_figures (tenant_id, quarter, bot_id, model, entity_id, turns, counts)
VALUES (:tenant_id, :quarter, :bot_id, :model, :entity_id, :turns, :counts)
ON CONFLICT (tenant_id, quarter, bot_id, model, entity_id) DO UPDATE SET turns = excluded.turns, counts = excluded.counts

-- name: drop_entity_figure
DELETE FROM entity_figures
WHERE tenant_id = :tenant_id AND quarter = :quarter AND bot_id = :bot_id AND model = :model AND entity_id = :entity_id
