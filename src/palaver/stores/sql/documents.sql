-- part: live_document
d.deleted_at IS NULL AND b.deleted_at IS NULL
