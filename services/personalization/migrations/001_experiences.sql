CREATE TABLE experiences (
    experience_id TEXT PRIMARY KEY,
    slot          TEXT NOT NULL,
    name          TEXT NOT NULL,
    priority      BIGINT NOT NULL,
    active        BOOLEAN NOT NULL,
    variants      TEXT NOT NULL, -- a JSON array of {variant, rule}
    version       BIGINT NOT NULL,
    updated_us    BIGINT NOT NULL
);
CREATE INDEX experiences_by_slot ON experiences (slot, experience_id);

-- One row that grows with every change: how each instance sees that it must read the definitions again.
CREATE TABLE revision (
    one   BIGINT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (one, value) VALUES (1, 1);
