-- min_compatible: 3
-- The turns whose model was given no passage of a document, by when they were asked.
CREATE INDEX turns_unfound ON turns (tenant_id, created_at, n)
    WHERE context_chunks = 0 AND status = 'completed' AND model <> '' AND deleted_at IS NULL;
