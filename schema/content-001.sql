-- Sealed data.  What a table shows in the clear: ids, units, versions, sizes.
CREATE TABLE store(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  store_id BLOB NOT NULL CHECK (length(store_id) = 16),
  unit TEXT NOT NULL,
  created INTEGER NOT NULL,
  name TEXT NOT NULL
) STRICT;
CREATE TABLE unit(
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  level TEXT NOT NULL,
  parent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- One row a version of a child's file; the highest version is live.
CREATE TABLE child(
  id BLOB NOT NULL CHECK (length(id) = 16),
  version INTEGER NOT NULL CHECK (version >= 1),
  unit TEXT NOT NULL,
  tag BLOB NOT NULL CHECK (length(tag) = 16),
  name BLOB NOT NULL,
  id_number BLOB NOT NULL,
  phone BLOB NOT NULL,
  address BLOB NOT NULL,
  school BLOB NOT NULL,
  guardian_name BLOB NOT NULL,
  guardian_phone BLOB NOT NULL,
  coded BLOB NOT NULL,
  PRIMARY KEY (id, version)
) STRICT;
CREATE INDEX child_unit ON child(unit);
CREATE INDEX child_tag ON child(tag);
-- Everything that happens in a case; its type is inside the seal.
CREATE TABLE record(
  id BLOB NOT NULL CHECK (length(id) = 16),
  version INTEGER NOT NULL CHECK (version >= 1),
  child BLOB NOT NULL CHECK (length(child) = 16),
  unit TEXT NOT NULL,
  tag BLOB NOT NULL CHECK (length(tag) = 16),
  coded BLOB NOT NULL,
  narrative BLOB NOT NULL,
  PRIMARY KEY (id, version)
) STRICT;
CREATE INDEX record_child ON record(child);
CREATE INDEX record_tag ON record(tag);
CREATE TABLE activity(
  id BLOB NOT NULL CHECK (length(id) = 16),
  version INTEGER NOT NULL CHECK (version >= 1),
  unit TEXT NOT NULL,
  tag BLOB NOT NULL CHECK (length(tag) = 16),
  coded BLOB NOT NULL,
  PRIMARY KEY (id, version)
) STRICT;
CREATE INDEX activity_unit ON activity(unit);
CREATE INDEX activity_tag ON activity(tag);
-- The release ledger.
CREATE TABLE release(
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  sealed BLOB NOT NULL
) STRICT;
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY CHECK (seq >= 1),
  time INTEGER NOT NULL,
  payload BLOB NOT NULL,
  proof BLOB NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
-- The set hash of all live rows of both files (crypto/chain.h).
CREATE TABLE manifest(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  lanes BLOB NOT NULL CHECK (length(lanes) = 2048)
) STRICT;
