-- Launches whose campaigns are measured. `undone` stays, so that an undo that came first refuses its do.
CREATE TABLE trackings (
    launch_id   TEXT PRIMARY KEY,
    campaign_id TEXT NOT NULL,
    state       TEXT NOT NULL, -- tracked, undone
    name        TEXT,
    goal        TEXT, -- an event's name, or orders
    within_days BIGINT NOT NULL,
    starts_us   BIGINT NOT NULL,
    ends_us     BIGINT NOT NULL,
    asked_us    BIGINT NOT NULL
);
CREATE INDEX trackings_campaign ON trackings (campaign_id, state);
