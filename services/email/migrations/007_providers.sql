-- How the webhooks of providers are known to be theirs. No secret: of a token only its keyed hash.
CREATE TABLE providers (
    provider   TEXT PRIMARY KEY, -- ses, sendgrid, postmark
    key        TEXT,             -- a public key or certificate; of postmark the hash of its token
    topic      TEXT,             -- of ses
    most_age_s BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
