-- active stays for the version before: it is whether the status is active.
ALTER TABLE experiences ADD COLUMN status TEXT; -- NULL: as active says
ALTER TABLE experiences ADD COLUMN schedule TEXT; -- JSON of the contract; NULL: always
