-- Auctions that are over: their bids, and what was decided from them.
CREATE TABLE auctions (
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT;
