CREATE TABLE campaigns (
    campaign_id TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL,
    plan        TEXT NOT NULL, -- JSON, as it was put
    version     BIGINT NOT NULL,
    saved_by    TEXT NOT NULL,
    saved_us    BIGINT NOT NULL,
    approved_by TEXT, -- NULL: nobody has approved this version
    approved_us BIGINT NOT NULL
);
CREATE INDEX campaigns_by_state ON campaigns (state, campaign_id);
