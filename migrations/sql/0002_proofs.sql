-- What nodes have shown of their GPUs: written before the chain is told.
CREATE TABLE proofs (
    node TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
