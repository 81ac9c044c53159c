-- The scheduler's records, one row per thing, replaced as it changes. Bodies are the JSON of
-- `millrace_scheduler::Record`'s variants; only what rows are found by has columns of its own.
CREATE TABLE jobs (
    job  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE tasks (
    job    TEXT NOT NULL,
    number INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT;

-- Holds the latest voucher of each lease: written before the voucher leaves the house.
CREATE TABLE leases (
    lease TEXT PRIMARY KEY,
    body  TEXT NOT NULL
) STRICT;
