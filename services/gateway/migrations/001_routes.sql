-- Where the calls to a neighbour go. A route that was never touched has no row: all of it is blue, at the setting's address.
CREATE TABLE routes (
    route       TEXT PRIMARY KEY,
    version     BIGINT NOT NULL,
    live        TEXT NOT NULL,
    blue        TEXT, -- an address; NULL: the setting's
    green       TEXT, -- NULL: none yet
    canary_id   TEXT, -- NULL: none is under way, and nothing below means anything
    share       BIGINT NOT NULL,
    step        BIGINT NOT NULL,
    most        BIGINT NOT NULL,
    sample      BIGINT NOT NULL,
    hold_s      BIGINT NOT NULL,
    by_itself   BOOLEAN NOT NULL,
    updated_us  BIGINT NOT NULL
);

-- What became of a route, by whom, and the figures where it was judged.
CREATE TABLE route_changes (
    change_id TEXT PRIMARY KEY,
    route     TEXT NOT NULL,
    what      TEXT NOT NULL,
    who       TEXT NOT NULL,
    live      TEXT NOT NULL,
    address   TEXT NOT NULL,
    share     BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    judgement TEXT, -- JSON
    at_us     BIGINT NOT NULL
);
CREATE INDEX route_changes_by_time ON route_changes (route, at_us, change_id);
