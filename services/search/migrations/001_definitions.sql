-- What the marketing team decides about searches, each a document of the contract.
CREATE TABLE definitions (
    kind       TEXT NOT NULL, -- 'synonyms', 'pin', 'stop_words', 'ranking'
    id         TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON, as it was put
    version    BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

-- One row that grows with every change: how each instance sees that it must read the definitions again.
CREATE TABLE revision (
    one   BIGINT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (one, value) VALUES (1, 1);
