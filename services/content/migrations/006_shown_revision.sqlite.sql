-- Counts the changes of what is shown, and of which locale stands in for which, whichever program makes them: answers kept
-- in memory are good for one number.
CREATE TABLE shown_revision (revision BIGINT NOT NULL);
INSERT INTO shown_revision (revision) VALUES (0);
CREATE TRIGGER shown_inserted AFTER INSERT ON shown BEGIN UPDATE shown_revision SET revision = revision + 1; END;
CREATE TRIGGER shown_updated AFTER UPDATE ON shown BEGIN UPDATE shown_revision SET revision = revision + 1; END;
CREATE TRIGGER shown_deleted AFTER DELETE ON shown BEGIN UPDATE shown_revision SET revision = revision + 1; END;
CREATE TRIGGER locales_inserted AFTER INSERT ON locales BEGIN UPDATE shown_revision SET revision = revision + 1; END;
CREATE TRIGGER locales_updated AFTER UPDATE ON locales BEGIN UPDATE shown_revision SET revision = revision + 1; END;
CREATE TRIGGER locales_deleted AFTER DELETE ON locales BEGIN UPDATE shown_revision SET revision = revision + 1; END;
