-- part: index_columns
b.index_revision, b.embedding

-- name: bot
SELECT {bot_columns} FROM bots b WHERE b.tenant_id = :tenant_id AND b.id = :id AND b.deleted_at IS NULL

-- name: bot_to_change
SELECT {bot_columns} FROM bots b WHERE b.tenant_id = :tenant_id AND b.id = :id AND b.deleted_at IS NULL FOR NO KEY UPDATE

-- name: deleted_bot
SELECT {bot_columns} FROM bots b WHERE b.tenant_id = :tenant_id AND b.id = :id AND b.deleted_at IS NOT NULL FOR NO KEY UPDATE

-- name: update_bot
UPDATE bots
SET name = :name, instructions = :instructions, model = :model, params = :params, retrieval = :retrieval,
    idle_timeout_minutes = :idle_timeout_minutes, widget = :widget, metadata = :metadata, created_at = :created_at, updated_at = :updated_at,
    version = :version
WHERE tenant_id = :tenant_id AND id = :id

-- name: delete_bot
UPDATE bots SET deleted_at = :now WHERE tenant_id = :tenant_id AND id = :id

-- name: restore_bot
UPDATE bots SET deleted_at = NULL WHERE tenant_id = :tenant_id AND id = :id

-- name: open_turns_of_bot
SELECT t.conversation_id, t.id FROM turns t JOIN conversations c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id
WHERE t.tenant_id = :tenant_id AND t.status = 'running' AND c.bot_id = :bot_id AND c.deleted_at IS NULL
UNION ALL
SELECT t.conversation_id, t.id FROM turns t JOIN conversations c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id
WHERE t.tenant_id = :tenant_id AND t.status = 'queued' AND c.bot_id = :bot_id AND c.deleted_at IS NULL
ORDER BY 1, 2

-- name: entity
SELECT {entity_columns}, e.n FROM entities e WHERE e.tenant_id = :tenant_id AND e.id = :id

-- name: entity_to_change
SELECT {entity_columns}, e.n FROM entities e WHERE e.tenant_id = :tenant_id AND e.id = :id FOR NO KEY UPDATE

-- name: update_entity
UPDATE entities
SET type = :type, external_id = :external_id, name = :name, email = :email, metadata = :metadata,
    created_at = :created_at, updated_at = :updated_at, version = :version
WHERE tenant_id = :tenant_id AND id = :id

-- name: delete_entity
DELETE FROM entities WHERE tenant_id = :tenant_id AND id = :id
