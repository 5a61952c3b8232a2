-- name: running_training
SELECT {document_columns}, {document_state} FROM documents d
WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND d.source = 'training' AND d.status = 'processing' AND d.deleted_at IS NULL
FOR NO KEY UPDATE

-- part: unmarked_columns
c.n, c.id, c.rating, c.status

-- name: untrained_conversations
-- Those without a mark, and those whose mark does not count (yet, or any more): in the order of their making.
(
    SELECT {unmarked_columns} FROM conversations c
    WHERE c.tenant_id = :tenant_id AND c.bot_id = :bot_id AND c.trained_by IS NULL AND c.n >= :n AND c.deleted_at IS NULL
    ORDER BY c.n LIMIT :limit
)
UNION ALL
SELECT c.* FROM documents d CROSS JOIN LATERAL (
    SELECT {unmarked_columns} FROM conversations c
    WHERE c.tenant_id = d.tenant_id AND c.trained_by = d.id AND c.n >= :n AND c.bot_id = d.bot_id AND c.deleted_at IS NULL
    ORDER BY c.n LIMIT :limit
) c
WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND d.source = 'training' AND (d.status <> 'ready' OR d.deleted_at IS NOT NULL)
ORDER BY 1 LIMIT :limit

-- name: untrained_pairs
SELECT w.n, t.idx, {question_columns}, {answer_columns}, w.rating
FROM unnest(:ids::text[], :ns::bigint[], :ratings::bigint[]) w (id, n, rating) CROSS JOIN LATERAL (
    SELECT * FROM turns t
    WHERE t.tenant_id = :tenant_id AND t.conversation_id = w.id AND t.status = 'completed' AND t.deleted_at IS NULL
        AND (w.n > :n OR t.idx > :idx)
        AND NOT EXISTS (
            SELECT 1 FROM chunks c JOIN documents d ON d.tenant_id = c.tenant_id AND d.id = c.document_id
            WHERE c.tenant_id = t.tenant_id AND c.turn_id = t.id AND c.fence = d.ready_fence AND d.source = 'training'
                AND d.deleted_at IS NULL
        )
    OFFSET 0
) t
JOIN messages q ON q.tenant_id = t.tenant_id AND q.id = t.question_id
CROSS JOIN LATERAL (
    SELECT * FROM turns WHERE tenant_id = q.tenant_id AND conversation_id = q.conversation_id AND idx = q.turn_idx OFFSET 0
) qt
JOIN messages a ON a.tenant_id = t.tenant_id AND a.id = t.answer_id
WHERE q.deleted_at IS NULL AND a.deleted_at IS NULL AND q.text <> '' AND a.text <> ''
    AND (:min_rating::bigint IS NULL OR coalesce(a.rating, w.rating) >= :min_rating)
ORDER BY w.n, t.idx LIMIT :limit

-- name: mark_trained
-- What ended or was restored after the run had begun it may not have seen, nor what a run had that was taken back since.
UPDATE conversations c SET trained_by = d.id FROM documents d
WHERE d.tenant_id = :tenant_id AND d.id = :document_id AND c.tenant_id = d.tenant_id AND c.bot_id = d.bot_id
    AND c.id = ANY(:conversation_ids::text[]) AND coalesce(c.restored_at, 0) < d.created_at
    AND NOT EXISTS (
        SELECT 1 FROM turns t WHERE t.tenant_id = c.tenant_id AND t.conversation_id = c.id
            AND coalesce(t.finished_at, d.created_at) >= d.created_at
    )
    AND NOT EXISTS (
        SELECT 1 FROM turns t JOIN chunks x ON x.tenant_id = t.tenant_id AND x.turn_id = t.id
        JOIN documents o ON o.tenant_id = x.tenant_id AND o.id = x.document_id
        WHERE t.tenant_id = c.tenant_id AND t.conversation_id = c.id AND o.deleted_at >= d.created_at
    )

-- name: take_mark_back
UPDATE conversations SET trained_by = NULL WHERE tenant_id = :tenant_id AND id = :id AND trained_by IS NOT NULL

-- name: take_marks_back
-- Whoever marked them: what this document has is missing now.
UPDATE conversations c SET trained_by = NULL
FROM (
    SELECT DISTINCT x.conversation_id FROM documents d
    JOIN chunks x ON x.tenant_id = d.tenant_id AND x.document_id = d.id AND x.fence = d.ready_fence
    WHERE d.tenant_id = :tenant_id AND d.id = :document_id ORDER BY 1
) x
WHERE c.tenant_id = :tenant_id AND c.id = x.conversation_id AND c.trained_by <> :document_id

-- name: purge_marks
UPDATE conversations c SET trained_by = NULL
FROM (SELECT id FROM conversations WHERE tenant_id = :tenant_id AND trained_by = :document_id ORDER BY n LIMIT :limit) x
WHERE c.tenant_id = :tenant_id AND c.id = x.id

-- part: alike
SELECT c.fingerprint
FROM chunks c JOIN documents d ON d.tenant_id = c.tenant_id AND d.id = c.document_id AND d.ready_fence = c.fence
WHERE c.tenant_id = :tenant_id AND c.fingerprint IS NOT NULL AND d.bot_id = :bot_id AND d.deleted_at IS NULL AND {turn_of_chunk_is_there}
    AND

-- name: alike_after_0
SELECT DISTINCT x.fingerprint FROM unnest(:quarters::text[]) q (digits)
CROSS JOIN LATERAL ({alike} substr(c.fingerprint, 1, 4) = q.digits LIMIT :limit) x

-- name: alike_after_4
SELECT DISTINCT x.fingerprint FROM unnest(:quarters::text[]) q (digits)
CROSS JOIN LATERAL ({alike} substr(c.fingerprint, 5, 4) = q.digits LIMIT :limit) x

-- name: alike_after_8
SELECT DISTINCT x.fingerprint FROM unnest(:quarters::text[]) q (digits)
CROSS JOIN LATERAL ({alike} substr(c.fingerprint, 9, 4) = q.digits LIMIT :limit) x

-- name: alike_after_12
SELECT DISTINCT x.fingerprint FROM unnest(:quarters::text[]) q (digits)
CROSS JOIN LATERAL ({alike} substr(c.fingerprint, 13, 4) = q.digits LIMIT :limit) x
