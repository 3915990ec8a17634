-- The head of each entry; its documents are in versions.
CREATE TABLE entries (
    entry_id          TEXT PRIMARY KEY,
    kind              TEXT NOT NULL,
    slug              TEXT NOT NULL,
    locale            TEXT NOT NULL, -- '': for every locale that has none of its own
    title             TEXT,
    version           BIGINT NOT NULL,
    updated_us        BIGINT NOT NULL,
    published_version BIGINT NOT NULL, -- 0: not shown
    published_us      BIGINT NOT NULL,
    told_us           BIGINT NOT NULL, -- time of the last event: the next one is later, whatever the clock does
    UNIQUE (kind, slug, locale)
);

CREATE TABLE versions (
    entry_id TEXT NOT NULL REFERENCES entries (entry_id),
    version  BIGINT NOT NULL,
    slug     TEXT NOT NULL,
    locale   TEXT NOT NULL,
    title    TEXT,
    document TEXT NOT NULL,
    saved_us BIGINT NOT NULL,
    PRIMARY KEY (entry_id, version)
);

-- What is shown under which slug: that of the published version, not of the draft.
CREATE TABLE shown (
    entry_id TEXT PRIMARY KEY REFERENCES entries (entry_id),
    kind     TEXT NOT NULL,
    slug     TEXT NOT NULL,
    locale   TEXT NOT NULL,
    version  BIGINT NOT NULL,
    UNIQUE (kind, slug, locale)
);
