-- What keys for life need among the keys.

-- erasure:

-- transfer:

-- copy and bundle:
