-- Outside networks. What they sign with, and what calls to them are signed with, is the same secret.
CREATE TABLE networks (
    network_id TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    secret     TEXT NOT NULL, -- whsec_...
    currency   TEXT NOT NULL,
    updated_us BIGINT NOT NULL
);

-- What a network is to do for a launch, and how far it is with that.
CREATE TABLE network_parts (
    launch_id  TEXT NOT NULL,
    network_id TEXT NOT NULL,
    wanted     TEXT NOT NULL,   -- active, paused, stopped; stopped is the end
    version    BIGINT NOT NULL, -- of what it was told last
    state      TEXT NOT NULL,   -- waiting, active, paused, stopped; refused, failed: with a reason
    reason     TEXT NOT NULL,
    PRIMARY KEY (launch_id, network_id)
);
CREATE INDEX network_parts_wanted ON network_parts (wanted);
CREATE INDEX network_parts_network ON network_parts (network_id);

-- What a network says of an ad of a launch, from its start.
CREATE TABLE network_figures (
    launch_id   TEXT NOT NULL,
    network_id  TEXT NOT NULL,
    ad_id       TEXT NOT NULL,
    amount      BIGINT NOT NULL, -- minor units of the network's currency
    impressions BIGINT NOT NULL,
    clicks      BIGINT NOT NULL,
    until_us    BIGINT NOT NULL,
    PRIMARY KEY (launch_id, network_id, ad_id)
);

-- The webhook-id of what networks have told, for longer than they go on trying.
CREATE TABLE network_words (
    network_id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    seen_us    BIGINT NOT NULL,
    PRIMARY KEY (network_id, webhook_id)
);
CREATE INDEX network_words_seen ON network_words (seen_us);

-- Calls that networks are owed: as platform/webhook has them.
CREATE TABLE webhook_calls (
    call_id    TEXT PRIMARY KEY,
    url        TEXT NOT NULL,
    body       TEXT NOT NULL,
    person_id  TEXT NOT NULL, -- '': they speak of nobody
    source_id  TEXT NOT NULL, -- <launch_id>/<network_id>
    attempts   BIGINT NOT NULL,
    due_us     BIGINT NOT NULL, -- the largest number: it is done, or given up
    created_us BIGINT NOT NULL,
    ended_us   BIGINT NOT NULL, -- 0: not yet
    status     BIGINT NOT NULL, -- of the last answer; 0: none came
    reason     TEXT             -- why it has not been taken yet, or was given up
);
CREATE INDEX webhook_calls_by_due ON webhook_calls (due_us);
CREATE INDEX webhook_calls_by_source ON webhook_calls (source_id);
CREATE INDEX webhook_calls_by_time ON webhook_calls (created_us, call_id);
