-- For what a token was made, and until when it is good. A token of an older release has no row: it may do what all tokens
-- could, and does not expire.

CREATE TABLE IF NOT EXISTS token_terms (
    hash       TEXT PRIMARY KEY,
    scopes     TEXT,                  -- their names, with a space between two; absent: those of an older token
    expires_at TEXT
) STRICT;

-- When a token was used last, to the minute. Nothing follows from it, so no sum is kept over it.
CREATE TABLE IF NOT EXISTS token_uses (
    hash    TEXT PRIMARY KEY,
    used_at TEXT NOT NULL
) STRICT;
