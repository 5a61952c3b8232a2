-- min_compatible: 3
-- What is counted of conversations: their sheets, and the sums of these by quarters of an hour, which grow with time and not
-- with use. counts and cells are JSON. Where there is an entity, its part of the sums stands apart.

-- Conversations that have changed since they were counted, or never were.
CREATE TABLE uncounted (
    tenant_id      TEXT NOT NULL,
    conversation_n INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, conversation_n)
) WITHOUT ROWID;

CREATE TABLE sheets (
    conversation_n INTEGER PRIMARY KEY,
    cells          TEXT NOT NULL
);

CREATE TABLE figures (
    tenant_id TEXT NOT NULL,
    quarter   INTEGER NOT NULL,
    bot_id    TEXT NOT NULL,
    model     TEXT NOT NULL,
    counts    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, quarter, bot_id, model)
) WITHOUT ROWID;

CREATE TABLE entity_figures (
    tenant_id TEXT NOT NULL,
    quarter   INTEGER NOT NULL,
    bot_id    TEXT NOT NULL,
    model     TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    turns     INTEGER NOT NULL,
    counts    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, quarter, bot_id, model, entity_id)
) WITHOUT ROWID;
CREATE INDEX figures_of_entity ON entity_figures (tenant_id, entity_id, quarter);

-- Who counts, and until when: one process at a time.
CREATE TABLE leases (
    name        TEXT PRIMARY KEY,
    owner       TEXT NOT NULL,
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;

-- What changes a figure marks its conversation in the same step. That a turn ends, or is appended, is noted by the statement that
-- says so: a trigger on the way of every turn costs a statement journal. All else is said here, so that no way of changing one forgets it.
CREATE TRIGGER uncounted_by_turn AFTER UPDATE OF deleted_at ON turns WHEN new.deleted_at IS NOT old.deleted_at
BEGIN
    INSERT INTO uncounted (tenant_id, conversation_n) VALUES (new.tenant_id, new.conversation_n) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER uncounted_by_message AFTER UPDATE OF rating, deleted_at, turn_n ON messages
WHEN new.rating IS NOT old.rating OR new.deleted_at IS NOT old.deleted_at OR new.turn_n <> old.turn_n
BEGIN
    INSERT INTO uncounted (tenant_id, conversation_n) SELECT tenant_id, n FROM conversations WHERE n = new.conversation_n ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER uncounted_by_conversation AFTER UPDATE OF bot_n, entity_n, rating, end_reason, ended_at, deleted_at ON conversations
WHEN new.bot_n <> old.bot_n OR new.entity_n IS NOT old.entity_n OR new.rating IS NOT old.rating OR new.end_reason IS NOT old.end_reason
  OR new.ended_at IS NOT old.ended_at OR new.deleted_at IS NOT old.deleted_at
BEGIN
    INSERT INTO uncounted (tenant_id, conversation_n) VALUES (new.tenant_id, new.n) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER uncounted_by_new_conversation AFTER INSERT ON conversations
BEGIN
    INSERT INTO uncounted (tenant_id, conversation_n) VALUES (new.tenant_id, new.n) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER uncounted_by_purge AFTER DELETE ON conversations
BEGIN
    INSERT INTO uncounted (tenant_id, conversation_n) VALUES (old.tenant_id, old.n) ON CONFLICT DO NOTHING;
END;

-- Those that are there are counted in the background.
INSERT INTO uncounted (tenant_id, conversation_n) SELECT tenant_id, n FROM conversations ORDER BY tenant_id, n;
