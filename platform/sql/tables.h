/* The platform's own tables, in every service's database beside the service's. Their columns (the types of sql.h):
 *
 * platform_outbox       events that wait for the relay; kept until the log has acknowledged them.
 *   seq BIGINT          grows; the relay reads ORDER BY seq and deletes exactly the rows that were acknowledged
 *   id TEXT             the event's id; unique (an id that is there already: ON CONFLICT (id) DO NOTHING)
 *   topic, partition_key, type, subject, traceparent, content_type TEXT; time_us BIGINT
 *   headers TEXT        further headers as a JSON object, or NULL
 *   data BLOB           NULL: a tombstone
 *   created_us, bytes BIGINT
 *
 *   Order. Rows of one (topic, partition_key) become visible in the order of seq, on both engines: SQLite has one
 *   writer; on PostgreSQL a trigger takes a transaction lock on (topic, partition_key) before it draws seq, so a second
 *   transaction draws its number only after the first one's commit. A reader that sees a row sees all earlier rows of
 *   its key. Rows of *other* keys may still appear below a seq that was read: never keep "the last seq read" as a
 *   starting point; read from the beginning and skip what is in flight. Leave seq out when inserting.
 *
 * platform_positions    (consumer, topic, topic_partition) -> log TEXT, next_offset BIGINT, moved_us BIGINT
 * platform_seen         (consumer, id) -> seen_us; index on seen_us for forgetting
 * platform_parked       (consumer, topic, topic_partition, log_offset) -> log, partition_key, event_id, type,
 *                       state ('dead': the dead letter itself, 'behind': parked behind one), code, detail, parked_us;
 *                       index on (consumer, partition_key)
 * platform_idempotency  (principal, operation, key) -> request_hash BLOB, status BIGINT, content_type, headers TEXT,
 *                       body BLOB, created_us; index on created_us
 * platform_lease        (name) -> holder, until_us
 * platform_migrations   (scope, number) -> name, applied_us
 */
#pragma once

#include "platform/sql/sql.h"

/* platform_migrations is made by the migration itself; these make the others. */
extern const struct sql_migration platform_migrations[];
extern const size_t n_platform_migrations;
