-- part: key_columns
k.id, k.tenant_id, k.name, k.prefix, k.scope, k.bot_id, k.entity_id, k.created_at, k.expires_at, k.last_used_at, k.revoked_at

-- name: insert_tenant
INSERT INTO tenants (id, created_at) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING

-- name: tenant
SELECT id, created_at FROM tenants WHERE id = :id

-- name: insert_meta
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING

-- name: meta
SELECT value FROM meta WHERE key = :key

-- name: insert_key
INSERT INTO api_keys (id, tenant_id, name, prefix, digest, scope, bot_id, entity_id, created_at, expires_at)
VALUES (:id, :tenant_id, :name, :prefix, :digest, :scope, :bot_id, :entity_id, :created_at, :expires_at)

-- name: any_key
SELECT EXISTS (SELECT 1 FROM api_keys)

-- name: key_by_digest
SELECT {key_columns} FROM api_keys k WHERE k.digest = :digest

-- name: touch_key
-- Cheap: the setting holds for this statement only, whose commit waits for no disk.
UPDATE api_keys SET last_used_at = :now WHERE id = :id AND set_config('synchronous_commit', 'off', true) = 'off'

-- name: revoke_key
UPDATE api_keys k SET revoked_at = coalesce(k.revoked_at, :now)
WHERE k.id = :id AND (k.tenant_id = :tenant_id OR :tenant_id::text IS NULL) RETURNING {key_columns}

-- name: once
SELECT fingerprint, resource_id FROM once_keys WHERE tenant_id = :tenant_id AND kind = :kind AND key = :key

-- name: insert_once
INSERT INTO once_keys (tenant_id, kind, key, fingerprint, resource_id)
VALUES (:tenant_id, :kind, :key, :fingerprint, :resource_id)
ON CONFLICT (tenant_id, kind, key) DO NOTHING

-- name: delete_once_of
DELETE FROM once_keys WHERE tenant_id = :tenant_id AND resource_id = :id

-- name: schema_version
SELECT version FROM schema_info

-- name: settings
SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(:names::text[]) ORDER BY name

-- name: replication
SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_replication)

