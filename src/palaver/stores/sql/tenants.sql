-- part: key_columns
k.id, k.tenant_id, k.name, k.prefix, k.scope, k.bot_id, k.entity_id, k.created_at, k.expires_at, k.last_used_at, k.revoked_at

-- name: insert_tenant
INSERT INTO tenants (id, created_at) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING

-- name: tenant
SELECT id, created_at FROM tenants WHERE id = :id

-- name: insert_meta
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING

-- name: set_meta
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value

-- name: meta
SELECT value FROM meta WHERE key = :key

-- name: insert_key
INSERT INTO api_keys (id, tenant_id, name, prefix, digest, scope, bot_id, entity_id, created_at, expires_at)
VALUES (:id, :tenant_id, :name, :prefix, :digest, :scope, :bot_id, :entity_id, :created_at, :expires_at)

-- name: any_key
SELECT EXISTS (SELECT 1 FROM api_keys)

-- name: key_by_digest
SELECT {key_columns} FROM api_keys k WHERE k.digest = :digest

-- name: once
SELECT fingerprint, resource_id FROM once_keys WHERE tenant_id = :tenant_id AND kind = :kind AND key = :key

-- name: schema_version
SELECT version FROM schema_info
