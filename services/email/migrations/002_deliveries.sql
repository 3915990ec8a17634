-- What launches asked for.
CREATE TABLE deliveries (
    launch_id   TEXT PRIMARY KEY,
    campaign_id TEXT NOT NULL,
    state       TEXT NOT NULL, -- held, released, undone, cancelled, finished
    paused      BIGINT NOT NULL,
    asked       TEXT, -- the command, as JSON; NULL: undone before it was asked for
    expanded    BIGINT NOT NULL, -- the audience has been gone through
    segment     BIGINT NOT NULL, -- which of the audience's segments it stands in,
    person_id   TEXT NOT NULL, -- and after whom
    recipients  BIGINT NOT NULL,
    withheld    BIGINT NOT NULL,
    held_out    BIGINT NOT NULL,
    winner      TEXT,
    asked_us    BIGINT NOT NULL,
    released_us BIGINT,
    finished_us BIGINT
);
CREATE INDEX deliveries_by_state ON deliveries (state, launch_id);

-- The queue and what became of it. The id is made of what it is (launch, person and step; or the key that it was asked
-- for with), so that there is one.
CREATE TABLE messages (
    message_id  TEXT PRIMARY KEY,
    queue       TEXT NOT NULL, -- the launch, "now" (service mail), "single" (marketing mail asked for one by one)
    state       TEXT NOT NULL, -- waiting, queued, doubt, unknown, sent, failed, withheld
    due_us      BIGINT NOT NULL,
    campaign_id TEXT,
    person_id   TEXT NOT NULL,
    step        TEXT,
    variant     TEXT,
    address     TEXT, -- where it is not the contact's
    asked       TEXT, -- what single mail was asked for with, as JSON
    marketing   BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    resends     BIGINT NOT NULL,
    status      TEXT, -- what the other side said last, or why it is not sent
    created_us  BIGINT NOT NULL,
    doubted_us  BIGINT,
    ended_us    BIGINT
);
CREATE INDEX messages_by_queue ON messages (queue, state, due_us);
CREATE INDEX messages_by_person ON messages (person_id);
CREATE INDEX messages_by_campaign ON messages (campaign_id, message_id);
CREATE INDEX messages_in_doubt ON messages (doubted_us) WHERE state = 'doubt';
CREATE INDEX messages_unknown ON messages (message_id) WHERE state = 'unknown';

-- What happened to a message beyond being queued and sent.
CREATE TABLE happenings (
    message_id TEXT NOT NULL,
    at_us      BIGINT NOT NULL,
    what       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    PRIMARY KEY (message_id, at_us, what, detail)
);
