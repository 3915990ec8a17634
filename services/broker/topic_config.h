/* The settings that a topic may have, in one table: names and texts of the Kafka protocol,
 * values kept as numbers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "services/broker/wire.h"

/* key                  name                     kind   default            least  most */
#define TOPIC_SETTINGS(X)                                                                          \
    X(CLEANUP_POLICY, "cleanup.policy", POLICY, CLEANUP_DELETE, 0, 3)                              \
    X(RETENTION_MS, "retention.ms", LONG, -1, -1, INT64_MAX)                                       \
    X(RETENTION_BYTES, "retention.bytes", LONG, -1, -1, INT64_MAX)                                 \
    X(MIN_COMPACTION_LAG_MS, "min.compaction.lag.ms", LONG, 0, 0, INT64_MAX)                       \
    X(MAX_COMPACTION_LAG_MS, "max.compaction.lag.ms", LONG, 86400000, 1, INT64_MAX)                \
    X(DELETE_RETENTION_MS, "delete.retention.ms", LONG, 86400000, 0, INT64_MAX)                    \
    X(SEGMENT_BYTES, "segment.bytes", INT, 256 << 20, 1 << 14, 1 << 30)                            \
    X(SEGMENT_MS, "segment.ms", LONG, 604800000, 1, INT64_MAX)                                     \
    X(MAX_MESSAGE_BYTES, "max.message.bytes", INT, 1048588, 0, 128 << 20)

enum { CLEANUP_DELETE = 1, CLEANUP_COMPACT = 2 }; /* bits: both may be set */

enum topic_setting {
#define X(key, name, kind, initial, least, most) TOPIC_##key,
    TOPIC_SETTINGS(X)
#undef X
        N_TOPIC_SETTINGS
};

/* The kinds of DescribeConfigs v3, kept for the text of values. */
enum topic_setting_kind { KIND_INT = 3, KIND_LONG = 5, KIND_POLICY = 7 };

struct topic_config {
    int64_t values[N_TOPIC_SETTINGS];
    bool set[N_TOPIC_SETTINGS]; /* not the default */
};

/* All defaults. */
void topic_config_init(struct topic_config *config, int64_t segment_bytes);

/* False: no such setting, or not a value for it; *why is a sentence in the arena. */
bool topic_config_set(struct topic_config *config, struct arena *arena, struct str name,
                      struct str value, struct str *why);

const char *topic_setting_name(enum topic_setting setting);
struct str topic_config_text(const struct topic_config *config, struct arena *arena,
                             enum topic_setting setting);
