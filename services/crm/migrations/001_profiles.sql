CREATE TABLE profiles (
    profile_id TEXT PRIMARY KEY,
    email      TEXT,
    name       TEXT,
    phone      TEXT,
    locale     TEXT,
    traits     TEXT, -- a JSON object
    version    BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX profiles_by_email ON profiles (email, profile_id);

CREATE TABLE identities (
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX identities_by_profile ON identities (profile_id);

-- Every word that was said, with its proof; what holds now is beside it.
CREATE TABLE consent_log (
    consent_id TEXT PRIMARY KEY,
    profile_id TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    channel    TEXT NOT NULL,
    state      TEXT NOT NULL,
    source     TEXT NOT NULL,
    wording    TEXT,
    at_us      BIGINT NOT NULL
);
CREATE INDEX consent_log_by_profile ON consent_log (profile_id);

CREATE TABLE consents (
    profile_id TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    channel    TEXT NOT NULL,
    state      TEXT NOT NULL,
    source     TEXT NOT NULL,
    at_us      BIGINT NOT NULL,
    PRIMARY KEY (profile_id, purpose, channel)
);

-- entry_id is made from what it tells ("order:ord_1"), so that the same news twice is one entry.
CREATE TABLE timeline (
    profile_id TEXT NOT NULL,
    entry_id   TEXT NOT NULL,
    kind       TEXT NOT NULL,
    reference  TEXT,
    amount     BIGINT,
    currency   TEXT,
    at_us      BIGINT NOT NULL,
    PRIMARY KEY (profile_id, entry_id)
);
CREATE INDEX timeline_by_time ON timeline (profile_id, at_us DESC, entry_id DESC);

CREATE TABLE spent (
    profile_id TEXT NOT NULL, -- '' holds the sums over all
    currency   TEXT NOT NULL,
    orders     BIGINT NOT NULL,
    spent      BIGINT NOT NULL,
    refunded   BIGINT NOT NULL,
    PRIMARY KEY (profile_id, currency)
);

-- Who asked to be forgotten: what comes later for these ids is not taken.
CREATE TABLE erased (
    profile_id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    erased_us  BIGINT NOT NULL
);
