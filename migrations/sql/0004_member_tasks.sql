-- Tasks as members of a round do them: each member does all of its job's.
CREATE TABLE member_tasks (
    lease TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (lease, number)
) STRICT;
