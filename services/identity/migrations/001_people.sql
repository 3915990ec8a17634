-- Scopes are kept as tokens have them: sorted, separated by spaces.
CREATE TABLE roles (
    role        TEXT PRIMARY KEY,
    description TEXT,
    scopes      TEXT NOT NULL,
    version     BIGINT NOT NULL,
    updated_us  BIGINT NOT NULL
);
INSERT INTO roles (role, description, scopes, version, updated_us) VALUES ('admin', 'May do everything.', '*', 1, 0);

CREATE TABLE people (
    person_id    TEXT PRIMARY KEY,
    email        TEXT NOT NULL UNIQUE, -- in small letters
    name         TEXT NOT NULL,
    active       BOOLEAN NOT NULL,
    password     TEXT, -- "$scrypt$ln=15,r=8,p=3$salt$hash"
    version      BIGINT NOT NULL,
    created_us   BIGINT NOT NULL,
    updated_us   BIGINT NOT NULL,
    signed_in_us BIGINT
);

CREATE TABLE person_roles (
    person_id TEXT NOT NULL,
    role      TEXT NOT NULL,
    PRIMARY KEY (person_id, role)
);
CREATE INDEX person_roles_by_role ON person_roles (role);

-- One row is one family of refresh tokens; only the newest is good, and any other ends it.
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    person_id  TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    started_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX sessions_by_end ON sessions (expires_us);

-- By the hash of the address that was tried, whether somebody has it or not.
CREATE TABLE attempts (
    subject TEXT PRIMARY KEY,
    failed  BIGINT NOT NULL,
    last_us BIGINT NOT NULL
);
CREATE INDEX attempts_by_time ON attempts (last_us);

CREATE TABLE keys (
    key_id     TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL UNIQUE, -- SHA-256 in hex; the key itself is kept nowhere
    scopes     TEXT NOT NULL,
    version    BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_us BIGINT,
    revoked_us BIGINT
);
CREATE INDEX keys_by_time ON keys (created_us DESC, key_id DESC);
