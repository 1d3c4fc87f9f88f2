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

-- Each time that a case came to another unit: who offered and who accepted it,
-- signed, and the keys that it got there, as case_key had them.
CREATE TABLE move(
  child BLOB NOT NULL CHECK (length(child) = 16),
  epoch INTEGER NOT NULL CHECK (epoch >= 2),
  statement BLOB NOT NULL CHECK (length(statement) = 344),
  identity BLOB NOT NULL,
  narrative BLOB NOT NULL,
  coded BLOB NOT NULL,
  PRIMARY KEY (child, epoch)
) STRICT, WITHOUT ROWID;

-- A case that was offered to another register, by the digest of the file that
-- went there: open 1, withdrawn 2, rejected 3, accepted 4 (nothing is sealed
-- then: the keys are gone).
CREATE TABLE departure(
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
  child BLOB NOT NULL CHECK (length(child) = 16),
  number INTEGER NOT NULL CHECK (number >= 1),
  state INTEGER NOT NULL CHECK (state IN (1, 2, 3, 4)),
  coded BLOB NOT NULL,
  note BLOB NOT NULL
) STRICT;
CREATE INDEX departure_child ON departure(child);

-- copy and bundle:
