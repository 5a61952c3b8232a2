-- min_compatible: 2
-- What is counted of conversations: their sheets, and the sums of these by quarters of an hour, which grow with time and not
-- with use. counts and cells are JSON. Where there is an entity, its part of the sums stands apart.

-- Conversations that have changed since they were counted, or never were. A mark that is set again is written again: so whoever
-- counts waits for a change that is not committed yet, and then sees it.
CREATE TABLE uncounted (
    tenant_id       text COLLATE "C" NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    marks           bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, conversation_id)
) WITH (fillfactor = 50);

CREATE TABLE sheets (
    tenant_id       text COLLATE "C" NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    cells           text NOT NULL,
    PRIMARY KEY (tenant_id, conversation_id)
) WITH (fillfactor = 80);

CREATE TABLE figures (
    tenant_id text COLLATE "C" NOT NULL,
    quarter   bigint NOT NULL,
    bot_id    text COLLATE "C" NOT NULL,
    model     text COLLATE "C" NOT NULL,
    counts    text NOT NULL,
    PRIMARY KEY (tenant_id, quarter, bot_id, model)
) WITH (fillfactor = 70);

CREATE TABLE entity_figures (
    tenant_id text COLLATE "C" NOT NULL,
    quarter   bigint NOT NULL,
    bot_id    text COLLATE "C" NOT NULL,
    model     text COLLATE "C" NOT NULL,
    entity_id text COLLATE "C" NOT NULL,
    turns     bigint NOT NULL,
    counts    text NOT NULL,
    PRIMARY KEY (tenant_id, quarter, bot_id, model, entity_id)
) WITH (fillfactor = 80);
CREATE INDEX figures_of_entity ON entity_figures (tenant_id, entity_id, quarter);

-- Who counts, and until when: one process at a time.
CREATE TABLE leases (
    name        text COLLATE "C" PRIMARY KEY,
    owner       text NOT NULL,
    lease_until bigint NOT NULL
);

-- Whatever changes a figure marks its conversation in the same step. That is said here, and so no way of changing one forgets it.
-- The functions name the schema: they run for whoever writes, wherever that one looks for tables.
DO $migration$
BEGIN
    EXECUTE format($sql$
        CREATE FUNCTION mark_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO %1$I.uncounted AS u (tenant_id, conversation_id) VALUES (new.tenant_id, new.conversation_id)
            ON CONFLICT (tenant_id, conversation_id) DO UPDATE SET marks = u.marks + 1;
            RETURN NULL;
        END $$
    $sql$, current_schema());
    EXECUTE format($sql$
        CREATE FUNCTION mark_conversation_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO %1$I.uncounted AS u (tenant_id, conversation_id)
            VALUES (coalesce(new.tenant_id, old.tenant_id), coalesce(new.id, old.id))
            ON CONFLICT (tenant_id, conversation_id) DO UPDATE SET marks = u.marks + 1;
            RETURN NULL;
        END $$
    $sql$, current_schema());
END $migration$;
CREATE TRIGGER uncounted_by_turn AFTER UPDATE OF status, deleted_at ON turns FOR EACH ROW
    WHEN (new.finished_at IS NOT NULL AND (new.status <> old.status OR new.deleted_at IS DISTINCT FROM old.deleted_at))
    EXECUTE FUNCTION mark_uncounted();
CREATE TRIGGER uncounted_by_new_turn AFTER INSERT ON turns FOR EACH ROW
    WHEN (new.finished_at IS NOT NULL) EXECUTE FUNCTION mark_uncounted();
CREATE TRIGGER uncounted_by_message AFTER UPDATE OF rating, deleted_at, turn_idx ON messages FOR EACH ROW
    WHEN (new.rating IS DISTINCT FROM old.rating OR new.deleted_at IS DISTINCT FROM old.deleted_at OR new.turn_idx <> old.turn_idx)
    EXECUTE FUNCTION mark_uncounted();
CREATE TRIGGER uncounted_by_conversation AFTER UPDATE OF bot_id, rating, end_reason, ended_at, deleted_at ON conversations FOR EACH ROW
    WHEN (new.bot_id <> old.bot_id OR new.rating IS DISTINCT FROM old.rating OR new.end_reason IS DISTINCT FROM old.end_reason
        OR new.ended_at IS DISTINCT FROM old.ended_at OR new.deleted_at IS DISTINCT FROM old.deleted_at)
    EXECUTE FUNCTION mark_conversation_uncounted();
CREATE TRIGGER uncounted_by_new_conversation AFTER INSERT OR DELETE ON conversations FOR EACH ROW
    EXECUTE FUNCTION mark_conversation_uncounted();

-- What the planner must know of the rows to come: few are uncounted, a quarter of an hour holds some figures.
INSERT INTO uncounted (tenant_id, conversation_id) SELECT 'default', 'conv_' || i FROM generate_series(1, 100) i;
INSERT INTO sheets (tenant_id, conversation_id, cells) SELECT 'default', 'conv_' || i, repeat('x', 400) FROM generate_series(1, 1000) i;
INSERT INTO figures (tenant_id, quarter, bot_id, model, counts)
SELECT 'default', i / 4, 'bot_' || i % 4, 'model', repeat('x', 400) FROM generate_series(1, 2000) i;
INSERT INTO entity_figures (tenant_id, quarter, bot_id, model, entity_id, turns, counts)
SELECT 'default', i / 10, 'bot_' || i % 4, 'model', 'ent_' || i, 1, repeat('x', 400) FROM generate_series(1, 2000) i;
ANALYZE uncounted, sheets, figures, entity_figures;
SAVEPOINT taught; -- without it the files stay, and the planner believes that they will be empty for ever
TRUNCATE uncounted, sheets, figures, entity_figures;
RELEASE SAVEPOINT taught;

-- Those that are there are counted in the background.
INSERT INTO uncounted (tenant_id, conversation_id) SELECT tenant_id, id FROM conversations;
