-- name: key
SELECT {key_columns} FROM api_keys k WHERE k.id = :id

-- name: touch_key
UPDATE api_keys SET last_used_at = :now WHERE id = :id

-- name: revoke_key
UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL

-- name: insert_once
INSERT INTO once_keys (tenant_id, kind, key, fingerprint, resource_id)
VALUES (:tenant_id, :kind, :key, :fingerprint, :resource_id)
