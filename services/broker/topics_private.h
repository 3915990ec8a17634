/* What topics.c and topics_change.c share. */
#pragma once

#include "services/broker/topics.h"

struct topics {
    struct log_env *env;
    struct map by_name;
    char *folder, *staging, *trash;
    int64_t segment_bytes;
    size_t n_changes; /* under way */
};

/* In the map, with the default settings; no partitions yet. */
struct topic *topic_new(struct topics *topics, struct str name);
void topic_set_partitions(struct topics *topics, struct topic *topic, int32_t n);
void topic_free(struct topics *topics, struct topic *topic);

void partition_free(struct topics *topics, struct partition *partition); /* NULL-safe */

/* Opens the logs of these partitions; false leaves some of them NULL. */
bool topic_open_partitions(struct ctx *ctx, struct topics *topics, struct topic *topic,
                           int32_t from, int32_t to);
