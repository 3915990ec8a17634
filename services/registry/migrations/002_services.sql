-- What a service says of itself, by the hash of it: never changed, so that an instance names it in few bytes.
CREATE TABLE contracts (
    service    TEXT NOT NULL,
    digest     TEXT NOT NULL,
    openapi    TEXT NOT NULL,
    told       TEXT NOT NULL, -- what it publishes, reads and calls, as JSON
    registered TEXT NOT NULL, -- what became of its schemas, as JSON
    told_us    BIGINT NOT NULL,
    PRIMARY KEY (service, digest)
);

CREATE TABLE instances (
    service    TEXT NOT NULL,
    instance   TEXT NOT NULL,
    version    TEXT NOT NULL,
    digest     TEXT NOT NULL,
    started_us BIGINT NOT NULL,
    seen_us    BIGINT NOT NULL,
    PRIMARY KEY (service, instance)
);
