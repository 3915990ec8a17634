-- Where ads may stand: a slot of pages.
CREATE TABLE placements (
    placement_id TEXT PRIMARY KEY,
    slot         TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    updated_us   BIGINT NOT NULL
);

CREATE TABLE ads (
    ad_id        TEXT PRIMARY KEY,
    placement_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    definition   TEXT NOT NULL, -- JSON of the contract (AdPut)
    state        TEXT NOT NULL, -- draft, approved, rejected
    version      BIGINT NOT NULL,
    updated_us   BIGINT NOT NULL
);
CREATE INDEX ads_placement ON ads (placement_id);

-- Ads that are to be shown for a launch. `undone` stays, so that an undo that came first refuses its do.
-- Amounts are in thousandths of a minor unit, since one of a thousand impressions costs less than one.
CREATE TABLE activations (
    launch_id    TEXT PRIMARY KEY,
    campaign_id  TEXT NOT NULL,
    command_id   TEXT NOT NULL, -- of the `do` that decided it
    state        TEXT NOT NULL, -- active, paused, ended, refused, undone
    reason       TEXT NOT NULL, -- why it was refused
    ads          TEXT NOT NULL, -- a JSON list of their ids
    segments     TEXT NOT NULL, -- a JSON list; []: everybody
    currency     TEXT NOT NULL,
    budget_milli BIGINT NOT NULL, -- 0: without
    spent_milli  BIGINT NOT NULL,
    starts_us    BIGINT NOT NULL,
    ends_us      BIGINT NOT NULL, -- the largest number: without
    updated_us   BIGINT NOT NULL
);
CREATE INDEX activations_state ON activations (state);

-- Each impression once, for as long as its links are good.
CREATE TABLE impressions (
    impression_id TEXT PRIMARY KEY,
    person_id     TEXT NOT NULL,
    noted_us      BIGINT NOT NULL,
    seen          BOOLEAN NOT NULL,
    clicked       BOOLEAN NOT NULL
);
CREATE INDEX impressions_person ON impressions (person_id);
CREATE INDEX impressions_noted ON impressions (noted_us);

-- What an ad has cost and brought for a launch, and how much of that was told.
CREATE TABLE spend (
    launch_id        TEXT NOT NULL,
    ad_id            TEXT NOT NULL,
    impressions      BIGINT NOT NULL,
    clicks           BIGINT NOT NULL,
    milli            BIGINT NOT NULL,
    currency         TEXT NOT NULL,
    told_impressions BIGINT NOT NULL,
    told_clicks      BIGINT NOT NULL,
    told_amount      BIGINT NOT NULL, -- minor units
    told_us          BIGINT NOT NULL, -- until when
    PRIMARY KEY (launch_id, ad_id)
);

-- One row that grows with every change of what may be shown.
CREATE TABLE revision (
    one   BIGINT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (one, value) VALUES (1, 1);

-- Keys that this service made for itself, the same for all its instances.
CREATE TABLE secrets (
    name   TEXT PRIMARY KEY,
    secret TEXT NOT NULL -- hexadecimal
);
