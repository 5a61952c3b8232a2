-- part: document_columns
d.id, b.id, d.title, d.source, d.media_type, d.url, d.status, d.error_code, d.error_message, d.version, d.ready_version,
d.size_bytes, d.sha256, d.chunk_count, d.metadata, d.created_at, d.updated_at, d.ready_at, d.deleted_at

-- part: document_state
d.n, d.bot_n, d.tenant_id, d.fence, d.ready_fence, d.attempts, d.lease_until

-- name: document
SELECT {document_columns}, {document_state} FROM documents d CROSS JOIN bots b ON b.n = d.bot_n
WHERE d.id = :id AND d.tenant_id = :tenant_id AND {live_document}

-- name: deleted_document
SELECT d.n FROM documents d CROSS JOIN bots b ON b.n = d.bot_n
WHERE d.id = :id AND d.tenant_id = :tenant_id AND d.deleted_at IS NOT NULL AND d.purging = 0 AND b.deleted_at IS NULL

-- name: insert_document
INSERT INTO documents (id, tenant_id, bot_n, title, source, media_type, url, status, error_code, error_message, version, ready_version,
    size_bytes, sha256, chunk_count, metadata, created_at, updated_at, ready_at)
VALUES (:id, :tenant_id, :bot_n, :title, :source, :media_type, :url, :status, :error_code, :error_message, :version, :ready_version,
    :size_bytes, :sha256, :chunk_count, :metadata, :created_at, :updated_at, :ready_at)

-- name: update_document
UPDATE documents
SET title = :title, source = :source, media_type = :media_type, url = :url, status = :status, error_code = :error_code,
    error_message = :error_message, version = :version, ready_version = :ready_version, size_bytes = :size_bytes, sha256 = :sha256,
    chunk_count = :chunk_count, metadata = :metadata, created_at = :created_at, updated_at = :updated_at, ready_at = :ready_at
WHERE id = :id

-- name: content
SELECT content FROM blobs WHERE tenant_id = :tenant_id AND sha256 = :sha256

-- name: delete_document
-- The next fence is nobody's: whoever was making it ready has lost it, also when it is restored.
UPDATE documents SET deleted_at = :now, fence = fence + 1, owner = NULL, lease_until = NULL WHERE n = :n

-- name: restore_document
UPDATE documents SET deleted_at = NULL WHERE n = :n

-- name: revise_bot
UPDATE bots SET revision = revision + 1 WHERE n = :n

-- name: revise_document
UPDATE documents SET revision = (SELECT b.revision FROM bots b WHERE b.n = bot_n) WHERE n = :n

-- name: documents_to_make
SELECT {document_columns}, {document_state}, {bot_columns} FROM documents d CROSS JOIN bots b ON b.n = d.bot_n
WHERE d.status IN ('pending', 'processing') AND {live_document}
  AND (d.status = 'pending' OR d.lease_until IS NULL OR d.lease_until < :now)
ORDER BY d.n LIMIT :limit

-- name: claim_document
UPDATE documents SET status = 'processing', fence = fence + 1, attempts = attempts + 1, owner = :owner, lease_until = :lease_until,
    chunk_count = CASE WHEN ready_version IS NULL THEN 0 ELSE chunk_count END
WHERE n = :n

-- name: count_written
UPDATE documents SET chunk_count = max(chunk_count, :written) WHERE n = :n AND ready_version IS NULL

-- name: end_claim
UPDATE documents SET owner = NULL, lease_until = NULL, attempts = 0 WHERE n = :n

-- name: give_claim_back
UPDATE documents SET owner = NULL, lease_until = NULL, attempts = attempts - 1 WHERE n = :n

-- name: renew_claim
UPDATE documents SET lease_until = :lease_until WHERE n = :n

-- name: leave
INSERT INTO leavings (document_n, fence) VALUES (:document_n, :fence) ON CONFLICT DO NOTHING

-- name: set_ready_fence
UPDATE documents SET ready_fence = fence, first_chunk_n = :first, last_chunk_n = :last WHERE n = :n

-- name: extent_of_chunks
SELECT count(*), min(n), max(n) FROM chunks WHERE document_n = :document_n AND fence = :fence

-- name: runs_in_progress
SELECT {document_columns}, {document_state} FROM documents d CROSS JOIN bots b ON b.n = d.bot_n
WHERE d.bot_n = :bot_n AND d.source = 'training' AND d.status = 'processing' AND d.deleted_at IS NULL

-- name: unready_runs
SELECT n FROM documents WHERE bot_n = :bot_n AND source = 'training' AND (status <> 'ready' OR deleted_at IS NOT NULL)

-- name: mark_trained
-- A turn that is open, or ended after the run began, may be one that the run has not seen; so may one that was restored since, and
-- those of a run that was taken back since.
UPDATE conversations SET trained_n = :document_n
WHERE id = :id AND tenant_id = :tenant_id AND bot_n = :bot_n AND coalesce(restored_at, 0) < :began_at
  AND NOT EXISTS (
      SELECT 1 FROM turns t
      WHERE t.conversation_n = conversations.n AND (t.finished_at IS NULL OR t.finished_at >= :began_at)
  )
  AND NOT EXISTS (
      SELECT 1 FROM turns t CROSS JOIN chunks k ON k.turn_n = t.n CROSS JOIN documents d ON d.n = k.document_n
      WHERE t.conversation_n = conversations.n AND d.deleted_at >= :began_at
  )

-- name: take_mark_back
UPDATE conversations SET trained_n = NULL WHERE n = :n AND trained_n IS NOT NULL

-- name: take_mark_back_for
UPDATE conversations SET trained_n = NULL
WHERE n = (SELECT m.conversation_n FROM messages m WHERE m.id = :message_id) AND trained_n IS NOT NULL

-- name: take_marks_of_run_back
UPDATE conversations SET trained_n = NULL
WHERE trained_n IS NOT NULL
  AND n IN (SELECT t.conversation_n FROM chunks k CROSS JOIN turns t ON t.n = k.turn_n WHERE k.document_n = :n AND k.turn_n IS NOT NULL)

-- name: untrained_conversations
SELECT n FROM conversations
WHERE bot_n = :bot_n AND trained_n IS NULL AND deleted_at IS NULL AND n >= :first ORDER BY n LIMIT :limit

-- name: conversations_of_run
SELECT n FROM conversations WHERE trained_n = :document_n AND n >= :first AND deleted_at IS NULL ORDER BY n LIMIT :limit

-- name: pairs_of_conversation
SELECT q.id, a.id, coalesce(a.rating, c.rating), a.conversation_n, a.seq
FROM messages a CROSS JOIN conversations c ON c.n = a.conversation_n CROSS JOIN turns t ON t.n = a.turn_n
CROSS JOIN messages q ON q.id = t.question_id
WHERE a.conversation_n = :conversation_n AND a.seq > :seq AND a.role = 'assistant' AND t.status = 'completed'
  AND a.text <> '' AND q.text <> '' AND a.deleted_at IS NULL AND q.deleted_at IS NULL AND t.deleted_at IS NULL
  AND CASE :policy WHEN 'rated' THEN coalesce(a.rating, c.rating) >= :min_rating WHEN 'ended' THEN c.status <> 'active' ELSE 1 END
  AND NOT EXISTS (
      SELECT 1 FROM chunks k CROSS JOIN documents d ON d.n = k.document_n
      WHERE k.turn_n = t.n AND d.ready_fence = k.fence AND d.source = 'training' AND d.deleted_at IS NULL
  )
ORDER BY a.seq LIMIT :limit

-- name: document_is_deleted
SELECT 1 FROM documents WHERE id = :id AND deleted_at IS NOT NULL

-- name: document_exists
SELECT 1 FROM documents WHERE id = :id

-- name: consult
INSERT INTO consulted (document_id, turn_n) VALUES (:document_id, :turn_n) ON CONFLICT DO NOTHING

-- name: quoting_answer
SELECT a.n, a.citations FROM turns t CROSS JOIN messages a ON a.id = t.answer_id WHERE t.n = :turn_n AND a.citations IS NOT NULL

-- name: set_citations
UPDATE messages SET citations = :citations WHERE n = :n

-- name: quoting_events
SELECT place & 16777215, type, data FROM turn_log
WHERE place > :turn_n << 24 AND place < (:turn_n + 1) << 24 AND type IN ('retrieval.done', 'citations')

-- name: set_event
UPDATE turn_log SET data = :data WHERE place = (:turn_n << 24) + :seq
