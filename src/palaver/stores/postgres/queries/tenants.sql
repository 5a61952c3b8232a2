-- name: touch_key
-- Cheap: the setting holds for this statement only, whose commit waits for no disk.
UPDATE api_keys SET last_used_at = :now WHERE id = :id AND set_config('synchronous_commit', 'off', true) = 'off'

-- name: revoke_key
UPDATE api_keys k SET revoked_at = coalesce(k.revoked_at, :now)
WHERE k.id = :id AND (k.tenant_id = :tenant_id OR :tenant_id::text IS NULL) RETURNING {key_columns}

-- name: insert_once
INSERT INTO once_keys (tenant_id, kind, key, fingerprint, resource_id)
VALUES (:tenant_id, :kind, :key, :fingerprint, :resource_id)
ON CONFLICT (tenant_id, kind, key) DO NOTHING

-- name: delete_once_of
DELETE FROM once_keys WHERE tenant_id = :tenant_id AND resource_id = :id

-- name: settings
SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(:names::text[]) ORDER BY name

-- name: size
SELECT pg_database_size(current_database())

-- name: replication
SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_replication)
