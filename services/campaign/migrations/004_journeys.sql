CREATE TABLE journeys (
    journey_id   TEXT PRIMARY KEY,
    state        TEXT NOT NULL, -- draft, active, paused, stopped; deleted: until what is kept of its visits is gone
    version      BIGINT NOT NULL,
    revision     BIGINT NOT NULL, -- of the definition
    saved_by     TEXT NOT NULL,
    saved_us     BIGINT NOT NULL,
    activated_us BIGINT NOT NULL, -- 0: never
    dated_to     TEXT -- entry by date: the last person whose date was looked at; NULL: all were
);
CREATE INDEX journeys_by_state ON journeys (state, journey_id);

-- As they were put: the newest one, and those that visits are still under way by.
CREATE TABLE journey_revisions (
    journey_id TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    definition TEXT NOT NULL, -- JSON
    PRIMARY KEY (journey_id, revision)
);

-- Another one whenever a journey has changed: what instances keep in memory is of one of them.
CREATE TABLE journey_change (
    one    BIGINT PRIMARY KEY, -- 1
    change TEXT NOT NULL
);

CREATE TABLE journey_visits (
    visit_id   TEXT PRIMARY KEY, -- made of the journey and the event that it began with
    journey_id TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    person_id  TEXT NOT NULL,
    visit_key  TEXT NOT NULL, -- '': none
    data       TEXT,          -- JSON: properties of the event that it began with; NULL: none, or it has ended
    node       TEXT NOT NULL,
    waits      BOOLEAN NOT NULL, -- at the node; otherwise it has not done yet what that says
    steps      BIGINT NOT NULL,  -- of its path
    due_us     BIGINT NOT NULL,
    entered_us BIGINT NOT NULL,
    ended_us   BIGINT NOT NULL, -- 0: under way
    reason     TEXT,
    version    BIGINT NOT NULL
);
CREATE INDEX journey_visits_by_due ON journey_visits (journey_id, due_us) WHERE ended_us = 0;
CREATE INDEX journey_visits_by_node ON journey_visits (journey_id, revision, node) WHERE ended_us = 0;
CREATE INDEX journey_visits_by_key ON journey_visits (journey_id, visit_key, visit_id)
    WHERE ended_us = 0 AND visit_key <> '';
CREATE INDEX journey_visits_by_person ON journey_visits (person_id, journey_id, entered_us);
CREATE INDEX journey_visits_by_time ON journey_visits (journey_id, entered_us, visit_id);

CREATE TABLE journey_path (
    visit_id TEXT NOT NULL,
    step     BIGINT NOT NULL,
    did      TEXT NOT NULL,
    node     TEXT NOT NULL,
    reason   TEXT,
    at_us    BIGINT NOT NULL,
    PRIMARY KEY (visit_id, step)
);

CREATE TABLE journey_figures (
    journey_id TEXT NOT NULL,
    node       TEXT NOT NULL, -- '': of the journey
    figure     TEXT NOT NULL, -- entered; arrived, of a node; the reason of an end
    count      BIGINT NOT NULL,
    PRIMARY KEY (journey_id, node, figure)
);

-- Whom a date that is to come will bring in.
CREATE TABLE journey_dates (
    journey_id TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    due_us     BIGINT NOT NULL,
    PRIMARY KEY (journey_id, person_id)
);
CREATE INDEX journey_dates_by_due ON journey_dates (journey_id, due_us);
CREATE INDEX journey_dates_by_person ON journey_dates (person_id);

-- What others have told of people.
CREATE TABLE journey_people ( -- crm profile.updated
    person_id TEXT PRIMARY KEY,
    traits    TEXT, -- a JSON object
    version   BIGINT NOT NULL
);
CREATE TABLE journey_members ( -- personalization membership.changed
    person_id  TEXT NOT NULL,
    segment_id TEXT NOT NULL,
    PRIMARY KEY (person_id, segment_id)
);
CREATE TABLE journey_erased ( -- crm profile.erased: what comes later for these is not taken
    person_id TEXT PRIMARY KEY,
    erased_us BIGINT NOT NULL
);

-- Calls that webhooks are owed; the id is the same each time that one is tried.
CREATE TABLE webhook_calls (
    call_id    TEXT PRIMARY KEY,
    url        TEXT NOT NULL,
    body       TEXT NOT NULL,
    person_id  TEXT NOT NULL, -- whom it speaks of; '': nobody
    source_id  TEXT NOT NULL, -- the journey or launch
    attempts   BIGINT NOT NULL,
    due_us     BIGINT NOT NULL, -- the largest number: it is done, or given up
    created_us BIGINT NOT NULL,
    ended_us   BIGINT NOT NULL, -- 0: not yet
    status     BIGINT NOT NULL, -- of the last answer; 0: none came
    reason     TEXT             -- why it has not been taken yet, or was given up
);
CREATE INDEX webhook_calls_by_due ON webhook_calls (due_us);
CREATE INDEX webhook_calls_by_person ON webhook_calls (person_id);
CREATE INDEX webhook_calls_by_time ON webhook_calls (created_us, call_id);
