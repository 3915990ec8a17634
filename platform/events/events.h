/* Events: CloudEvents on a Kafka-protocol log (semantics.md: Events, Publishing, Consuming). Stands on librdkafka. */
#pragma once

#include "platform/contract/contract.h"
#include "platform/sql/sql.h"
#include "platform/telemetry/trace.h"

/* ---- publishing ---- */

/* Writes the event into the outbox of ctx->sql's transaction; the relay sends it once that is on disk. Id: UUIDv7, or,
 * inside a reaction, made from the cause's id, the type and an index. Subject and key come from the data by the schema.
 * False: the operation must fail (CONFLICT, UNAVAILABLE, TOO_LARGE over 256 KB). Called by the generated publish_*. */
bool event_publish(struct ctx *ctx, const struct event_type *type, const void *data);

/* The same for a time in the past (imports): the event's `time`. */
bool event_publish_at(struct ctx *ctx, const struct event_type *type, const void *data,
                      int64_t time_us);

/* A record without a value under this key: compaction then forgets what the topic held of it (erasure). Only for topics
 * that are kept compacted. Called by the generated publish_*_tombstone. Reactions do not see tombstones: what a reader
 * must do is told by an event of its own type. */
bool event_publish_tombstone(struct ctx *ctx, const struct event_type *type, struct str key);

/* The same in two steps, for what is queued before it is stored: the event is made (encoded, checked, with id, trace and
 * PRODUCER span) now, and written into ctx->sql's transaction later. All text is in ctx's arena or of the type. */
struct event_record {
    struct str id, type, topic, subject, key, traceparent;
    int64_t time_us;
    struct str data; /* ptr NULL: a tombstone */
};
bool event_make(struct ctx *ctx, const struct event_type *type, const void *data, int64_t time_us,
                struct event_record *out); /* time_us 0: now */
bool event_put(struct ctx *ctx, const struct event_record *record);

struct events; /* one per service process: producer, relay, consumers, admin of topics */

/* May an operation that publishes be accepted? False with UNAVAILABLE when the outbox is over its limit of bytes or age.
 * Cheap: reads what the relay last measured. For the router's `accepts`. */
bool events_accepting(struct ctx *ctx, const struct events *events);

/* An event to be sent straight to the log (clickstream). */
struct event_out {
    const struct event_type *type;
    const void *data;
    struct str id;   /* ptr NULL: a new UUIDv7 */
    int64_t time_us; /* 0: now */
};

/* Sends them and waits until all are synced there, within ctx's deadline (5 s without one). UNAVAILABLE: not all of them
 * were acknowledged (some may be in the log all the same: send again with the same ids); at once when the broker is known
 * to be away. From any thread; blocks it. */
bool event_send(struct ctx *ctx, struct events *events, const struct event_out *out, size_t n);

/* ---- consuming ---- */

/* One event as read. Text lives as long as its batch. */
struct event {
    struct str id, type, source, subject, key, topic;
    int64_t time_us;
    int partition;
    int64_t offset;
    struct trace_context trace; /* of the producer; linked, not continued */
    struct str data;            /* JSON */
    struct str reader;          /* the consumer that handles it */
    bool again; /* it is handled although its id was noted: when it was set aside (redriving) */
    uint32_t emitted;           /* events published so far by the reaction (index of the next) */
    struct event_effects
        *effects; /* the consumer's own: where what is published waits for a store without SQL */
};

struct reaction {
    const struct event_type *event;
    enum outcome (*handle)(struct ctx *ctx, const void *data);
    const char *const *reads; /* members that it reads, NULL at the end */
};

/* ON(COMMERCE_ORDER_PLACED_V1, on_order_placed, READS("customer_id", "total")): the handler's type is checked. */
#define ON(event_name, function, fields)                                                           \
    {                                                                                              \
        .event = &event_name##_TYPE,                                                               \
        .handle = (enum outcome(*)(struct ctx *, const void *))(__typeof__(__builtin_choose_expr(  \
            __builtin_types_compatible_p(                                                          \
                __typeof__(&function), enum outcome (*)(struct ctx *, const event_name##_DATA *)), \
            (enum outcome(*)(struct ctx *, const void *))0, (void)0)))function,                    \
        .reads = fields,                                                                           \
    }
#define READS(...) (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }

enum consumer_sharing {
    CONSUMER_SHARED, /* one consumer group of all instances; state in a store that all share */
    CONSUMER_LOCAL,  /* every instance reads every partition into its own projection */
};

/* A store that keeps state and positions together. SQL is built in (NULL); LMDB and DuckDB stores give their own. All
 * are called from the consumer's thread. */
struct event_store {
    bool (*begin)(struct ctx *ctx, void *store);
    /* Next offset to read of a partition; *next stays -1 when there is none. `log` is "<cluster>/<topic generation>";
     * a row of another log is an error (CONFLICT) whose sentence names both. */
    bool (*position)(struct ctx *ctx, void *store, struct str log, struct str topic, int partition,
                     int64_t *next);
    /* Moves it from `was` to `next`; false with CONFLICT when it was not at `was`. */
    bool (*move)(struct ctx *ctx, void *store, struct str log, struct str topic, int partition,
                 int64_t was, int64_t next);
    bool (*commit)(struct ctx *ctx, void *store);
    void (*undo)(struct ctx *ctx, void *store); /* the whole transaction */
    /* Has this id been handled within 7 days? Notes it when not. NULL: duplicates are the reactions' own matter. */
    bool (*seen)(struct ctx *ctx, void *store, struct str id, bool *already);
    /* Waits until all that was committed is on the disk. NULL: it is when a commit comes back. */
    bool (*sync)(struct ctx *ctx, void *store);
    bool
        shared; /* several processes have it: a SHARED consumer's partitions are shared out by a group. Otherwise it has
                  * only one reader, who needs no group and reads on at once after a crash. */
};

struct consumer_settings {
    const char *name;  /* group: "<service>" or "<service>.<projection>" */
    enum consumer_sharing sharing;
    const struct reaction *reactions;
    size_t n_reactions;
    bool independent; /* of earlier events of the key: nothing is parked behind a dead letter */
    bool rare; /* what it reads comes seldom: it asks the log less often, and is told as soon */
    bool
        ids_on_demand; /* SQL: an event's id is noted only when a reaction asks (event_first). For a stream of which few
                         * events do something; what is done without asking must come to the same when done again. */
    const struct event_store *store; /* NULL: SQL, in ctx->sql */
    void *store_data;                /* ctx->model of the reactions too */
    struct projection *projection;   /* whose model store_data is, or NULL; see projection.h */
    void *app, *runtime;             /* for the ctx of reactions */
    size_t batch_records; /* taken in one transaction at most; 0: 500 */
};

/* In a reaction of a consumer with ids_on_demand: is this the first time that the event is handled? Notes its id. */
bool event_first(struct ctx *ctx, bool *first);

struct events_settings {
    const char *url;     /* "kafka://127.0.0.1:9092[,host:port...]" */
    const char *service; /* source "/fanfare/<service>", group and client id */
    struct sql_db *db;   /* for the outbox and SQL positions; may be NULL */
    const struct contract *contract; /* its topics are created when missing */
    const struct event_type *const
        *tells; /* of other contracts: these topics too. Outlives the events. */
    size_t n_tells;
    int64_t outbox_max_bytes,
        outbox_max_age_s; /* beyond: publishing answers UNAVAILABLE before accepting */
};

struct events *events_open(struct ctx *ctx,
                           const struct events_settings *settings); /* never waits for the broker */
bool events_consume(struct ctx *ctx, struct events *events,
                    const struct consumer_settings *settings);
/* Starts relay and consumers. `fatal` is called once, with a sentence, for what must stop the service (another log than
 * the positions are of, an offset outside the log). */
bool events_start(struct events *events, void (*fatal)(void *argument, const char *sentence),
                  void *argument);
void events_stop(struct events *events); /* finish batches, flush within 5 s, commit, close */
void events_free(struct events *events);

/* Events of the topic that are on the log and that a consumer of this service has not taken yet, as of the last second;
 * -1: it has not found the topic there. */
int64_t events_behind(struct events *events, struct str topic);

/* How far a consumer has heard, for timers that an event may stop: what was told before a timer was due must be handled
 * before it is over, also when the service was down meanwhile. One thread at a time. */
struct heard;

/* `consumer` is its name, which lives as long; it may be made later. It keeps a client of its own once it was asked. */
struct heard *heard_new(struct events *events, const char *consumer);
void heard_free(struct heard *heard); /* NULL-safe */

/* The newest moment known (clock_now_us) such that the consumer, in all instances, has handled all that the log had then;
 * 0: none is known. The log is asked where it ends, and the moment counts once the positions have come there. A log that
 * was away has been back for `settle_us` before it counts again: others have then told what they could not tell. Never
 * waits long (1 s). Without a log (platform/service/testing.h): now. */
int64_t heard_until(struct ctx *ctx, struct heard *heard, int64_t settle_us);

/* Waits until the outbox is empty and consumers have reached the log's end as it is now; for tests and the demo. */
bool events_settled(struct events *events, int64_t timeout_us);
