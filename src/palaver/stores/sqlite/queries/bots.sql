-- part: index_columns
b.revision, b.embedding

-- name: bot
SELECT {bot_columns} FROM bots b WHERE b.id = :id AND b.tenant_id = :tenant_id AND b.deleted_at IS NULL

-- name: deleted_bot
SELECT {bot_columns} FROM bots b WHERE b.id = :id AND b.tenant_id = :tenant_id AND b.deleted_at IS NOT NULL

-- name: update_bot
UPDATE bots
SET name = :name, instructions = :instructions, model = :model, params = :params, retrieval = :retrieval,
    idle_timeout_minutes = :idle_timeout_minutes, widget = :widget, metadata = :metadata, created_at = :created_at, updated_at = :updated_at,
    version = :version
WHERE id = :id

-- name: delete_bot
UPDATE bots SET deleted_at = :now WHERE n = :n

-- name: restore_bot
UPDATE bots SET deleted_at = NULL WHERE n = :n

-- name: delete_conversations_of_bot
UPDATE conversations SET deleted_at = :now, deletion = :bot_id WHERE bot_n = :bot_n AND deleted_at IS NULL

-- name: restore_conversations_of_bot
UPDATE conversations SET deleted_at = NULL, deletion = NULL
WHERE bot_n = :bot_n AND deleted_at IS NOT NULL AND deletion = :bot_id

-- name: open_turns_of_bot
SELECT t.n FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n
WHERE t.status = 'running' AND c.bot_n = :bot_n AND c.deleted_at IS NULL
UNION ALL
SELECT t.n FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n
WHERE t.status = 'queued' AND c.bot_n = :bot_n AND c.deleted_at IS NULL

-- name: entity
SELECT {entity_columns}, e.n FROM entities e WHERE e.id = :id AND e.tenant_id = :tenant_id

-- name: update_entity
UPDATE entities
SET type = :type, external_id = :external_id, name = :name, email = :email, metadata = :metadata,
    created_at = :created_at, updated_at = :updated_at, version = :version
WHERE id = :id

-- name: delete_entity
DELETE FROM entities WHERE n = :n

-- name: forget_entity
UPDATE conversations SET entity_n = NULL WHERE entity_n = :n AND deleted_at IS NULL

-- name: forget_entity_in_deleted
UPDATE conversations SET entity_n = NULL WHERE entity_n = :n AND deleted_at IS NOT NULL

-- name: delete_once_of
DELETE FROM once_keys WHERE resource_id = :id
