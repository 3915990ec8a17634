-- Orders of shops elsewhere that are edited there: how often, and as of when their shop last told all of it.
ALTER TABLE orders ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN told_us BIGINT NOT NULL DEFAULT 0; -- `updated_at`; 0: not said
ALTER TABLE orders ADD COLUMN triggered_us BIGINT NOT NULL DEFAULT 0; -- of two in one second the later
