-- The newest keys of a case under those that its open slots hold, so that they go
-- with the keys of an erased child.  slot, of the first migration, has what was
-- written before: a director's sign-in empties it.
CREATE TABLE slot_key(
  child BLOB PRIMARY KEY CHECK (length(child) = 16),
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  identity BLOB NOT NULL,
  narrative BLOB NOT NULL
) STRICT, WITHOUT ROWID;
