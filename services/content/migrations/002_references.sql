-- Whom a document names as {"$entry": "ent_..."} or {"$media": "med_..."}: that of the draft, and that of what is shown.
CREATE TABLE entry_references (
    entry_id TEXT NOT NULL,
    shown    BIGINT NOT NULL, -- 0: the draft's, 1: the shown version's
    target   TEXT NOT NULL,
    PRIMARY KEY (entry_id, shown, target)
);
CREATE INDEX entry_references_target ON entry_references (target);

-- Slugs under which an entry was shown before; what is shown under such a slug today goes first.
CREATE TABLE moved (
    kind     TEXT NOT NULL,
    slug     TEXT NOT NULL,
    locale   TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    PRIMARY KEY (kind, slug, locale)
);
CREATE INDEX moved_entry ON moved (entry_id);

-- Entries that were deleted: one of the same id goes on counting where that one ended, so that no ETag comes twice and
-- no event is older than the one before.
CREATE TABLE gone (
    entry_id TEXT PRIMARY KEY,
    version  BIGINT NOT NULL,
    told_us  BIGINT NOT NULL
);

CREATE INDEX entries_updated ON entries (updated_us, entry_id);
CREATE INDEX entries_slug ON entries (slug, entry_id);

-- Its one row is written by who publishes what refers, or deletes: one at a time, so that neither misses the other.
CREATE TABLE reference_lock (held BIGINT NOT NULL);
INSERT INTO reference_lock (held) VALUES (0);
