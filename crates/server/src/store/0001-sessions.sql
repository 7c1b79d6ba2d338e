-- Instants are milliseconds since 1970. `id` is the hash of what the browser holds.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    -- Who is signed in; absent while a sign-in is under way.
    person TEXT,
    data TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
