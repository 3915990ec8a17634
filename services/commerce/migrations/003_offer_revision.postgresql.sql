-- Counts the changes of what quotes are made of, whichever program makes them: what is kept in memory is good for one
-- number. Of stock, only whether there is any.
CREATE TABLE offer_revision (revision BIGINT NOT NULL);
INSERT INTO offer_revision (revision) VALUES (0);
CREATE FUNCTION offers_changed() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE offer_revision SET revision = revision + 1; RETURN NULL; END $$;
CREATE TRIGGER products_changed AFTER INSERT OR UPDATE OR DELETE ON products
    FOR EACH STATEMENT EXECUTE FUNCTION offers_changed();
CREATE TRIGGER stock_changed AFTER INSERT OR DELETE ON stock
    FOR EACH STATEMENT EXECUTE FUNCTION offers_changed();
CREATE TRIGGER stock_updated AFTER UPDATE ON stock
    FOR EACH ROW WHEN ((old.available > 0 OR old.backorder) <> (new.available > 0 OR new.backorder))
    EXECUTE FUNCTION offers_changed();
