-- Whoever hands a message over says so, so that two instances do not work on the same ones.
ALTER TABLE messages ADD COLUMN claimed_us BIGINT;
