-- Keys that follow others.  The keys of a unit after the first: one row a
-- compartment and epoch, with the key before it sealed under the new one.
CREATE TABLE unit_epoch(
  unit TEXT NOT NULL,
  compartment INTEGER NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 2),
  made INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (unit, compartment, epoch)
) STRICT, WITHOUT ROWID;
-- The keys of a case before its newest, each under the one that followed.
CREATE TABLE case_link(
  child BLOB NOT NULL CHECK (length(child) = 16),
  epoch INTEGER NOT NULL CHECK (epoch >= 2),
  identity BLOB NOT NULL,
  narrative BLOB NOT NULL,
  coded BLOB NOT NULL,
  PRIMARY KEY (child, epoch)
) STRICT, WITHOUT ROWID;
-- What proves a new recovery key to a member who trusts the old one.
CREATE TABLE succession(
  user BLOB PRIMARY KEY CHECK (length(user) = 16),
  proof BLOB NOT NULL
) STRICT;
-- Who takes over from whom as soon as the keys are handed on; signed by the
-- register root.
CREATE TABLE handover(
  leaver BLOB PRIMARY KEY CHECK (length(leaver) = 16),
  statement BLOB NOT NULL
) STRICT;
-- For the cases of one unit.
CREATE INDEX case_key_unit ON case_key(unit);
