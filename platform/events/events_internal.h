/* Inside of platform/events: the process's one `struct events`, what a record of the log is before it is an event, and
 * the path that every event takes through its reactions. Nobody but this folder (and the test hooks) includes it. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/events/events.h"
#include "platform/events/reader.h"
#include "platform/telemetry/metrics.h"

#define EVENT_MAX_BYTES (256 * 1024) /* semantics.md: Events */
#define BATCH_RECORDS 500 /* what one transaction takes at most, unless its settings say */
#define BATCH_COLLECT_US (20 * US_PER_MS) /* how long a batch is filled at most */
#define SEEN_KEEP_US (7 * US_PER_DAY)     /* duplicates are known for that long */
#define SEND_LIMIT_US (5 * US_PER_S)      /* of event_send without a deadline */

/* ---- kafka.c: what all clients of librdkafka share ---- */

/* Is the broker there, as the clients of this process see it? Logged when it changes, once. */
struct broker_state {
    _Atomic int away;        /* 1: all brokers are down */
    _Atomic int64_t back_us; /* monotonic: when it was back last */
    char *servers;
    char *ca, *cert, *key; /* PEM files, NULL: none; for kafkas: only */
    bool tls;
};
void broker_is_away(struct broker_state *state, const char *why);
void broker_is_back(struct broker_state *state);

/* A configuration with what is common to all of our clients; `opaque` is given to callbacks. */
rd_kafka_conf_t *kafka_conf(struct events *events, void *opaque);
void kafka_set(rd_kafka_conf_t *conf, const char *key, const char *value);

/* Where the event log's URL says it is: "kafka://host:port[,host:port...]", or "kafkas://...[?ca=FILE&cert=FILE&key=FILE]"
 * for TLS. To be cleared by the caller. */
bool kafka_address(struct ctx *ctx, const char *url, struct broker_state *out);
void kafka_address_clear(struct broker_state *address);

/* Takes conf in any case. NULL with ERR_UNAVAILABLE. */
rd_kafka_t *kafka_new(struct ctx *ctx, rd_kafka_type_t kind, rd_kafka_conf_t *conf);

/* ---- codec.c: CloudEvents 1.0, Kafka binding ---- */

/* The record of a message; only the headers' table is in the arena. */
struct record record_of_message(struct arena *arena, const rd_kafka_message_t *message);

/* Headers of binary mode, to be given to librdkafka (which owns them once the message is accepted). */
rd_kafka_headers_t *event_headers(const struct event_record *record, struct str source);

/* ---- outbox.c ---- */

/* One row of the outbox. */
struct outbox_row {
    int64_t seq, created_us, bytes;
    struct event_record event;
};

struct outbox_size {
    int64_t events, bytes, oldest_us; /* oldest_us: when the first was made; 0 when there is none */
};

#define PAGE_BYTES (8 * 1024 * 1024)

/* Rows in the order of their numbers, as far as they are not under way. On SQLite those after the last one that was read;
 * on PostgreSQL, where a number may appear below one that was read, all but those that are named. */
struct outbox_page {
    size_t limit;
    int64_t after;
    const int64_t *skip;
    size_t n_skip;

    struct outbox_row *rows;
    size_t n;
    bool more; /* there may be more */
};
bool outbox_read(struct ctx *ctx, struct outbox_page *page); /* ctx->sql is a reader */
bool outbox_measure(struct ctx *ctx, struct outbox_size *out);

/* Forgets exactly these rows; inside a job. */
bool outbox_forget(struct ctx *ctx, const int64_t *seqs, size_t n);

/* How many events this process has put so far (into any outbox); tells the relay whether a commit concerns it. */
uint64_t outbox_puts(void);

/* ---- lease.c ---- */

#define LEASE_US (15 * US_PER_S)

struct lease {
    char holder[ID_UUID_BYTES];
    int64_t until_us, again_us; /* monotonic: ours until then; when to ask again */
    bool taken;
};
void lease_init(struct lease *lease);
bool lease_keep(struct ctx *ctx, struct sql_db *db,
                struct lease *lease); /* takes or renews it; is it ours? */
bool lease_holds(const struct lease *lease);
void lease_end(struct ctx *ctx, struct sql_db *db, struct lease *lease);

/* ---- relay.c ---- */

struct relay;

struct relay *relay_start(struct events *events);
void relays_wake(
    void *nothing); /* the commit hook: all relays of this process (there is one, but in tests) */
void relay_nudge(struct relay *relay); /* there may be something to do; NULL-safe */
void relay_stop(struct relay *relay);  /* flushes within 5 s; NULL-safe */

/* ---- send.c ---- */

struct sender;

struct sender *sender_new(struct events *events);
void sender_free(struct sender *sender);

/* Sends and waits until all are synced, within the ctx's deadline. */
bool sender_send(struct ctx *ctx, struct sender *sender, const struct event_record *records,
                 size_t n);

/* ---- topics.c ---- */

struct topics;

/* Creates what is missing, again and again until all of it is there, on a thread of its own. */
struct topics *topics_start(struct events *events);
void topics_stop(struct topics *topics); /* NULL-safe */

/* ---- position.c: the tables of a SQL store ---- */

bool position_read(struct ctx *ctx, struct str consumer, struct str log, struct str topic,
                   int partition, int64_t *next);
bool position_move(struct ctx *ctx, struct str consumer, struct str log, struct str topic,
                   int partition, int64_t was, int64_t next);
/* Keeps all other transactions that move this position waiting until the end of this one, and tells where it is; -1:
 * there is none. */
bool position_lock(struct ctx *ctx, struct str consumer, struct str topic, int partition,
                   int64_t *next);
bool seen_note(struct ctx *ctx, struct str consumer, struct str id, bool *already);
bool seen_forget(struct ctx *ctx, int64_t before_us, int64_t *forgotten); /* some of the old ones */

/* Why an event is not handled. `state` is "dead" or "behind". */
struct parked {
    const char *state;
    struct str consumer, log;
    const struct event *event;
    enum error_code code;
    struct str detail;
    struct trace_context trace; /* of its handling; all zero: none */
};
bool parked_any(struct ctx *ctx, struct str consumer, bool *any);
bool parked_key(struct ctx *ctx, struct str consumer, struct str topic, struct str key,
                bool *parked);
bool parked_at(struct ctx *ctx, struct str consumer, struct str topic, int partition,
               int64_t offset, bool *parked);
bool parked_put(struct ctx *ctx, const struct parked *parked);

/* ---- dead_letter.c ---- */

#define DEAD_LETTERS_TOPIC "fanfare.%s.dead-letters"
#define DEAD_LETTER_TYPE "fanfare.%s.event.rejected.v1"

/* The dead letter of an event: where it is in the log and why it was not taken; no copy of it. The same event gives the
 * same letter (its id too). */
void dead_letter_make(struct ctx *ctx, const char *service, const struct parked *why,
                      struct event_record *out);

/* ---- batch.c: the path of every event ---- */

/* What became of one record. */
enum fate {
    FATE_NONE,      /* not reached */
    FATE_DONE,      /* its reactions ran */
    FATE_SKIPPED,   /* nobody here reacts to it */
    FATE_DUPLICATE, /* its id was handled before */
    FATE_REJECTED,  /* a dead letter */
    FATE_PARKED,    /* behind a dead letter of its key */
    FATE_RETRY,     /* to be tried again */
    N_FATES
};

/* What one batch takes of one partition, and what came of it. */
struct slice {
    struct str log, topic;
    int partition;
    int64_t was; /* position before; -1: none yet */
    const struct record *records;
    size_t n;
    void *owner;

    enum fate *fates; /* of each record */
    size_t through;   /* records that are behind us once it is committed */
    int64_t next;     /* position after */
    bool
        lost; /* the position was not at `was`: another instance moved it; nothing of it was done */
    struct error error; /* of the record that is to be tried again, or of the rejected one */
    struct trace_context trace; /* of its handling */

    size_t limit;  /* stores that cannot go back to a savepoint: records to take in this attempt */
    bool rejected; /* and the one at `limit` is a dead letter */
};

struct consumer;

/* Takes the slices through their reactions in one transaction. True: committed (each slice says how far). False: nothing
 * was done; the error in ctx says why. */
bool batch_run(struct ctx *ctx, struct consumer *consumer, struct slice *slices, size_t n);

/* Where the events of a store without SQL wait until its transaction is about to commit. */
struct event_effects {
    struct event_record *records;
    size_t n, cap;
    struct parked *parked;
    size_t n_parked, cap_parked;
};
void effects_add(struct ctx *ctx, struct event_effects *effects, const struct event_record *record);

/* ---- consumer.c, consumer_read.c, assignment.c ---- */

/* One partition that this process reads. */
struct partition {
    char *topic, *log;
    int number;
    int64_t next;              /* position as stored; -1: none */
    int64_t end_seen;          /* the log's end when it was last reached; -1 */
    int64_t
        first_until; /* of what is erasable: to be read up to there before anything else; 0: no more */
    int64_t committed;         /* what the group was told last */
    rd_kafka_message_t **held; /* read and not behind us yet, in order */
    size_t n_held, cap_held;
    bool paused; /* until retry_us */
    bool unread; /* and the client does not read it meanwhile */
    int attempts;     /* of what is at its head */
    int64_t retry_us; /* monotonic: when to try again */
    struct metric *lag;
};

struct consumer {
    struct events *events;
    struct consumer_settings settings;
    struct str name;
    struct str list; /* under whose name things are set aside: its own, but for a rebuild */
    struct rebuild *rebuild; /* that it builds for, in silence, or NULL */
    bool grouped; /* partitions are shared out by the group */
    struct meter *meter;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue; /* to wake its poll */
    pthread_t thread;
    bool running;
    bool stuck; /* it could not take leave of its group in time */
    atomic_bool stop;
    atomic_bool look_again; /* its topics are there now: the client is to ask, not to find out */
    pthread_mutex_t lock; /* partitions and `assigned`, for events_settled */
    struct partition *partitions;
    size_t n_partitions;
    rd_kafka_topic_partition_list_t
        *wanted; /* to be assigned as soon as their positions are known */
    bool assigned;
    bool complete; /* without a group: all topics are there */
    int64_t resolve_us, look_us, look_pause_us,
        committed_us; /* monotonic: next attempt, next look for topics, last commit of offsets */
    bool trouble_logged, commit_under_way;
    pthread_mutex_t errand_lock;
    pthread_cond_t errand_changed;
    struct errand *errand; /* that waits or is being done */
    bool errands_open;
};

struct consumer *consumer_new(struct events *events, const struct consumer_settings *settings);
void consumer_free(struct consumer *consumer); /* NULL-safe; stopped */
bool consumer_start(struct ctx *ctx, struct consumer *consumer);
void consumer_topics_are_there(struct consumer *consumer); /* from any thread */
void consumer_stop_ask(struct consumer *consumer);
void consumer_stop(struct consumer *consumer); /* waits for it */
bool consumer_settled(struct consumer *consumer, rd_kafka_t *asker);
const struct reaction *consumer_reaction(const struct consumer *consumer, struct str type,
                                         const struct reaction *after);
void consumer_fatal(struct consumer *consumer, struct str sentence); /* it cannot go on at all */
struct ctx consumer_ctx(const struct consumer *consumer,
                        struct arena *arena); /* of its reactions */

/* Takes what has come into the hands of its partitions; waits for it where there is nothing else to do. */
void consumer_read(struct consumer *consumer);

/* Finds out the log and the position of each wanted partition and begins to read there. */
void assignment_resolve(struct consumer *consumer);
void assignment_want(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list);
void assignment_drop(struct consumer *consumer);
void assignment_again(struct consumer *consumer); /* the positions are to be read anew */
/* Goes on from where another instance has moved the position to. False when it was set back, or is of another log: then
 * all is to be read anew. */
bool assignment_catch_up(struct ctx *ctx, struct consumer *consumer, struct partition *partition);
/* Without a group: which partitions there are. */
void assignment_look(struct consumer *consumer);
struct partition *assignment_find(struct consumer *consumer, const char *topic, int partition);
void partition_release(struct partition *partition, size_t n); /* the first n of what it holds */

/* ---- errand.c ---- */

/* On the consumer's thread, between two batches: `ctx` has its app and the arena of who asks. */
typedef bool errand_run(struct ctx *ctx, struct consumer *consumer, void *argument);

/* From any other thread; waits for it. UNAVAILABLE: the consumer does not run (any more). */
bool errand_do(struct ctx *ctx, struct consumer *consumer, errand_run *run, void *argument);

/* The consumer's part. */
void errand_open(struct consumer *consumer);
void errand_serve(struct consumer *consumer);
void errand_close(struct consumer *consumer);

/* ---- rebuild.c ---- */

struct rebuild *rebuild_new(struct events *events);
void rebuild_stop(struct rebuild *rebuild); /* gives up what is under way */
void rebuild_free(struct rebuild *rebuild);

/* From the consumer that builds. How many of what the partition holds, `most` at most, the live one has behind it; */
size_t rebuild_allows(const struct rebuild *rebuild, const struct partition *partition,
                      size_t most);
/* what came of a slice; why it does not go on at the moment; why it never will. */
void rebuild_took(struct ctx *ctx, struct rebuild *rebuild, const struct slice *slice);
void rebuild_waits(struct rebuild *rebuild, struct str why);
void rebuild_fail(struct rebuild *rebuild, struct str sentence);

/* ---- meter.c ---- */

struct meter;

struct meter *meter_new(const struct consumer *consumer);
void meter_free(struct meter *meter);
void meter_processed(struct meter *meter, struct str type, enum fate fate, int64_t us);
void meter_consumed(struct meter *meter, struct str topic, enum fate fate);
struct metric *meter_lag(const struct consumer *consumer, const char *topic, int partition);
void meter_sent(struct str topic, int64_t n); /* of this process, by topic */

/* ---- events.c ---- */

struct events {
    char *url, *service, *source;
    struct sql_db *db;
    const struct contract *contract;
    const struct event_type *const *tells;
    size_t n_tells;
    int64_t outbox_max_bytes, outbox_max_age_us;
    struct broker_state broker;
    struct consumer *consumers[8];
    size_t n_consumers;
    struct relay *relay;
    struct sender *sender;
    struct topics *topics;
    struct rebuild *rebuild;
    atomic_bool
        topics_ready; /* nothing is sent before: a topic that a producer names could be made without its settings */
    _Atomic int64_t outbox_events, outbox_bytes, outbox_oldest_us; /* as last measured */
    pthread_mutex_t lock;                                          /* fatal, sender */
    void (*fatal)(void *argument, const char *sentence);
    void *fatal_argument;
    bool failed;
};

/* Stops the service, with a sentence; only the first is told. */
void events_fatal(struct events *events, struct str sentence);

/* Gives one event to every consumer that reacts to its type, as if it had come from partition 0 of a log named "test":
 * envelope, position, seen ids, savepoint, dead letter. The worst outcome. Needs no broker; for platform/service/testing.h.
 * `id` ptr NULL makes one; `key` ptr NULL: by the type's field. */
enum outcome events_give(struct ctx *ctx, struct events *events, const struct event_type *type,
                         struct str id, struct str key, struct str data);
