-- The journal and, beside it, the state it folds to.

CREATE TABLE meta (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,          -- of events and rows
    epoch  INTEGER NOT NULL           -- grows with every writer, so that a stale one is told apart (P40)
) STRICT;
INSERT INTO meta (id, format, epoch) VALUES (1, 1, 0);

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,      -- 1, 2, ... without gaps
    at      TEXT NOT NULL,
    rollout TEXT,
    kind    TEXT NOT NULL,
    json    TEXT NOT NULL             -- the line as exported; the other columns repeat it
) STRICT;
CREATE INDEX events_of_rollout ON events (rollout, seq);

-- The journal is append-only (P37), also for whoever opens the file by hand.
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_never_go BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE rows (
    key  TEXT PRIMARY KEY,
    json TEXT NOT NULL
) STRICT;

CREATE TABLE attachments (
    id    TEXT PRIMARY KEY,
    bytes BLOB NOT NULL               -- sealed before they come here (P48)
) STRICT;

CREATE TABLE inbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    actor      TEXT NOT NULL,
    request    TEXT NOT NULL,
    expires_at INTEGER NOT NULL,      -- milliseconds since 1970; whoever asked has gone by then
    answer     TEXT,
    state      TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'answered', 'withdrawn'))
) STRICT;
CREATE INDEX inbox_pending ON inbox (id) WHERE state = 'pending';

CREATE TABLE tokens (
    hash       TEXT PRIMARY KEY,      -- SHA-256 of the token, hex
    owner      TEXT NOT NULL,
    service    INTEGER NOT NULL CHECK (service IN (0, 1)),
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at TEXT,
    revoked_by TEXT
) STRICT;
