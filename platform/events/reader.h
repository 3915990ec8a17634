/* Reading the event log for its own sake (commands, redriving): without a group and without a position that anybody
 * keeps, while services run. */
#pragma once

#include "platform/events/events.h"

struct record_header {
    struct str name, value;
};

/* One record as read from the log. Text points into what holds it and lives as long. */
struct record {
    struct str topic;
    int partition;
    int64_t offset, time_us;
    struct str key, value; /* ptr NULL: none */
    struct record_header *headers;
    size_t n_headers;
};

/* Reads the envelope, binary or structured. True with type.ptr NULL: a tombstone. False: it is no CloudEvent (INVALID or
 * MALFORMED says why); what could be read of id, type and key is set all the same. Text is copied into the arena. */
bool event_decode(struct ctx *ctx, const struct record *record, struct event *out);

struct log_reader;

/* NULL with a sentence for a URL that is none; does not wait for the log. One thread at a time. */
struct log_reader *log_reader_open(struct ctx *ctx, const char *url);
void log_reader_free(struct log_reader *reader); /* NULL-safe */

/* Topics, in the order of their names; UNAVAILABLE when the log is away. */
struct log_topic {
    struct str name;
    int partitions;
};
bool log_reader_topics(struct ctx *ctx, struct log_reader *reader, struct log_topic **topics,
                       size_t *n);

/* The first offset that a partition holds. */
bool log_reader_begins(struct ctx *ctx, struct log_reader *reader, struct str topic, int partition,
                       int64_t *low);

/* What is to be read. Times are those at which the log took the records. */
struct log_query {
    const struct str *topics; /* NULL: all */
    size_t n_topics;
    int partition;    /* -1: all */
    int64_t from_us;  /* 0: from the beginning; INT64_MAX: only what comes from now on */
    int64_t until_us; /* 0: no end */
    bool follow;      /* go on beyond what there is now; else that is the end */
};

/* Gives each record to `each`, in the order of its partition, until that gives false. `ctx`'s own arena is not used for
 * records: `each` has one that is cleared from time to time. NOT_FOUND: there is no such topic. */
typedef bool log_each(struct ctx *ctx, const struct record *record, void *argument);
bool log_read(struct ctx *ctx, struct log_reader *reader, const struct log_query *query,
              log_each *each, void *argument);

/* The records at these offsets, which are in ascending order, copied into ctx's arena; value.ptr and key.ptr NULL and
 * offset -1 for those that the log does not hold (any more). UNAVAILABLE: the log did not answer. */
bool log_read_at(struct ctx *ctx, struct log_reader *reader, struct str topic, int partition,
                 const int64_t *offsets, size_t n, struct record *out);
