-- What others have told, newest word first; whose it is says which event made it.
CREATE TABLE contacts ( -- crm profile.updated
    person_id    TEXT PRIMARY KEY,
    email        TEXT,
    address_hash TEXT, -- of the address, keyed: what suppressions are found by
    name         TEXT,
    locale       TEXT,
    time_zone    TEXT,
    traits       TEXT, -- a JSON object
    version      BIGINT NOT NULL
);
CREATE INDEX contacts_by_address ON contacts (address_hash, person_id);

CREATE TABLE consents ( -- crm consent.changed, purpose marketing
    person_id TEXT NOT NULL,
    channel   TEXT NOT NULL, -- email, all
    state     TEXT NOT NULL,
    at_us     BIGINT NOT NULL,
    PRIMARY KEY (person_id, channel)
);

CREATE TABLE memberships ( -- personalization membership.changed
    segment_id TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    PRIMARY KEY (segment_id, person_id)
);
CREATE INDEX memberships_by_person ON memberships (person_id);

CREATE TABLE entries ( -- content entry.published
    entry_id TEXT PRIMARY KEY,
    kind     TEXT NOT NULL, -- email_template, snippet
    slug     TEXT NOT NULL,
    locale   TEXT NOT NULL, -- '': for every locale
    version  BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX entries_by_slug ON entries (kind, slug, locale);

CREATE TABLE erased ( -- crm profile.erased: what comes later for these is not taken
    person_id TEXT PRIMARY KEY,
    erased_us BIGINT NOT NULL
);

-- Owned here. The target is a person ("p:prf_1") or an address by its keyed hash ("a:..."), so that it outlives erasure.
CREATE TABLE suppressions (
    suppression_id TEXT PRIMARY KEY,
    target         TEXT NOT NULL,
    reason         TEXT NOT NULL,
    scope          TEXT NOT NULL,
    person_id      TEXT,
    message_id     TEXT,
    campaign_id    TEXT,
    added_us       BIGINT NOT NULL,
    UNIQUE (target, reason)
);
CREATE INDEX suppressions_by_time ON suppressions (added_us DESC, suppression_id DESC);
CREATE INDEX suppressions_by_person ON suppressions (person_id);
