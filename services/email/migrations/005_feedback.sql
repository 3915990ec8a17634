-- What came back of a message, once each, so that it is told once.
CREATE TABLE feedback (
    message_id TEXT NOT NULL,
    what       TEXT NOT NULL, -- opened, clicked, unsubscribed, delivered, bounced, complained
    detail     TEXT NOT NULL, -- of clicked: where the link leads, without its query; of bounced: hard, soft, blocked
    machine    BIGINT NOT NULL,
    at_us      BIGINT NOT NULL,
    told       BIGINT NOT NULL, -- 0: a click of which it is not decided yet whether a machine did it
    PRIMARY KEY (message_id, what, detail, machine)
);
CREATE INDEX feedback_untold ON feedback (at_us) WHERE told = 0;

-- Soft bounces in a row, by the target of suppressions.
CREATE TABLE soft_bounces (
    target  TEXT PRIMARY KEY,
    n       BIGINT NOT NULL,
    last_us BIGINT NOT NULL
);
