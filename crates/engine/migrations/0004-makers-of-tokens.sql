-- Who made a token and what proved that: JSON, the maker first, then whoever made the maker's own token, and so on. A vote
-- by it does not count beside theirs (P3). A token of an older release has no row: its `created_by` is all that is known.

CREATE TABLE IF NOT EXISTS token_makers (
    hash    TEXT PRIMARY KEY,
    made_by TEXT NOT NULL
) STRICT;
