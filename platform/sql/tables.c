#include "platform/sql/tables.h"

/* What is the same on both engines. */
#define COMMON_TABLES                                                                              \
    "CREATE TABLE platform_positions (\n"                                                          \
    "    consumer        TEXT NOT NULL,\n"                                                         \
    "    topic           TEXT NOT NULL,\n"                                                         \
    "    topic_partition BIGINT NOT NULL,\n"                                                       \
    "    log             TEXT NOT NULL,\n"                                                         \
    "    next_offset     BIGINT NOT NULL,\n"                                                       \
    "    moved_us        BIGINT NOT NULL,\n"                                                       \
    "    PRIMARY KEY (consumer, topic, topic_partition)\n"                                         \
    ");\n"                                                                                         \
    "CREATE TABLE platform_parked (\n"                                                             \
    "    consumer        TEXT NOT NULL,\n"                                                         \
    "    topic           TEXT NOT NULL,\n"                                                         \
    "    topic_partition BIGINT NOT NULL,\n"                                                       \
    "    log_offset      BIGINT NOT NULL,\n"                                                       \
    "    log             TEXT NOT NULL,\n"                                                         \
    "    partition_key   TEXT NOT NULL,\n"                                                         \
    "    event_id        TEXT NOT NULL,\n"                                                         \
    "    type            TEXT NOT NULL,\n"                                                         \
    "    state           TEXT NOT NULL,\n"                                                         \
    "    code            TEXT NOT NULL,\n"                                                         \
    "    detail          TEXT NOT NULL,\n"                                                         \
    "    parked_us       BIGINT NOT NULL,\n"                                                       \
    "    PRIMARY KEY (consumer, topic, topic_partition, log_offset)\n"                             \
    ");\n"                                                                                         \
    "CREATE INDEX platform_parked_by_key ON platform_parked (consumer, partition_key);\n"          \
    "CREATE TABLE platform_idempotency (\n"                                                        \
    "    principal    TEXT NOT NULL,\n"                                                            \
    "    operation    TEXT NOT NULL,\n"                                                            \
    "    key          TEXT NOT NULL,\n"                                                            \
    "    request_hash BLOB NOT NULL,\n"                                                            \
    "    status       BIGINT NOT NULL,\n"                                                          \
    "    content_type TEXT,\n"                                                                     \
    "    headers      TEXT,\n"                                                                     \
    "    body         BLOB,\n"                                                                     \
    "    created_us   BIGINT NOT NULL,\n"                                                          \
    "    PRIMARY KEY (principal, operation, key)\n"                                                \
    ");\n"                                                                                         \
    "CREATE INDEX platform_idempotency_by_age ON platform_idempotency (created_us);\n"             \
    "CREATE TABLE platform_lease (\n"                                                              \
    "    name     TEXT PRIMARY KEY,\n"                                                             \
    "    holder   TEXT NOT NULL,\n"                                                                \
    "    until_us BIGINT NOT NULL\n"                                                               \
    ");\n"

#define OUTBOX_COLUMNS                                                                             \
    "    id            TEXT NOT NULL UNIQUE,\n"                                                    \
    "    topic         TEXT NOT NULL,\n"                                                           \
    "    partition_key TEXT NOT NULL,\n"                                                           \
    "    type          TEXT NOT NULL,\n"                                                           \
    "    subject       TEXT,\n"                                                                    \
    "    time_us       BIGINT NOT NULL,\n"                                                         \
    "    traceparent   TEXT,\n"                                                                    \
    "    content_type  TEXT,\n"                                                                    \
    "    headers       TEXT,\n"                                                                    \
    "    data          BLOB,\n"                                                                    \
    "    created_us    BIGINT NOT NULL,\n"                                                         \
    "    bytes         BIGINT NOT NULL\n"                                                          \
    ");\n"

#define SEEN_COLUMNS                                                                               \
    "    consumer TEXT NOT NULL,\n"                                                                \
    "    id       TEXT NOT NULL,\n"                                                                \
    "    seen_us  BIGINT NOT NULL,\n"                                                              \
    "    PRIMARY KEY (consumer, id)\n"

#define SEEN_INDEX "CREATE INDEX platform_seen_by_age ON platform_seen (seen_us);\n"

/* AUTOINCREMENT: a number is never given again after its row was sent and deleted. */
static const char tables_sqlite[] = "CREATE TABLE platform_outbox (\n"
                                    "    seq INTEGER PRIMARY KEY AUTOINCREMENT,\n" OUTBOX_COLUMNS
                                    "CREATE TABLE platform_seen (\n" SEEN_COLUMNS
                                    ") WITHOUT ROWID;\n" SEEN_INDEX COMMON_TABLES;

/* Numbers of a sequence are not drawn in the order of the commits. The trigger makes them so within a key: it waits for
 * the key's lock, which ends with the transaction, and only then draws. (A default would be drawn before the trigger
 * runs, so the column has none.) The two-number form of the lock is apart from the one that migrations use. */
static const char tables_postgresql[] =
    "CREATE DOMAIN blob AS bytea;\n"
    "CREATE SEQUENCE platform_outbox_seq;\n"
    "CREATE TABLE platform_outbox (\n"
    "    seq BIGINT PRIMARY KEY,\n" OUTBOX_COLUMNS
    "CREATE FUNCTION platform_outbox_number() RETURNS trigger LANGUAGE plpgsql AS $$\n"
    "BEGIN\n"
    "    PERFORM pg_advisory_xact_lock(hashtext(NEW.topic), hashtext(NEW.partition_key));\n"
    "    NEW.seq := nextval('platform_outbox_seq');\n"
    "    RETURN NEW;\n"
    "END $$;\n"
    "CREATE TRIGGER platform_outbox_number BEFORE INSERT ON platform_outbox\n"
    "    FOR EACH ROW EXECUTE FUNCTION platform_outbox_number();\n"
    "CREATE TABLE platform_seen (\n" SEEN_COLUMNS ");\n" SEEN_INDEX COMMON_TABLES;

const struct sql_migration platform_migrations[] = {
    { 1, "001_platform", tables_sqlite, tables_postgresql },
};
const size_t n_platform_migrations = COUNT(platform_migrations);
