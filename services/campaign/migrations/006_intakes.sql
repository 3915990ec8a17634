-- Journeys into which those come who are in a segment: once it is activated, or at the times of its schedule.
CREATE TABLE journey_intakes (
    journey_id TEXT PRIMARY KEY,
    plan       TEXT NOT NULL,    -- the entry that this row was made for: of another one it is made anew
    due_us     BIGINT NOT NULL,  -- the largest number: there is none to come
    begun      BOOLEAN NOT NULL,
    person_id  TEXT NOT NULL,    -- the last one that was looked at; '': none
    version    BIGINT NOT NULL
);
CREATE INDEX journey_members_by_segment ON journey_members (segment_id, person_id);
