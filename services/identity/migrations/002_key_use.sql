-- When a key was last used, as services have told (to an hour). NULL: never.
ALTER TABLE keys ADD COLUMN last_used_us BIGINT;
