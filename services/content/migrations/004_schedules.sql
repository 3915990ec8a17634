-- What is to be shown, or shown no more, and when.
CREATE TABLE schedules (
    entry_id    TEXT NOT NULL,
    schedule_id TEXT NOT NULL,
    action      TEXT NOT NULL, -- publish, unpublish
    version     BIGINT NOT NULL, -- 0: the newest when the time comes
    local_time  TEXT NOT NULL,
    time_zone   TEXT NOT NULL,
    clock       TEXT NOT NULL, -- once, skipped, twice
    due_us      BIGINT NOT NULL,
    state       TEXT NOT NULL, -- waiting, done, failed
    reason      TEXT,
    done_us     BIGINT NOT NULL, -- 0: not yet
    PRIMARY KEY (entry_id, schedule_id)
);
CREATE INDEX schedules_due ON schedules (state, due_us);

-- Keys that this service made for itself, the same for all its instances.
CREATE TABLE secrets (
    name   TEXT PRIMARY KEY,
    secret TEXT NOT NULL -- hexadecimal
);
