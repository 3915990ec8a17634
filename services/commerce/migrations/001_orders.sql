CREATE TABLE products (
    product_id  TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    category    TEXT,
    subcategory TEXT,
    price       BIGINT NOT NULL,
    currency    TEXT NOT NULL,
    active      BOOLEAN NOT NULL,
    version     BIGINT NOT NULL,
    updated_us  BIGINT NOT NULL
);
CREATE INDEX products_by_category ON products (category, product_id);

CREATE TABLE orders (
    order_id    TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    state       TEXT NOT NULL,
    channel     TEXT NOT NULL,
    placed_us   BIGINT NOT NULL,
    total       BIGINT NOT NULL,
    refunded    BIGINT NOT NULL,
    currency    TEXT NOT NULL,
    asked       TEXT NOT NULL -- hash of what was asked for: the same id with other content is a conflict
);
CREATE INDEX orders_by_customer ON orders (customer_id, placed_us DESC, order_id DESC);

CREATE TABLE order_lines (
    order_id   TEXT NOT NULL REFERENCES orders (order_id),
    line       BIGINT NOT NULL,
    product_id TEXT NOT NULL,
    quantity   BIGINT NOT NULL,
    amount     BIGINT NOT NULL,
    PRIMARY KEY (order_id, line)
);

-- Sums by currency, moved in the transaction of the order: asking for them reads one row.
CREATE TABLE revenue (
    currency TEXT PRIMARY KEY,
    orders   BIGINT NOT NULL,
    revenue  BIGINT NOT NULL,
    refunded BIGINT NOT NULL
);
