-- What is defined by a document of the contract: flags and experiments.
CREATE TABLE definitions (
    kind       TEXT NOT NULL, -- 'flag', ...
    id         TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON, as it was put
    version    BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
