-- One slot a case and supervisor above it, flagged or not.  Here, and no more
-- among the keys, because every save writes it; what it holds opens nothing
-- without slot_key there.
CREATE TABLE slot(
  child BLOB NOT NULL CHECK (length(child) = 16),
  recipient BLOB NOT NULL CHECK (length(recipient) = 16),
  sealed BLOB NOT NULL,
  PRIMARY KEY (child, recipient)
) STRICT, WITHOUT ROWID;
