-- What was answered to a request with a key, so that the same request is not done twice. Instants are milliseconds since 1970.
CREATE TABLE answers (
    who TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Of method, address and body.
    digest TEXT NOT NULL,
    -- The process that has begun it; without an answer it is under way there, or the process has ended over it.
    process TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    status INTEGER,
    kind TEXT,
    body BLOB,
    PRIMARY KEY (who, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_begun ON answers (begun_at);
