-- What becomes of a request to erase: a row for each service that holds people, from the beginning.
CREATE TABLE erasure_answers (
    request_id TEXT NOT NULL,
    service    TEXT NOT NULL,
    erased_us  BIGINT, -- NULL: it has not answered
    PRIMARY KEY (request_id, service)
);
CREATE INDEX erased_by_request ON erased (request_id);
