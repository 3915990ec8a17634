-- Shops that tell of their orders by webhooks, and the secrets that their signatures are checked with.
CREATE TABLE shops (
    shop            TEXT PRIMARY KEY,
    secret          TEXT NOT NULL,
    secret_before   TEXT, -- good until before_until_us
    before_until_us BIGINT NOT NULL,
    updated_us      BIGINT NOT NULL
);

CREATE TABLE shop_deliveries (
    shop       TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    seen_us    BIGINT NOT NULL,
    PRIMARY KEY (shop, webhook_id)
);
CREATE INDEX shop_deliveries_by_age ON shop_deliveries (seen_us);

-- Refunds whose order has not been heard of yet.
CREATE TABLE shop_refunds (
    refund_id   TEXT PRIMARY KEY,
    shop        TEXT NOT NULL,
    order_id    TEXT NOT NULL,
    amount      BIGINT NOT NULL,
    currency    TEXT NOT NULL,
    refunded_us BIGINT NOT NULL
);
CREATE INDEX shop_refunds_by_order ON shop_refunds (order_id);
