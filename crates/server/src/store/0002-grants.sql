-- What a sign-in gave to a program: the command line of a person, or a job of a CI system. `id` is the hash of the secret.
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    -- Whose it is: a person, or `service:NAME`.
    owner TEXT NOT NULL,
    data TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    -- A person's ends like a session; a job's at this instant.
    ends_at INTEGER
) STRICT, WITHOUT ROWID;
