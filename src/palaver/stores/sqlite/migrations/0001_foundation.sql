-- min_compatible: 1
-- Integer keys (n) order and join; the text ids are what the world sees. Times are microseconds since 1970.
-- A row with deleted_at is hidden; deletion names what was deleted (a bot, or the row itself), so that a restore
-- brings back exactly what its delete hid.

PRAGMA application_id = 1346456662;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_keys (
    n            INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    tenant_id    TEXT NOT NULL,
    name         TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    digest       BLOB NOT NULL UNIQUE,
    scope        TEXT NOT NULL,
    bot_id       TEXT,
    entity_id    TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id, n);

CREATE TABLE once_keys (
    tenant_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    resource_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, kind, key)
) WITHOUT ROWID;
CREATE INDEX once_keys_of_resource ON once_keys (resource_id);

CREATE TABLE bots (
    n                    INTEGER PRIMARY KEY,
    id                   TEXT NOT NULL UNIQUE,
    tenant_id            TEXT NOT NULL,
    name                 TEXT NOT NULL,
    instructions         TEXT NOT NULL,
    model                TEXT NOT NULL,
    params               TEXT NOT NULL,
    retrieval            TEXT NOT NULL,
    idle_timeout_minutes INTEGER,
    metadata             TEXT NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    deleted_at           INTEGER,
    version              INTEGER NOT NULL
);
CREATE UNIQUE INDEX bots_by_name ON bots (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX bots_live ON bots (tenant_id, n) WHERE deleted_at IS NULL;
CREATE INDEX bots_deleted ON bots (tenant_id, n) WHERE deleted_at IS NOT NULL;
CREATE INDEX bots_to_purge ON bots (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX bots_with_timeout ON bots (n) WHERE idle_timeout_minutes IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE entities (
    n           INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    tenant_id   TEXT NOT NULL,
    type        TEXT NOT NULL,
    external_id TEXT,
    name        TEXT,
    email       TEXT,
    metadata    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL
);
CREATE UNIQUE INDEX entities_by_external_id ON entities (tenant_id, type, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX entities_of_tenant ON entities (tenant_id, n);

CREATE TABLE conversations (
    n                INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    tenant_id        TEXT NOT NULL,
    bot_n            INTEGER NOT NULL,
    entity_n         INTEGER,
    kind             TEXT NOT NULL,
    title            TEXT,
    status           TEXT NOT NULL,
    end_reason       TEXT,
    external_id      TEXT,
    metadata         TEXT NOT NULL,
    rating           INTEGER,
    feedback         TEXT,
    message_count    INTEGER NOT NULL DEFAULT 0,
    turn_count       INTEGER NOT NULL DEFAULT 0,
    last_seq         INTEGER NOT NULL DEFAULT 0,
    last_index       INTEGER NOT NULL DEFAULT 0,
    head_n           INTEGER,
    running_n        INTEGER,
    started_at       INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    ended_at         INTEGER,
    deleted_at       INTEGER,
    deletion         TEXT,
    idles            INTEGER NOT NULL DEFAULT 0, -- whether its bot has an idle timeout: only these are swept, and indexed for it
    version          INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX conversations_by_activity ON conversations (tenant_id, last_activity_at, n) WHERE deleted_at IS NULL;
CREATE INDEX conversations_of_bot ON conversations (bot_n, last_activity_at, n) WHERE deleted_at IS NULL;
CREATE INDEX conversations_of_entity ON conversations (entity_n, last_activity_at, n)
    WHERE entity_n IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX conversations_active ON conversations (tenant_id, last_activity_at, n) WHERE status = 'active' AND deleted_at IS NULL;
CREATE INDEX conversations_at_rest ON conversations (tenant_id, status, last_activity_at, n)
    WHERE status <> 'active' AND deleted_at IS NULL;
CREATE INDEX conversations_idle ON conversations (bot_n, last_activity_at)
    WHERE idles = 1 AND status = 'active' AND deleted_at IS NULL;
CREATE INDEX conversations_by_start ON conversations (tenant_id, started_at, n) WHERE deleted_at IS NULL;
CREATE INDEX conversations_by_making ON conversations (tenant_id, n) WHERE deleted_at IS NULL;
CREATE INDEX conversations_by_count ON conversations (tenant_id, message_count, n) WHERE deleted_at IS NULL;
CREATE INDEX conversations_best_first ON conversations (tenant_id, coalesce(rating, 0), n) WHERE deleted_at IS NULL;
CREATE INDEX conversations_worst_first ON conversations (tenant_id, coalesce(rating, 6), n) WHERE deleted_at IS NULL;
CREATE INDEX conversations_by_external_id ON conversations (tenant_id, external_id, last_activity_at, n)
    WHERE external_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX conversations_deleted ON conversations (tenant_id, n) WHERE deleted_at IS NOT NULL;
CREATE INDEX conversations_to_purge ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX conversations_of_any_bot ON conversations (bot_n) WHERE deleted_at IS NOT NULL;
CREATE INDEX conversations_of_any_entity ON conversations (entity_n) WHERE entity_n IS NOT NULL AND deleted_at IS NOT NULL;

CREATE TABLE turns (
    n                INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    tenant_id        TEXT NOT NULL,
    conversation_n   INTEGER NOT NULL REFERENCES conversations (n),
    idx              INTEGER NOT NULL,
    parent_n         INTEGER,
    status           TEXT NOT NULL,
    reason           TEXT,
    error_code       TEXT,
    error_message    TEXT,
    model            TEXT NOT NULL,
    question_id      TEXT,
    answer_id        TEXT,
    input_tokens     INTEGER NOT NULL DEFAULT 0,
    output_tokens    INTEGER NOT NULL DEFAULT 0,
    cost_micro       INTEGER,
    context_messages INTEGER,
    context_chunks   INTEGER,
    context_tokens   INTEGER,
    key              TEXT,
    fingerprint      BLOB,
    params           TEXT,
    queued           INTEGER NOT NULL,
    interrupting     INTEGER NOT NULL DEFAULT 0,
    owner            TEXT,
    fence            INTEGER NOT NULL DEFAULT 0,
    lease_micros     INTEGER,
    lease_until      INTEGER,
    stop_reason      TEXT,
    last_seq         INTEGER,
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    first_token_at   INTEGER,
    finished_at      INTEGER,
    deleted_at       INTEGER
);
CREATE UNIQUE INDEX turns_by_key ON turns (conversation_n, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX turns_running ON turns (conversation_n) WHERE status = 'running';
CREATE INDEX turns_queued ON turns (conversation_n, n) WHERE status = 'queued';
CREATE INDEX turns_that_went_wrong ON turns (status, n) WHERE status IN ('interrupted', 'failed');
CREATE INDEX turns_by_parent ON turns (conversation_n, parent_n);
CREATE INDEX turns_of_tenant ON turns (tenant_id, n);
CREATE INDEX turns_to_purge ON turns (deleted_at) WHERE deleted_at IS NOT NULL;

-- place is the turn's n in the high bits and the event's seq in the low 24: one tree that is appended to, and one range
-- a turn. (A WITHOUT ROWID table on (turn_n, seq) writes three pages an append where this one writes one.)
CREATE TABLE turn_log (
    place INTEGER PRIMARY KEY,
    type  TEXT NOT NULL,
    data  TEXT NOT NULL,
    at    INTEGER NOT NULL
);

-- parts and citations are JSON, and NULL where text says it all. An answer is empty until its turn has ended.
CREATE TABLE messages (
    n              INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    conversation_n INTEGER NOT NULL REFERENCES conversations (n),
    turn_n         INTEGER NOT NULL,
    seq            INTEGER NOT NULL,
    role           TEXT NOT NULL,
    text           TEXT NOT NULL,
    parts          TEXT,
    citations      TEXT,
    rating         INTEGER,
    feedback       TEXT,
    on_path        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    deleted_at     INTEGER,
    UNIQUE (conversation_n, seq)
);

CREATE TABLE blobs (
    n         INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    content   BLOB NOT NULL,
    UNIQUE (tenant_id, sha256)
);

CREATE TABLE attachments (
    n          INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    tenant_id  TEXT NOT NULL,
    name       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    used       INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
);
CREATE INDEX attachments_by_hash ON attachments (tenant_id, sha256);
CREATE INDEX attachments_unused ON attachments (created_at) WHERE used = 0;

CREATE TABLE message_attachments (
    message_n    INTEGER NOT NULL REFERENCES messages (n),
    attachment_n INTEGER NOT NULL REFERENCES attachments (n),
    PRIMARY KEY (message_n, attachment_n)
) WITHOUT ROWID;
CREATE INDEX message_attachments_of_attachment ON message_attachments (attachment_n);

-- scope holds one word for the tenant and one for the bot, so that a search never leaves them; text is not kept twice.
CREATE VIRTUAL TABLE messages_fts USING fts5 (
    scope, text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);
