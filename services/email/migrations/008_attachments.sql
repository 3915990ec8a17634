-- Files that single messages bring with them; not in their rows, so that the queue is read without them.
CREATE TABLE attachments (
    message_id TEXT NOT NULL,
    place      BIGINT NOT NULL,
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    content_id TEXT,
    content    BLOB NOT NULL,
    PRIMARY KEY (message_id, place)
);
