/* Counters of one broker, changed on its loop only; whoever publishes them may read them from
 * any thread (each is one aligned word, and a reader that is one event late does no harm). */
#pragma once

#include <stdint.h>

/*      name                 help */
#define BROKER_COUNTERS(X)                                                                         \
    X(records_in, "Records acknowledged")                                                          \
    X(bytes_in, "Bytes of record batches acknowledged")                                            \
    X(batches_in, "Record batches acknowledged")                                                   \
    X(bytes_out, "Bytes of record batches sent to consumers")                                      \
    X(cold_fetches, "Fetches of what had to be read from the disk first")                          \
    X(repeats, "Batches that an idempotent producer sent again, answered from what is stored")     \
    X(requests, "Requests read")                                                                   \
    X(requests_refused, "Requests that could not be read or answered")                             \
    X(connections_opened, "Connections accepted")                                                  \
    X(connections_refused, "Connections refused because of the limit")                             \
    X(tls_failures, "Connections that ended by an error of TLS")                                   \
    X(syncs, "Group commits: one write and one sync of a file each")                               \
    X(sync_failures, "Group commits that failed")                                                  \
    X(rebalances, "Generations of consumer groups")                                                \
    X(compactions, "Runs of compaction that came to their end")                                    \
    X(compactions_failed, "Runs of compaction that failed")                                        \
    X(compaction_read_bytes, "Bytes of record batches read by compaction")                         \
    X(compaction_written_bytes, "Bytes of record batches written by compaction")                   \
    X(compacted_records, "Records that compaction has removed")                                    \
    X(compaction_unreadable, "Batches kept as they are, since their records cannot be read")       \
    X(segments_expired, "Segments let go because of their age or the size of their partition")     \
    X(groups_expired, "Consumer groups forgotten after they had no members and no commits")

/*      name                 help */
#define BROKER_GAUGES(X)                                                                           \
    X(connections, "Connections open")                                                             \
    X(topics, "Topics")                                                                            \
    X(partitions, "Partitions")                                                                    \
    X(partitions_failed, "Partitions refused until a restart after a failed sync")                 \
    X(groups, "Consumer groups known")                                                             \
    X(held_bytes, "Bytes of requests in memory")

/* Upper bounds of the buckets that group commits are counted in, milliseconds. */
#define SYNC_BUCKETS(X)                                                                            \
    X(0.25) X(0.5) X(1) X(2.5) X(5) X(10) X(25) X(50) X(100) X(250) X(500) X(1000)
#define N_SYNC_BUCKETS 13 /* and one for what took longer */

struct broker_stats {
    uint64_t sync_buckets[N_SYNC_BUCKETS], sync_us;
#define X(name, help) uint64_t name;
    BROKER_COUNTERS(X)
    BROKER_GAUGES(X)
#undef X
};
