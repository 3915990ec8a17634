-- How far an order has come: placed, paid, fulfilled, completed. `state` says of it only `placed`, which is all that an
-- older version knows; what that wrote has no stage, and it counted every order as paid.
ALTER TABLE orders ADD COLUMN stage TEXT;

ALTER TABLE order_lines ADD COLUMN sku TEXT;
ALTER TABLE order_lines ADD COLUMN taken BIGINT NOT NULL DEFAULT 0; -- from what is counted, and not given back
ALTER TABLE order_lines ADD COLUMN refunded_quantity BIGINT NOT NULL DEFAULT 0;

CREATE TABLE refunds (
    refund_id   TEXT PRIMARY KEY,
    order_id    TEXT NOT NULL,
    amount      BIGINT NOT NULL,
    refunded_us BIGINT NOT NULL
);
CREATE INDEX refunds_by_order ON refunds (order_id);
