-- What the form counts of a case: so that a count opens one box a case, and not
-- each of its records.
CREATE TABLE extract(
  child BLOB PRIMARY KEY NOT NULL CHECK (length(child) = 16),
  sealed BLOB NOT NULL
) STRICT;
