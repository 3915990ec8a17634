-- Who noted a word, when, and what else shows that it was said.
ALTER TABLE consent_log ADD COLUMN actor TEXT;
ALTER TABLE consent_log ADD COLUMN proof TEXT;
ALTER TABLE consent_log ADD COLUMN noted_us BIGINT;
CREATE INDEX consent_log_by_time ON consent_log (profile_id, at_us DESC, consent_id DESC);

-- Consent that is asked for by a mail (double opt-in): one row for each time that it is asked for anew.
CREATE TABLE confirmations (
    confirmation_id TEXT PRIMARY KEY,
    profile_id      TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    channel         TEXT NOT NULL,
    source          TEXT NOT NULL,
    wording         TEXT,
    address         TEXT NOT NULL, -- that it is asked of
    actor           TEXT,
    requested_us    BIGINT NOT NULL,
    expires_us      BIGINT NOT NULL,
    mails           BIGINT NOT NULL, -- asked for so far
    mail_us         BIGINT NOT NULL, -- the last of them
    due_us          BIGINT,          -- when the next is to be asked for; NULL: none is
    confirmed_us    BIGINT
);
CREATE INDEX confirmations_by_profile ON confirmations (profile_id, requested_us DESC, confirmation_id DESC);
CREATE INDEX confirmations_due ON confirmations (due_us) WHERE due_us IS NOT NULL;
CREATE INDEX confirmations_by_age ON confirmations (expires_us);
