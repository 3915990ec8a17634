-- Networks correct what they told: a report with a later version takes the place of the one before, whatever it says.
ALTER TABLE network_figures ADD COLUMN version BIGINT NOT NULL DEFAULT 0; -- of the report; 0: it had none

-- What a network says of an ad of a launch on one day: of an ad that is told by day, in network_figures there is nothing.
CREATE TABLE network_days (
    launch_id   TEXT NOT NULL,
    network_id  TEXT NOT NULL,
    ad_id       TEXT NOT NULL,
    day         TEXT NOT NULL, -- 2026-11-24, in UTC
    amount      BIGINT NOT NULL,
    impressions BIGINT NOT NULL,
    clicks      BIGINT NOT NULL,
    until_us    BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (launch_id, network_id, ad_id, day)
);
