-- A schema is stored once, whatever subjects have it; ids are drawn from a counter and never used again.
CREATE TABLE schemas (
    schema_id   BIGINT PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE, -- SHA-256 of what it says, whatever the order of its members
    body        TEXT NOT NULL,
    refs        TEXT, -- as a JSON array, in the order given
    metadata    TEXT,
    rule_set    TEXT
);

CREATE TABLE schema_references (
    schema_id BIGINT NOT NULL REFERENCES schemas (schema_id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    version   BIGINT NOT NULL,
    PRIMARY KEY (schema_id, name)
);
CREATE INDEX schema_references_by_version ON schema_references (subject, version);

CREATE TABLE versions (
    subject       TEXT NOT NULL,
    version       BIGINT NOT NULL,
    schema_id     BIGINT NOT NULL REFERENCES schemas (schema_id),
    deleted       BOOLEAN NOT NULL, -- softly: it still has its number, and readers still find its schema
    registered_us BIGINT NOT NULL,
    PRIMARY KEY (subject, version)
);
CREATE INDEX versions_by_schema ON versions (schema_id);

-- Subject '' is the one that holds where a subject has none of its own.
CREATE TABLE levels (
    subject TEXT PRIMARY KEY,
    level   TEXT NOT NULL
);

-- One row: who registers takes it first, so that two at once see each other's versions.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('schema_id', 0);
