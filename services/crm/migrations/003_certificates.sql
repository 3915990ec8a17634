-- From the answers to the certificate: the word that replaces all others on the log, compaction, and what was signed.
ALTER TABLE erased ADD COLUMN answered_us BIGINT; -- when all had answered, and the last word was told
ALTER TABLE erased ADD COLUMN completed_us BIGINT;
ALTER TABLE erased ADD COLUMN certificate TEXT; -- a JWS
CREATE INDEX erased_open ON erased (request_id) WHERE completed_us IS NULL;

CREATE INDEX erased_by_time ON erased (erased_us DESC, request_id DESC);

CREATE TABLE erasure_compactions (
    request_id   TEXT NOT NULL,
    topic        TEXT NOT NULL,
    compacted_us BIGINT NOT NULL,
    PRIMARY KEY (request_id, topic)
);

CREATE TABLE secrets (
    name   TEXT PRIMARY KEY,
    secret TEXT NOT NULL -- hexadecimal
);
