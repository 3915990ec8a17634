#include "platform/events/batch.h"
#include "platform/events/redrive.h"
#include "platform/telemetry/log.h"

/* Events of the log handed to reactions once more; positions stay where they are. */

struct replay {
    struct consumer *consumer;
    struct str topic, log;
    int partition;
    const struct record *records;
    size_t n;
    bool force;
    struct replay_result now, next;
};

static void count(struct replay_result *result, enum fate fate)
{
    switch (fate) {
    case FATE_DONE:
        result->done++;
        return;
    case FATE_DUPLICATE:
        result->duplicate++;
        return;
    case FATE_REJECTED:
        result->rejected++;
        return;
    case FATE_PARKED:
        result->parked++;
        return;
    default:
        result->skipped++;
    }
}

/* Ids are forgotten after a while: what is older may have been handled, and nothing tells. */
static bool is_remembered(struct ctx *ctx, const struct replay *replay, const struct record *record)
{
    if (replay->force || record->time_us > clock_now_us() - SEEN_KEEP_US)
        return true;
    return ctx_fail(
        ctx, ERR_PRECONDITION_FAILED,
        STR_FMT
        "/%d@%lld is older than ids are remembered (7 days), so that nothing tells whether it "
        "was handled: --force hands it over all the same",
        STR_ARG(replay->topic), replay->partition, (long long)record->offset);
}

struct question {
    struct passage *passage;
    const struct record *record;
    bool parked;
};

static bool ask_parked(struct ctx *ctx, void *argument)
{
    struct question *q = argument;
    event_decode(ctx, q->record, &q->passage->event);
    ctx_clear(ctx);
    return passage_is_parked(ctx, q->passage, &q->parked);
}

/* A store without SQL cannot ask on its way. */
static bool store_one_record(struct ctx *ctx, struct passage *passage, const struct record *record,
                             enum fate *fate)
{
    struct question q = { passage, record, false };
    bool any = passage->any_parked;
    if (any && !sql_read(ctx, passage->consumer->events->db, ask_parked, &q))
        return false;
    *fate = FATE_PARKED;
    if (q.parked)
        return true;
    passage->any_parked = false;
    bool done = store_try(ctx, passage, record, fate);
    passage->any_parked = any;
    return done;
}

static bool replay_one(struct ctx *ctx, struct replay *replay, struct passage *passage,
                       const struct record *record)
{
    enum fate fate;
    bool sql = !replay->consumer->settings.store;
    if (!is_remembered(ctx, replay, record) ||
        !(sql ? sql_one_record : store_one_record)(ctx, passage, record, &fate))
        return false;
    if (fate == FATE_RETRY || (!sql && fate == FATE_REJECTED))
        return ctx_fail(ctx, fate == FATE_RETRY ? ERR_UNAVAILABLE : ERR_CONFLICT,
                        STR_FMT "/%d@%lld did not go through: " STR_FMT, STR_ARG(replay->topic),
                        replay->partition, (long long)record->offset, STR_ARG(passage->why.detail));
    count(&replay->next, fate);
    return true;
}

static bool look_parked(struct ctx *ctx, void *argument)
{
    struct passage *passage = argument;
    return parked_any(ctx, passage->consumer->name, &passage->any_parked);
}

/* Where the consumer is: what is beyond is still to come to it. -1: it has read nothing of this partition. */
static bool find_position(struct ctx *ctx, struct replay *replay, int64_t *position)
{
    const struct partition *partition =
        assignment_find(replay->consumer, arena_cstr(ctx->arena, replay->topic), replay->partition);
    if (partition)
        replay->log = arena_str(ctx->arena, str_of(partition->log));
    *position = partition ? partition->next : -1;
    return replay->consumer->settings.store ||
           position_lock(ctx, replay->consumer->name, replay->topic, replay->partition, position);
}

static bool replay_all(struct ctx *ctx, void *argument)
{
    struct replay *replay = argument;
    int64_t position;
    replay->next = replay->now;
    if (!find_position(ctx, replay, &position))
        return false;
    struct slice slice = { .log = replay->log,
                           .topic = replay->topic,
                           .partition = replay->partition };
    struct passage passage = { .consumer = replay->consumer,
                               .slice = &slice,
                               .again = replay->force };
    if (replay->consumer->events->db &&
        !sql_read(ctx, replay->consumer->events->db, look_parked, &passage))
        return false;
    for (size_t i = 0; i < replay->n; i++) {
        const struct record *record = &replay->records[i];
        if (record->offset < 0)
            replay->next.gone++;
        else if (record->offset >= position)
            replay->next.ahead++;
        else if (!replay_one(ctx, replay, &passage, record))
            return false;
    }
    return true;
}

static bool replay_there(struct ctx *ctx, struct consumer *consumer, void *argument)
{
    struct replay *replay = argument;
    replay->consumer = consumer;
    bool done = consumer->settings.store ? replay_all(ctx, replay)
                                         : sql_write(ctx, consumer->events->db, replay_all, replay);
    if (done)
        replay->now = replay->next;
    return done;
}

static bool reads_topic(const struct consumer *consumer, struct str topic)
{
    for (size_t i = 0; i < consumer->settings.n_reactions; i++)
        if (str_is(topic, consumer->settings.reactions[i].event->topic))
            return true;
    return false;
}

bool replay_run(struct ctx *ctx, struct events *events, struct str topic, int partition,
                const int64_t *offsets, size_t n, bool force, struct replay_result *result)
{
    struct replay replay = { .topic = topic, .partition = partition, .n = n, .force = force };
    struct record *records = ARENA_ARRAY(ctx->arena, struct record, n + 1);
    struct log_reader *reader = log_reader_open(ctx, events->url);
    bool done = reader && log_read_at(ctx, reader, topic, partition, offsets, n, records);
    size_t readers = 0;
    log_reader_free(reader);
    replay.records = records;
    for (size_t i = 0; i < events->n_consumers && done; i++) {
        if (!reads_topic(events->consumers[i], topic))
            continue;
        readers++;
        done = errand_do(ctx, events->consumers[i], replay_there, &replay);
    }
    *result = replay.now;
    if (done && readers == 0)
        return ctx_fail(ctx, ERR_NOT_FOUND, "%s reads nothing of " STR_FMT, events->service,
                        STR_ARG(topic));
    return done;
}
