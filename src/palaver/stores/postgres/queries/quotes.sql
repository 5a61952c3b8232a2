-- name: quoting_events
SELECT seq, type, data FROM turn_log
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND type IN ('retrieval.done', 'citations') ORDER BY seq

-- name: set_event
UPDATE turn_log SET data = :data WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND seq = :seq

-- name: set_citations
UPDATE messages SET citations = :citations WHERE tenant_id = :tenant_id AND id = :id

-- name: forget_quotes
DELETE FROM turn_documents
WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id AND turn_idx = :turn_idx AND document_id = :document_id

-- name: quoting_turns
SELECT l.conversation_id, l.turn_idx, t.id, t.answer_id FROM (
    SELECT * FROM turn_documents WHERE tenant_id = :tenant_id AND document_id = :document_id LIMIT :limit
) l
LEFT JOIN turns t ON t.tenant_id = l.tenant_id AND t.conversation_id = l.conversation_id AND t.idx = l.turn_idx

-- name: deleted_documents
SELECT id FROM documents WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[]) AND deleted_at IS NOT NULL

-- name: hold_documents
SELECT id FROM documents WHERE tenant_id = :tenant_id AND id = ANY(:ids::text[]) AND deleted_at IS DISTINCT FROM 0
ORDER BY id FOR SHARE
