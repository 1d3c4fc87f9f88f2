-- What keys for life need among the keys.

-- erasure:

-- transfer:
-- A case that its unit offers to another one, one row at most: its newest keys,
-- granted to each director there; none when the offer was refused.
CREATE TABLE transfer(
  child BLOB PRIMARY KEY CHECK (length(child) = 16),
  unit TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  grants BLOB NOT NULL,
  coded BLOB NOT NULL,
  note BLOB NOT NULL
) STRICT;

-- copy and bundle:
