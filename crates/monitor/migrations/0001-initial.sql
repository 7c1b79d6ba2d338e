-- What the monitor has measured. Each probe stands in exactly one place: as a sample, in an hour, or in a day.

CREATE TABLE services (
    id       INTEGER PRIMARY KEY,
    customer TEXT NOT NULL,
    service  TEXT NOT NULL,
    UNIQUE (customer, service)
) STRICT;

CREATE TABLE samples (
    service    INTEGER NOT NULL REFERENCES services,
    at         INTEGER NOT NULL,     -- this and all other instants: milliseconds since 1970
    seen       INTEGER NOT NULL CHECK (seen IN (0, 1, 2)),   -- down, up, no data
    latency_ms INTEGER,
    reason     TEXT,
    PRIMARY KEY (service, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE figures (
    service INTEGER NOT NULL REFERENCES services,
    width   INTEGER NOT NULL,        -- of an hour or a day, in milliseconds
    start   INTEGER NOT NULL,
    up      INTEGER NOT NULL,
    down    INTEGER NOT NULL,
    no_data INTEGER NOT NULL,
    latency TEXT NOT NULL,           -- counts by bucket, JSON
    PRIMARY KEY (service, width, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    service      INTEGER NOT NULL REFERENCES services,
    condition    TEXT NOT NULL,
    severity     TEXT NOT NULL,
    reason       TEXT NOT NULL,
    raised_at    INTEGER NOT NULL,
    recovered_at INTEGER,
    acked_at     INTEGER,
    acked_by     TEXT,
    acked_why    TEXT,
    told         INTEGER NOT NULL DEFAULT 0   -- 0: nothing, 1: that it was raised, 2: that it is over
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (service, condition) WHERE recovered_at IS NULL;
CREATE INDEX alerts_untold ON alerts (id) WHERE told = 0 OR (told = 1 AND recovered_at IS NOT NULL);
