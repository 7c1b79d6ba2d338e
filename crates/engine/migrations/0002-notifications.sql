-- What people and machines are to be told. A row is written with the events it is about, and delivered afterwards.

CREATE TABLE notifications (
    id        TEXT PRIMARY KEY,      -- made of what it is about and of who is told, so that nothing is written twice
    at        INTEGER NOT NULL,      -- this and all other instants: milliseconds since 1970
    letter    TEXT NOT NULL,         -- JSON; places of secrets, never secrets
    state     TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    attempts  INTEGER NOT NULL DEFAULT 0,
    due_at    INTEGER NOT NULL,      -- of the next attempt; while one is made, when it is given up for lost
    sent_at   INTEGER,
    error     TEXT,                  -- why the last attempt failed
    remind_at INTEGER                -- when it is said again, unless somebody has answered
) STRICT;
CREATE INDEX notifications_due ON notifications (due_at) WHERE state = 'pending';
CREATE INDEX notifications_to_repeat ON notifications (remind_at) WHERE remind_at IS NOT NULL;
