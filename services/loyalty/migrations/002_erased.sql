-- Who asked to be forgotten: what comes later for these is not taken.
CREATE TABLE erased (
    customer_id TEXT PRIMARY KEY,
    erased_us   BIGINT NOT NULL
);
