-- min_compatible: 3
-- What a deleted turn needs to come back where it was.

-- The deleted turn that this one would continue; it hangs on the nearest one before that which is there.
ALTER TABLE turns ADD COLUMN origin_idx bigint;

-- The head that was deleted, until another turn is made the head; and when a deleted turn last came back.
ALTER TABLE conversations ADD COLUMN lost_idx bigint;
ALTER TABLE conversations ADD COLUMN restored_at bigint;

CREATE INDEX messages_deleted ON messages (tenant_id, deleted_at, n) WHERE deleted_at IS NOT NULL;
CREATE INDEX messages_deleted_of_conversation ON messages (tenant_id, conversation_id, deleted_at, n) WHERE deleted_at IS NOT NULL;
