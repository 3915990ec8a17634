-- Content types: `kind` of an entry is one of the built-in kinds or one of these.
CREATE TABLE types (
    type        TEXT PRIMARY KEY,
    version     BIGINT NOT NULL,
    description TEXT,
    schema_json TEXT NOT NULL,
    updated_us  BIGINT NOT NULL
);

-- Where a locale looks when neither it nor a shorter form of it has something: a JSON list, in order.
CREATE TABLE locales (
    locale     TEXT PRIMARY KEY,
    fallbacks  TEXT NOT NULL,
    updated_us BIGINT NOT NULL
);
