-- What came of each launch, as events tell it.
CREATE TABLE launch_figures (
    launch_id TEXT NOT NULL,
    variant   TEXT NOT NULL, -- '': none
    figure    TEXT NOT NULL,
    count     BIGINT NOT NULL,
    PRIMARY KEY (launch_id, variant, figure)
);

-- Mails in which a link was followed: several links of one count once.
CREATE TABLE clicked_mails (
    message_id TEXT PRIMARY KEY,
    launch_id  TEXT NOT NULL
);
