-- What each person had read of his cases when he last listed them, sealed to
-- him alone: his next session begins with it.  Among the keys, and not with the
-- sealed data, because it is to go with the keys of an erased child.  Not in the
-- manifest and not audited (DESIGN.md, 5).
CREATE TABLE kept(
  user BLOB PRIMARY KEY CHECK (length(user) = 16),
  sealed BLOB NOT NULL
) STRICT;
