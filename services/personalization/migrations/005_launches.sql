-- Experiences that a campaign's launch shows. `ours`: nothing else has made it active, so that it ends with its launches.
CREATE TABLE launch_experiences (
    launch_id     TEXT NOT NULL,
    experience_id TEXT NOT NULL,
    ours          BOOLEAN NOT NULL,
    PRIMARY KEY (launch_id, experience_id)
);
CREATE INDEX launch_experiences_experience ON launch_experiences (experience_id);
