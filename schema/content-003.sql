-- What keys for life need in the sealed data.

-- erasure: what was erased, by whom and why: the certificate, and the reason
-- that nothing of the case is ever stored again.  swept: the files were
-- rewritten since.
CREATE TABLE erasure(
  child BLOB PRIMARY KEY CHECK (length(child) = 16),
  unit TEXT NOT NULL,
  time INTEGER NOT NULL,
  swept INTEGER NOT NULL CHECK (swept IN (0, 1)),
  coded BLOB NOT NULL,
  narrative BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_unit ON erasure(unit);

-- anchor: a head of the audit of this register (chain: zeros) or of one of its
-- copies, that somebody signed.  lost: the chain here does not have it, and
-- somebody went on, knowing that.
CREATE TABLE anchor(
  chain BLOB NOT NULL CHECK (length(chain) = 16),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  signer BLOB NOT NULL CHECK (length(signer) = 16),
  statement BLOB NOT NULL CHECK (length(statement) = 216),
  lost INTEGER NOT NULL CHECK (lost IN (0, 1)),
  PRIMARY KEY (chain, seq, hash, signer)
) STRICT, WITHOUT ROWID;

-- transfer:
-- An answer to a file from another register, one for each file: whose child it
-- is here (zeros: rejected), and the receipt that went back.  source tells
-- whether it is the same child again.
CREATE TABLE arrival(
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
  source BLOB NOT NULL CHECK (length(source) = 32),
  child BLOB NOT NULL CHECK (length(child) = 16),
  receipt BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX arrival_source ON arrival(source);
-- What other registers wrote of a child, the latest first: their rows, keys and
-- certificates, sealed under the case's narrative key.
CREATE TABLE origin(
  child BLOB NOT NULL CHECK (length(child) = 16),
  no INTEGER NOT NULL CHECK (no >= 1),
  sealed BLOB NOT NULL,
  PRIMARY KEY (child, no)
) STRICT;

-- copy and bundle:
-- In a copy of the register that works without a network: which one it is.  The
-- home register has no row.
CREATE TABLE copy(
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  name TEXT NOT NULL,
  made INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The newest bundle of each copy (zeros: home), also of the own one.
CREATE TABLE bundle(
  copy BLOB PRIMARY KEY CHECK (length(copy) = 16),
  number INTEGER NOT NULL,
  made INTEGER NOT NULL,
  sender BLOB NOT NULL CHECK (length(sender) = 16)
) STRICT, WITHOUT ROWID;
-- A version that was written twice, in two copies: the one that is not in the
-- table it is of (source 3, 4 or 5), as the bytes that the manifest would count.
CREATE TABLE conflict(
  source INTEGER NOT NULL,
  id BLOB NOT NULL CHECK (length(id) = 16),
  version INTEGER NOT NULL CHECK (version >= 1),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  child BLOB NOT NULL CHECK (length(child) = 16),
  unit TEXT NOT NULL,
  stored BLOB NOT NULL,
  PRIMARY KEY (source, id, version, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX conflict_child ON conflict(child);

-- setting: what the administrator chose; nothing secret.
CREATE TABLE setting(
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- tally: what erased children add to past forms, of a unit together.
CREATE TABLE tally(
  unit TEXT PRIMARY KEY,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
