-- Keys, all of them sealed, and who belongs where.
CREATE TABLE user(
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  name TEXT NOT NULL UNIQUE,
  keyblob BLOB NOT NULL
) STRICT;
CREATE TABLE cert(
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  user BLOB NOT NULL CHECK (length(user) = 16),
  cert BLOB NOT NULL
) STRICT;
CREATE TABLE revocation(
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  revocation BLOB NOT NULL
) STRICT;
-- A user's new public keys, waiting for the administrator's signature.
CREATE TABLE request(
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  request BLOB NOT NULL
) STRICT;
-- The register root's public key, for display; trust comes from the keyblobs.
CREATE TABLE root(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  public BLOB NOT NULL CHECK (length(public) = 32)
) STRICT;
CREATE TABLE unit_grant(
  unit TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  compartments INTEGER NOT NULL,
  recipient BLOB NOT NULL CHECK (length(recipient) = 16),
  sealed BLOB NOT NULL,
  PRIMARY KEY (unit, epoch, compartments, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX unit_grant_recipient ON unit_grant(recipient);
-- The case keys of a child, under the keys of its unit.
CREATE TABLE case_key(
  child BLOB NOT NULL CHECK (length(child) = 16),
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  unit TEXT NOT NULL,
  identity BLOB NOT NULL,
  narrative BLOB NOT NULL,
  coded BLOB NOT NULL,
  PRIMARY KEY (child, epoch)
) STRICT, WITHOUT ROWID;
-- One slot a case and supervisor above it, flagged or not.
CREATE TABLE slot(
  child BLOB NOT NULL CHECK (length(child) = 16),
  recipient BLOB NOT NULL CHECK (length(recipient) = 16),
  sealed BLOB NOT NULL,
  PRIMARY KEY (child, recipient)
) STRICT, WITHOUT ROWID;
CREATE TABLE recovery(
  pair INTEGER PRIMARY KEY CHECK (pair BETWEEN 0 AND 2),
  sealed BLOB NOT NULL
) STRICT;
