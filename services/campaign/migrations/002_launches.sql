CREATE TABLE launches (
    launch_id   TEXT PRIMARY KEY,
    campaign_id TEXT NOT NULL,
    state       TEXT NOT NULL,
    paused      BOOLEAN NOT NULL,
    mail_open   BOOLEAN NOT NULL, -- mail of it is still to be sent
    plan        TEXT NOT NULL,    -- JSON, as it was launched
    starts_us   BIGINT NOT NULL,
    local_at    TEXT,             -- in each person's own zone; NULL: at starts_us
    due_us      BIGINT NOT NULL,  -- when it must be looked at next; the largest number: never by itself
    created_us  BIGINT NOT NULL,
    launched_us BIGINT NOT NULL,
    ended_us    BIGINT NOT NULL,
    failed_step TEXT,
    reason      TEXT,
    winner      TEXT,
    version     BIGINT NOT NULL
);
CREATE INDEX launches_by_campaign ON launches (campaign_id, created_us, launch_id);
CREATE INDEX launches_by_due ON launches (due_us);

CREATE TABLE launch_steps (
    launch_id   TEXT NOT NULL,
    step        TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempt     BIGINT NOT NULL,
    asked_us    BIGINT NOT NULL,
    answered_us BIGINT NOT NULL,
    expires_us  BIGINT NOT NULL,
    reason      TEXT,
    PRIMARY KEY (launch_id, step)
);
