-- The ledger is the truth; balances are kept beside it so that a read is one row.
CREATE TABLE entries (
    entry_id    TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    points      BIGINT NOT NULL,
    reason      TEXT NOT NULL,
    order_id    TEXT,
    note        TEXT,
    at_us       BIGINT NOT NULL
);
CREATE INDEX entries_by_customer ON entries (customer_id, at_us DESC, entry_id DESC);

CREATE TABLE balances (
    customer_id     TEXT PRIMARY KEY,
    points          BIGINT NOT NULL,
    lifetime_points BIGINT NOT NULL
);

-- What each order has earned so far, so that refunds take back the difference and a replay earns nothing twice.
CREATE TABLE orders (
    order_id    TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    total       BIGINT NOT NULL,
    refunded    BIGINT NOT NULL,
    earned      BIGINT NOT NULL
);
CREATE INDEX orders_by_customer ON orders (customer_id);
