-- name: record_keys
SELECT {key_columns}, k.digest, k.n FROM api_keys k
WHERE k.tenant_id = :tenant_id AND k.n > :n ORDER BY k.n LIMIT :limit

-- name: put_tenant
INSERT INTO tenants (id, created_at) VALUES (:id, :created_at) ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at
