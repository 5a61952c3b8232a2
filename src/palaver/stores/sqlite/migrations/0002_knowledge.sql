-- min_compatible: 1
-- What bots know. A chunk's n is its bot's in the high bits and a number of its own in the low 32: the chunks of a bot are one
-- range, in the table as in the index of their words, so a search never leaves it. What is made of a version stands under
-- the fence of the claim that made it; ready_fence names what is found.

CREATE TABLE documents (
    n             INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    tenant_id     TEXT NOT NULL,
    bot_n         INTEGER NOT NULL REFERENCES bots (n),
    title         TEXT NOT NULL,
    source        TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    url           TEXT,
    status        TEXT NOT NULL,
    error_code    TEXT,
    error_message TEXT,
    version       INTEGER NOT NULL,
    ready_version INTEGER,
    size_bytes    INTEGER NOT NULL,
    sha256        TEXT NOT NULL,
    chunk_count   INTEGER NOT NULL,
    metadata      TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    ready_at      INTEGER,
    deleted_at    INTEGER,
    purging       INTEGER NOT NULL DEFAULT 0, -- whether it is removed piece by piece, and can't be restored any more
    revision      INTEGER NOT NULL DEFAULT 0,
    ready_fence   INTEGER,
    first_chunk_n INTEGER, -- the ready chunks are among those from here to there
    last_chunk_n  INTEGER,
    owner         TEXT,
    fence         INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    lease_until   INTEGER
);
CREATE INDEX documents_of_bot ON documents (bot_n);
CREATE INDEX documents_live ON documents (bot_n, n) WHERE deleted_at IS NULL;
CREATE INDEX documents_deleted ON documents (bot_n, n) WHERE deleted_at IS NOT NULL AND purging = 0;
CREATE INDEX documents_to_purge ON documents (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX documents_to_make ON documents (n) WHERE status IN ('pending', 'processing') AND deleted_at IS NULL;
CREATE INDEX documents_trained ON documents (bot_n, n) WHERE source = 'training';
CREATE INDEX documents_by_revision ON documents (bot_n, revision) WHERE revision > 0;
CREATE INDEX documents_by_content ON documents (tenant_id, sha256);
CREATE INDEX documents_of_tenant ON documents (tenant_id, n);

CREATE TABLE chunks (
    n          INTEGER PRIMARY KEY,
    document_n INTEGER NOT NULL REFERENCES documents (n),
    fence      INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,
    text       TEXT NOT NULL,
    starts     INTEGER NOT NULL,
    ends       INTEGER NOT NULL,
    tokens     INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    heading    TEXT,
    page       INTEGER,
    turn_n     INTEGER, -- what it was trained on
    fingerprint TEXT,   -- of its pair
    UNIQUE (document_n, fence, ordinal)
);
CREATE INDEX chunks_of_turn ON chunks (turn_n) WHERE turn_n IS NOT NULL;
-- The quarters of the fingerprints of a bot's pairs: those that are alike have one in common. They are compared in the index.
CREATE INDEX chunks_alike_0 ON chunks (n >> 32, substr(fingerprint, 1, 4), fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX chunks_alike_4 ON chunks (n >> 32, substr(fingerprint, 5, 4), fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX chunks_alike_8 ON chunks (n >> 32, substr(fingerprint, 9, 4), fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX chunks_alike_12 ON chunks (n >> 32, substr(fingerprint, 13, 4), fingerprint) WHERE fingerprint IS NOT NULL;

-- What was made under these fences is found by nobody any more: a purge removes it.
CREATE TABLE leavings (
    document_n INTEGER NOT NULL REFERENCES documents (n),
    fence      INTEGER NOT NULL,
    PRIMARY KEY (document_n, fence)
) WITHOUT ROWID;

CREATE TABLE embeddings (
    n       INTEGER PRIMARY KEY,
    bot_n   INTEGER NOT NULL REFERENCES bots (n),
    name    TEXT NOT NULL,
    dropped INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX embeddings_of_bot ON embeddings (bot_n, name) WHERE dropped = 0;
CREATE INDEX embeddings_to_purge ON embeddings (bot_n) WHERE dropped = 1;

-- place is the embedding's n in the high bits and the low 32 of the chunk's: one range an embedding.
CREATE TABLE vectors (
    place  INTEGER PRIMARY KEY,
    vector BLOB NOT NULL
);

-- The words of each bot's chunks as they are written, for those that are misspelt: n is in the bot's range, like a chunk's.
CREATE TABLE words (
    n     INTEGER PRIMARY KEY,
    bot_n INTEGER NOT NULL,
    word  TEXT NOT NULL,
    UNIQUE (bot_n, word)
);

CREATE VIRTUAL TABLE chunks_fts USING fts5 (
    text, content = '', columnsize = 0, detail = none, tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE words_fts USING fts5 (word, content = '', columnsize = 0, detail = none, tokenize = 'trigram');

-- Which turns have text of a document in their log or their citations.
CREATE TABLE consulted (
    document_id TEXT NOT NULL,
    turn_n      INTEGER NOT NULL,
    PRIMARY KEY (document_id, turn_n)
) WITHOUT ROWID;
CREATE INDEX consulted_by_turn ON consulted (turn_n);

-- revision and embedding are the bot's index; sweep_n is how far its words were looked through for those that no chunk has.
ALTER TABLE bots ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bots ADD COLUMN embedding TEXT;
ALTER TABLE bots ADD COLUMN embedder TEXT;
ALTER TABLE bots ADD COLUMN embedder_until INTEGER;
ALTER TABLE bots ADD COLUMN sweep_n INTEGER;
CREATE INDEX bots_to_sweep ON bots (n) WHERE sweep_n IS NOT NULL;

-- The training document that left nothing of the conversation to train on.
ALTER TABLE conversations ADD COLUMN trained_n INTEGER;
CREATE INDEX conversations_untrained ON conversations (bot_n, n) WHERE trained_n IS NULL AND deleted_at IS NULL;
CREATE INDEX conversations_trained ON conversations (trained_n, n) WHERE trained_n IS NOT NULL;
