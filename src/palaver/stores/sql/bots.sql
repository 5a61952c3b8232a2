-- part: bot_columns
b.id, b.name, b.instructions, b.model, b.params, b.retrieval, b.idle_timeout_minutes, b.widget, b.metadata, b.created_at, b.updated_at, b.deleted_at, b.version, b.n

-- part: entity_columns
e.id, e.type, e.external_id, e.name, e.email, e.metadata, e.created_at, e.updated_at, e.version

-- name: bot_by_name
SELECT {bot_columns} FROM bots b WHERE b.tenant_id = :tenant_id AND b.name = :name AND b.deleted_at IS NULL

-- name: insert_bot
INSERT INTO bots (id, tenant_id, name, instructions, model, params, retrieval, idle_timeout_minutes, widget, metadata, created_at, updated_at, version)
VALUES (:id, :tenant_id, :name, :instructions, :model, :params, :retrieval, :idle_timeout_minutes, :widget, :metadata, :created_at, :updated_at, :version)

-- name: entity_by_external_id
SELECT {entity_columns}, e.n FROM entities e
WHERE e.tenant_id = :tenant_id AND e.type = :type AND e.external_id = :external_id

-- name: insert_entity
INSERT INTO entities (id, tenant_id, type, external_id, name, email, metadata, created_at, updated_at, version)
VALUES (:id, :tenant_id, :type, :external_id, :name, :email, :metadata, :created_at, :updated_at, :version)
