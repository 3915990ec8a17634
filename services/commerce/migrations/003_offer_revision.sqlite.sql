-- Counts the changes of what quotes are made of, whichever program makes them: what is kept in memory is good for one
-- number. Of stock, only whether there is any.
CREATE TABLE offer_revision (revision BIGINT NOT NULL);
INSERT INTO offer_revision (revision) VALUES (0);
CREATE TRIGGER product_inserted AFTER INSERT ON products BEGIN UPDATE offer_revision SET revision = revision + 1; END;
CREATE TRIGGER product_updated AFTER UPDATE ON products BEGIN UPDATE offer_revision SET revision = revision + 1; END;
CREATE TRIGGER product_deleted AFTER DELETE ON products BEGIN UPDATE offer_revision SET revision = revision + 1; END;
CREATE TRIGGER stock_inserted AFTER INSERT ON stock BEGIN UPDATE offer_revision SET revision = revision + 1; END;
CREATE TRIGGER stock_updated AFTER UPDATE ON stock
    WHEN (old.available > 0 OR old.backorder) <> (new.available > 0 OR new.backorder)
    BEGIN UPDATE offer_revision SET revision = revision + 1; END;
CREATE TRIGGER stock_deleted AFTER DELETE ON stock BEGIN UPDATE offer_revision SET revision = revision + 1; END;
