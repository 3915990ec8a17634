CREATE TABLE senders (
    sender_id   TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    address     TEXT NOT NULL,
    reply_to    TEXT,
    is_default  BIGINT NOT NULL,
    updated_us  BIGINT NOT NULL
);
