-- Who is on a list, and who was: instances read what has changed since they looked last, in the order of `change`.
CREATE TABLE list_members (
    segment_id TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    member     BOOLEAN NOT NULL,
    change     BIGINT NOT NULL,
    PRIMARY KEY (segment_id, person_id)
);
CREATE INDEX list_members_by_change ON list_members (change, segment_id, person_id);

-- The memberships that were told, so that each change is told once whichever instance sees it.
CREATE TABLE memberships_told (
    segment_id TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    PRIMARY KEY (segment_id, person_id)
);

-- How far who told last had come, in each partition of the log: who has not come as far tells nothing.
CREATE TABLE told_up_to (
    mark TEXT PRIMARY KEY,
    next BIGINT NOT NULL
);

-- One row: the number of the last change of lists, and a lock for who tells.
CREATE TABLE segment_state (
    one    BIGINT PRIMARY KEY,
    change BIGINT NOT NULL,
    rounds BIGINT NOT NULL
);
INSERT INTO segment_state (one, change, rounds) VALUES (1, 0, 0);
