-- name: insert_attachment
INSERT INTO attachments (id, tenant_id, name, media_type, size_bytes, sha256, created_at)
VALUES (:id, :tenant_id, :name, :media_type, :size_bytes, :sha256, :created_at)

-- part: attachment_columns
a.id, a.name, a.media_type, a.size_bytes, a.sha256, a.created_at
