-- Counts the changes of what GET /v1/campaigns/{id}/status shows, whichever program makes them: answers kept in memory are good
-- for one number.
CREATE TABLE status_revision (revision BIGINT NOT NULL);
INSERT INTO status_revision (revision) VALUES (0);
CREATE FUNCTION status_changed() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE status_revision SET revision = revision + 1; RETURN NULL; END $$;
CREATE TRIGGER campaigns_changed AFTER INSERT OR UPDATE OR DELETE ON campaigns
    FOR EACH STATEMENT EXECUTE FUNCTION status_changed();
CREATE TRIGGER launches_changed AFTER INSERT OR UPDATE OR DELETE ON launches
    FOR EACH STATEMENT EXECUTE FUNCTION status_changed();
CREATE TRIGGER launch_steps_changed AFTER INSERT OR UPDATE OR DELETE ON launch_steps
    FOR EACH STATEMENT EXECUTE FUNCTION status_changed();
CREATE TRIGGER launch_figures_changed AFTER INSERT OR UPDATE OR DELETE ON launch_figures
    FOR EACH STATEMENT EXECUTE FUNCTION status_changed();
