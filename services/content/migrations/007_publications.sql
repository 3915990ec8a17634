-- What launches asked to be shown. `undone` stays, so that an undo that came first refuses its do.
CREATE TABLE publications (
    launch_id  TEXT PRIMARY KEY,
    command_id TEXT NOT NULL, -- of the `do` that decided it; '' where an undo came first
    state      TEXT NOT NULL, -- done, refused, undone
    reason     TEXT NOT NULL, -- why it was refused
    published  BIGINT NOT NULL
);

-- What they changed: the version that was shown for the launch, and the one before.
CREATE TABLE publication_entries (
    launch_id      TEXT NOT NULL,
    place          BIGINT NOT NULL, -- in the order in which they were shown
    entry_id       TEXT NOT NULL,
    version        BIGINT NOT NULL,
    version_before BIGINT NOT NULL, -- 0: nothing was shown
    PRIMARY KEY (launch_id, place)
);
