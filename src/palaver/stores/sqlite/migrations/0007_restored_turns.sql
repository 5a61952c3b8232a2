-- min_compatible: 3
-- What a deleted turn needs to come back where it was.

-- The deleted turn that this one would continue; it hangs on the nearest one before that which is there.
ALTER TABLE turns ADD COLUMN origin_n INTEGER;

-- The head that was deleted, until another turn is made the head; and when a deleted turn last came back.
ALTER TABLE conversations ADD COLUMN lost_n INTEGER;
ALTER TABLE conversations ADD COLUMN restored_at INTEGER;

-- The tenant, in whose list of deleted messages a deleted one stands.
ALTER TABLE messages ADD COLUMN deleted_of TEXT;
UPDATE messages SET deleted_of = (SELECT c.tenant_id FROM conversations c WHERE c.n = messages.conversation_n)
WHERE deleted_at IS NOT NULL AND id IN (
    SELECT question_id FROM turns WHERE deleted_at >= 0 UNION ALL SELECT answer_id FROM turns WHERE deleted_at >= 0
);
CREATE INDEX messages_deleted ON messages (deleted_of, deleted_at, n) WHERE deleted_at IS NOT NULL;
CREATE INDEX messages_deleted_of_conversation ON messages (conversation_n, deleted_at, n) WHERE deleted_at IS NOT NULL;
