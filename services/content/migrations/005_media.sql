-- Files that were uploaded, by their content: media_id is med_ and the SHA-256 of the bytes.
CREATE TABLE media (
    media_id    TEXT PRIMARY KEY,
    media_type  TEXT NOT NULL,
    bytes       BIGINT NOT NULL,
    width       BIGINT NOT NULL, -- 0: it has none
    height      BIGINT NOT NULL,
    name        TEXT,
    uploaded_us BIGINT NOT NULL,
    deleted_us  BIGINT NOT NULL -- 0: it is there; else its file is still to be removed
);
CREATE INDEX media_uploaded ON media (uploaded_us, media_id);
