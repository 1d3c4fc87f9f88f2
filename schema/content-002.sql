-- What is being written and not saved yet: one a person and case.  Not in the
-- manifest and not audited (DESIGN.md, 3).
CREATE TABLE draft(
  user BLOB NOT NULL CHECK (length(user) = 16),
  place BLOB NOT NULL CHECK (length(place) = 16),
  sealed BLOB NOT NULL,
  PRIMARY KEY (user, place)
) STRICT, WITHOUT ROWID;
