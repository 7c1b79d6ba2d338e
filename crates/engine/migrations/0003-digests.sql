-- What tells a row that was changed by hand, and a database from its copies.

-- SHA-256 of key and text; taken from the sum when the row is written again.
ALTER TABLE rows ADD COLUMN hash BLOB;

-- The sums of these hashes, in the same transaction as what they are about.
CREATE TABLE digests (
    scope TEXT PRIMARY KEY,           -- a rollout or operation, `product`, `attachments`, `tokens`, `meta`; empty: over all others
    sum   BLOB NOT NULL
) STRICT;

-- Drawn once; a copy of the database has the same.
ALTER TABLE meta ADD COLUMN database TEXT NOT NULL DEFAULT '';
