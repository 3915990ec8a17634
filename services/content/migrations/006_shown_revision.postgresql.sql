-- Counts the changes of what is shown, and of which locale stands in for which, whichever program makes them: answers kept
-- in memory are good for one number.
CREATE TABLE shown_revision (revision BIGINT NOT NULL);
INSERT INTO shown_revision (revision) VALUES (0);
CREATE FUNCTION shown_changed() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE shown_revision SET revision = revision + 1; RETURN NULL; END $$;
CREATE TRIGGER shown_changed AFTER INSERT OR UPDATE OR DELETE ON shown
    FOR EACH STATEMENT EXECUTE FUNCTION shown_changed();
CREATE TRIGGER locales_changed AFTER INSERT OR UPDATE OR DELETE ON locales
    FOR EACH STATEMENT EXECUTE FUNCTION shown_changed();
