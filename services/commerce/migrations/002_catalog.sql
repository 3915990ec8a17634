-- The product as it was put, whole. The columns beside it win: a version of the program that knows only them may have
-- written last.
ALTER TABLE products ADD COLUMN document TEXT;
ALTER TABLE products ADD COLUMN status TEXT; -- why it is not active: draft, archived

CREATE TABLE product_tags (
    tag        TEXT NOT NULL,
    product_id TEXT NOT NULL,
    PRIMARY KEY (tag, product_id)
);
CREATE INDEX product_tags_by_product ON product_tags (product_id);

CREATE TABLE product_skus (
    sku        TEXT PRIMARY KEY,
    product_id TEXT NOT NULL
);
CREATE INDEX product_skus_by_product ON product_skus (product_id);

CREATE TABLE stock (
    product_id TEXT NOT NULL,
    sku        TEXT NOT NULL, -- '': the product itself
    available  BIGINT NOT NULL,
    backorder  BOOLEAN NOT NULL,
    PRIMARY KEY (product_id, sku)
);
