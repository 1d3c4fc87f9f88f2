-- What keys for life need in the sealed data.

-- erasure:

-- anchor:

-- transfer:

-- copy and bundle:

-- setting:

-- tally:
