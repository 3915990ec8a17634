-- Domains of senders and their DKIM keys; the private keys are files of the keys folder.
CREATE TABLE domains (
    domain     TEXT PRIMARY KEY,
    version    BIGINT NOT NULL, -- grows with each change of its keys
    keep_days  BIGINT NOT NULL, -- how long a key stays published that does not sign any more
    created_us BIGINT NOT NULL
);
CREATE TABLE domain_keys (
    domain       TEXT NOT NULL,
    selector     TEXT NOT NULL,
    algorithm    TEXT NOT NULL, -- rsa, ed25519
    state        TEXT NOT NULL, -- next, active, retired
    dns_name     TEXT NOT NULL,
    dns_text     TEXT NOT NULL,
    created_us   BIGINT NOT NULL,
    activates_us BIGINT, -- NULL: when it is told to
    active_us    BIGINT,
    retired_us   BIGINT,
    PRIMARY KEY (domain, selector)
);
CREATE INDEX domain_keys_by_state ON domain_keys (state, domain);
