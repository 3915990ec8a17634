-- Counts the changes of what GET /v1/campaigns/{id}/status shows, whichever program makes them: answers kept in memory are good
-- for one number.
CREATE TABLE status_revision (revision BIGINT NOT NULL);
INSERT INTO status_revision (revision) VALUES (0);
CREATE TRIGGER campaigns_inserted AFTER INSERT ON campaigns BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER campaigns_updated AFTER UPDATE ON campaigns BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER campaigns_deleted AFTER DELETE ON campaigns BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launches_inserted AFTER INSERT ON launches BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launches_updated AFTER UPDATE ON launches BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launches_deleted AFTER DELETE ON launches BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launch_steps_inserted AFTER INSERT ON launch_steps BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launch_steps_updated AFTER UPDATE ON launch_steps BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launch_steps_deleted AFTER DELETE ON launch_steps BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launch_figures_inserted AFTER INSERT ON launch_figures BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launch_figures_updated AFTER UPDATE ON launch_figures BEGIN UPDATE status_revision SET revision = revision + 1; END;
CREATE TRIGGER launch_figures_deleted AFTER DELETE ON launch_figures BEGIN UPDATE status_revision SET revision = revision + 1; END;
