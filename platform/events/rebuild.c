#include "platform/events/rebuild.h"

#include <unistd.h>

#include "platform/events/events_internal.h"
#include "platform/events/projection.h"
#include "platform/telemetry/log.h"

#define LOOK_US (20 * US_PER_MS)
#define NEAR 1000 /* places behind the live consumer: then it is asked to wait for the rest */
#define CATCH_UP_US                                                                                \
    (500 * US_PER_MS) /* that it waits at most, before it goes on and is asked again */
#define ASK_MOST_US (10 * US_PER_S)
#define CLEAR_LOOK_US (100 * US_PER_MS)
#define DETAIL_BYTES 512

/* Where a partition of the log begins. */
struct beginning {
    char *topic;
    int partition;
    int64_t low;
};

struct rebuild {
    struct events *events;
    struct consumer *live, *builder;
    struct beginning *beginnings;
    size_t n_beginnings;
    pthread_t thread;
    bool has_thread; /* to be joined */
    atomic_bool stop;

    pthread_mutex_t lock; /* what follows */
    bool running, failed;
    struct rebuild_state state;
    char detail[DETAIL_BYTES];
};

const char *const rebuild_phases[] = {
    [REBUILD_NONE] = "none",           [REBUILD_READING] = "reading",
    [REBUILD_SWAPPING] = "swapping",   [REBUILD_CLOSING] = "closing",
    [REBUILD_DONE] = "done",           [REBUILD_FAILED] = "failed",
    [REBUILD_CANCELLED] = "cancelled",
};

static struct projection *projection_of(const struct rebuild *rebuild)
{
    return rebuild->live->settings.projection;
}

/* ---- what is known of it ---- */

static void set_phase(struct rebuild *rebuild, enum rebuild_phase phase)
{
    pthread_mutex_lock(&rebuild->lock);
    rebuild->state.phase = phase;
    pthread_mutex_unlock(&rebuild->lock);
}

static void set_detail(struct rebuild *rebuild, struct str detail)
{
    snprintf(rebuild->detail, sizeof rebuild->detail, STR_FMT, STR_ARG(detail));
}

void rebuild_fail(struct rebuild *rebuild, struct str sentence)
{
    pthread_mutex_lock(&rebuild->lock);
    if (!rebuild->failed)
        set_detail(rebuild, sentence);
    rebuild->failed = true;
    pthread_mutex_unlock(&rebuild->lock);
}

void rebuild_waits(struct rebuild *rebuild, struct str why)
{
    pthread_mutex_lock(&rebuild->lock);
    if (!rebuild->failed)
        set_detail(rebuild, why);
    pthread_mutex_unlock(&rebuild->lock);
}

void rebuild_took(struct ctx *ctx, struct rebuild *rebuild, const struct slice *slice)
{
    int64_t rejected = 0;
    size_t first = 0;
    for (size_t i = slice->through; i-- > 0;)
        if (slice->fates[i] == FATE_REJECTED) {
            rejected++;
            first = i;
        }
    pthread_mutex_lock(&rebuild->lock);
    rebuild->state.rejected += rejected;
    bool fails = rejected && !rebuild->state.partial;
    if (!rebuild->failed)
        rebuild->detail[0] = '\0';
    pthread_mutex_unlock(&rebuild->lock);
    if (!fails)
        return;
    rebuild_fail(
        rebuild,
        arena_printf(ctx->arena,
                     STR_FMT "/%d@%lld is rejected, and the new one would lack it (--partial "
                             "accepts that): " STR_FMT,
                     STR_ARG(slice->topic), slice->partition,
                     (long long)slice->records[first].offset, STR_ARG(slice->error.detail)));
}

/* ---- never beyond the live one ---- */

static int64_t live_next(const struct rebuild *rebuild, const char *topic, int number)
{
    struct consumer *live = rebuild->live;
    pthread_mutex_lock(&live->lock);
    const struct partition *partition = live->assigned ? assignment_find(live, topic, number)
                                                       : NULL;
    int64_t next = partition ? partition->next : -1;
    pthread_mutex_unlock(&live->lock);
    return next;
}

size_t rebuild_allows(const struct rebuild *rebuild, const struct partition *partition, size_t most)
{
    int64_t next = live_next(rebuild, partition->topic, partition->number);
    size_t n = 0;
    while (n < most && n < partition->n_held && partition->held[n]->offset < next)
        n++;
    return n;
}

/* ---- how far it is ---- */

static int64_t beginning_of(const struct rebuild *rebuild, const char *topic, int number)
{
    for (size_t i = 0; i < rebuild->n_beginnings; i++)
        if (rebuild->beginnings[i].partition == number &&
            strcmp(rebuild->beginnings[i].topic, topic) == 0)
            return rebuild->beginnings[i].low;
    return 0;
}

/* Up to `target`: nothing of the log is left before it. A compacted log has gaps, at its end too. */
static bool is_at(const struct partition *partition, int64_t target)
{
    if (partition->next >= target)
        return true;
    return partition->n_held ? partition->held[0]->offset >= target : partition->end_seen >= target;
}

struct target {
    const char *topic;
    int number;
    int64_t next;
};

/* The live consumer's partitions and places; names live as long as its assignment: in the arena. */
static struct target *targets_of(struct arena *arena, const struct rebuild *rebuild, size_t *n)
{
    struct consumer *live = rebuild->live;
    pthread_mutex_lock(&live->lock);
    struct target *targets = ARENA_ARRAY(arena, struct target, live->n_partitions + 1);
    *n = live->assigned ? live->n_partitions : 0;
    for (size_t i = 0; i < *n; i++) {
        const struct partition *partition = &live->partitions[i];
        targets[i] = (struct target){ arena_cstr(arena, str_of(partition->topic)),
                                      partition->number, partition->next };
    }
    pthread_mutex_unlock(&live->lock);
    return targets;
}

/* Places that the next generation is behind the one in force; -1 when one of them does not know where it stands. */
static int64_t measure(struct rebuild *rebuild)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    size_t n;
    const struct target *targets = targets_of(arena, rebuild, &n);
    int64_t read = 0, of = 0;
    bool known = n > 0;
    pthread_mutex_lock(&rebuild->builder->lock);
    known &= rebuild->builder->assigned;
    for (size_t i = 0; i < n && known; i++) {
        int64_t low = beginning_of(rebuild, targets[i].topic, targets[i].number);
        const struct partition *mine =
            assignment_find(rebuild->builder, targets[i].topic, targets[i].number);
        if (targets[i].next <= low)
            continue;
        known = mine != NULL;
        of += targets[i].next - low;
        if (mine)
            read += (is_at(mine, targets[i].next) ? targets[i].next : MAX(mine->next, low)) - low;
    }
    pthread_mutex_unlock(&rebuild->builder->lock);
    if (!known)
        return -1;
    pthread_mutex_lock(&rebuild->lock);
    rebuild->state.read = read;
    rebuild->state.of = of;
    pthread_mutex_unlock(&rebuild->lock);
    return of - read;
}

/* ---- the thread ---- */

static bool is_over(struct ctx *ctx, struct rebuild *rebuild)
{
    if (atomic_load(&rebuild->stop))
        return !ctx_fail(ctx, ERR_GONE, "it was cancelled");
    pthread_mutex_lock(&rebuild->lock);
    bool failed = rebuild->failed;
    if (failed)
        ctx_fail(ctx, ERR_CONFLICT, "%s", rebuild->detail);
    pthread_mutex_unlock(&rebuild->lock);
    return failed;
}

/* On the live consumer's thread, which stands still meanwhile. */
static bool swap_there(struct ctx *ctx, struct consumer *live, void *argument)
{
    struct rebuild *rebuild = argument;
    int64_t until = clock_mono_us() + CATCH_UP_US;
    while (measure(rebuild) != 0) {
        if (is_over(ctx, rebuild) || clock_mono_us() > until)
            return false;
        usleep(US_PER_MS);
    }
    set_phase(rebuild, REBUILD_SWAPPING);
    consumer_stop(rebuild->builder);
    if (is_over(ctx, rebuild) || !projection_swap(ctx, projection_of(rebuild)))
        return false;
    live->settings.store_data = projection_model(projection_of(rebuild));
    assignment_again(live);
    return true;
}

static bool builder_start(struct ctx *ctx, struct rebuild *rebuild, void *model)
{
    struct consumer_settings settings = rebuild->live->settings;
    settings.name = arena_printf(ctx->arena, "%s.rebuild", settings.name).ptr;
    settings.sharing = CONSUMER_LOCAL;
    settings.projection = NULL;
    settings.store_data = model;
    rebuild->builder = consumer_new(rebuild->events, &settings);
    rebuild->builder->rebuild = rebuild;
    rebuild->builder->list = rebuild->live->name;
    return consumer_start(ctx, rebuild->builder);
}

static bool build(struct ctx *ctx, struct rebuild *rebuild)
{
    void *model = projection_begin(ctx, projection_of(rebuild));
    if (!model || !builder_start(ctx, rebuild, model))
        return false;
    int64_t pause_us = LOOK_US, ask_us = 0;
    for (; !is_over(ctx, rebuild); usleep(LOOK_US)) {
        int64_t behind = measure(rebuild);
        if (behind < 0 || behind > NEAR || clock_mono_us() < ask_us)
            continue;
        if (errand_do(ctx, rebuild->live, swap_there, rebuild))
            return true;
        if (ctx_failed(ctx))
            return false;
        pause_us = MIN(2 * pause_us, ASK_MOST_US);
        ask_us = clock_mono_us() + pause_us;
    }
    return false;
}

static void tell_end(const struct rebuild *rebuild)
{
    const struct rebuild_state *state = &rebuild->state;
    log_line(state->phase == REBUILD_FAILED ? LOG_WARN : LOG_INFO, NULL, "rebuild_ended",
             LOG_C("consumer", rebuild->live->settings.name),
             LOG_C("phase", rebuild_phases[state->phase]), LOG_I("generation", state->generation),
             LOG_I("read", state->read), LOG_I("rejected", state->rejected),
             LOG_I("took_ms", (state->ended_us - state->began_us) / US_PER_MS),
             LOG_C("detail", rebuild->detail));
}

static void end(struct ctx *ctx, struct rebuild *rebuild, bool done)
{
    pthread_mutex_lock(&rebuild->lock);
    bool cancelled = atomic_load(&rebuild->stop);
    rebuild->state.phase = done ? REBUILD_DONE : cancelled ? REBUILD_CANCELLED : REBUILD_FAILED;
    rebuild->state.ended_us = clock_now_us();
    rebuild->state.generation = projection_generation(projection_of(rebuild));
    set_detail(rebuild, done ? STR("") : ctx->error.detail);
    rebuild->running = false;
    tell_end(rebuild);
    pthread_mutex_unlock(&rebuild->lock);
}

static void *rebuild_main(void *argument)
{
    struct rebuild *rebuild = argument;
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = consumer_ctx(rebuild->live, arena);
    bool done = build(&ctx, rebuild);
    set_phase(rebuild, REBUILD_CLOSING);
    if (rebuild->builder)
        consumer_stop(rebuild->builder);
    consumer_free(rebuild->builder);
    rebuild->builder = NULL;
    while (!projection_clear(projection_of(rebuild), CLEAR_LOOK_US) && !atomic_load(&rebuild->stop))
        ;
    end(&ctx, rebuild, done);
    return NULL;
}

/* ---- whether it can be done ---- */

static struct consumer *find_live(struct ctx *ctx, const struct events *events)
{
    bool reacts = false; /* beyond what every service reads of keys, each for itself */
    for (size_t i = 0; i < events->n_consumers; i++) {
        if (events->consumers[i]->settings.projection)
            return events->consumers[i];
        reacts |= events->consumers[i]->settings.sharing == CONSUMER_SHARED;
    }
    ctx_fail(
        ctx, ERR_NOT_FOUND,
        reacts ? "%s keeps no read model that the log alone makes: what it stores is its own, and "
                 "what others told is in it for good"
               : "%s reads nothing from the log: what it stores is its own",
        events->service);
    return NULL;
}

static void forget_beginnings(struct rebuild *rebuild)
{
    for (size_t i = 0; i < rebuild->n_beginnings; i++)
        free(rebuild->beginnings[i].topic);
    free(rebuild->beginnings);
    rebuild->beginnings = NULL;
    rebuild->n_beginnings = 0;
}

static const struct event_type *type_on(const struct consumer *live, struct str topic)
{
    for (size_t i = 0; i < live->settings.n_reactions; i++)
        if (str_is(topic, live->settings.reactions[i].event->topic))
            return live->settings.reactions[i].event;
    return NULL;
}

/* Of a compacted topic the newest state of each key is there for ever. */
static bool reaches_back(struct ctx *ctx, const struct event_type *type, int partition, int64_t low,
                         bool partial)
{
    if (partial || low == 0 || type->keeping == KEEP_COMPACTED)
        return true;
    return ctx_fail(
        ctx, ERR_PRECONDITION_FAILED,
        "%s/%d begins at %lld: the log does not hold any more what came before, and the "
        "new one would lack it (--partial accepts that)",
        type->topic, partition, (long long)low);
}

static bool note_beginnings(struct ctx *ctx, struct rebuild *rebuild, struct log_reader *reader,
                            bool partial)
{
    struct log_topic *topics;
    size_t n, room = 0;
    if (!log_reader_topics(ctx, reader, &topics, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        room += (size_t)topics[i].partitions;
    rebuild->beginnings = mem_alloc((room + 1) * sizeof *rebuild->beginnings);
    for (size_t i = 0; i < n; i++) {
        const struct event_type *type = type_on(rebuild->live, topics[i].name);
        for (int p = 0; type && p < topics[i].partitions; p++) {
            struct beginning *one = &rebuild->beginnings[rebuild->n_beginnings];
            *one = (struct beginning){ .partition = p };
            if (!log_reader_begins(ctx, reader, topics[i].name, p, &one->low) ||
                !reaches_back(ctx, type, p, one->low, partial))
                return false;
            one->topic = mem_strdup(topics[i].name.ptr);
            rebuild->n_beginnings++;
        }
    }
    return true;
}

static bool look_at_log(struct ctx *ctx, struct rebuild *rebuild, bool partial)
{
    struct log_reader *reader = log_reader_open(ctx, rebuild->events->url);
    forget_beginnings(rebuild);
    bool ok = reader && note_beginnings(ctx, rebuild, reader, partial);
    log_reader_free(reader);
    return ok;
}

/* Marks it as running, so that nobody else begins. */
static bool claim(struct ctx *ctx, struct rebuild *rebuild, struct consumer *live, bool partial)
{
    pthread_mutex_lock(&rebuild->lock);
    bool free_now = !rebuild->running;
    if (free_now) {
        rebuild->running = true;
        rebuild->failed = false;
        rebuild->live = live;
        rebuild->detail[0] = '\0';
        atomic_store(&rebuild->stop, false);
        rebuild->state = (struct rebuild_state){ .phase = REBUILD_READING,
                                                 .partial = partial,
                                                 .began_us = clock_now_us() };
    }
    pthread_mutex_unlock(&rebuild->lock);
    return free_now || ctx_fail(ctx, ERR_IN_PROGRESS, "it is being made again already");
}

static bool begin(struct ctx *ctx, struct rebuild *rebuild, bool partial)
{
    if (rebuild->has_thread) /* of the one before, which has ended */
        pthread_join(rebuild->thread, NULL);
    rebuild->has_thread = false;
    if (!look_at_log(ctx, rebuild, partial))
        return false;
    rebuild->has_thread = pthread_create(&rebuild->thread, NULL, rebuild_main, rebuild) == 0;
    return rebuild->has_thread || ctx_fail(ctx, ERR_UNAVAILABLE, "no thread to do it");
}

/* ---- from outside ---- */

bool rebuild_start(struct ctx *ctx, struct events *events, bool partial)
{
    struct rebuild *rebuild = events->rebuild;
    struct consumer *live = find_live(ctx, events);
    if (!live)
        return false;
    if (live->grouped)
        return ctx_fail(ctx, ERR_PRECONDITION_FAILED,
                        "%s shares its store with other instances: it cannot be made again by one",
                        events->service);
    if (!claim(ctx, rebuild, live, partial))
        return false;
    if (begin(ctx, rebuild, partial))
        return true;
    end(ctx, rebuild, false);
    return false;
}

bool rebuild_look(struct ctx *ctx, struct events *events, struct rebuild_state *out)
{
    struct rebuild *rebuild = events->rebuild;
    const struct consumer *live = find_live(ctx, events);
    if (!live)
        return false;
    pthread_mutex_lock(&rebuild->lock);
    *out = rebuild->state;
    out->detail = rebuild->detail[0] ? arena_str(ctx->arena, str_of(rebuild->detail))
                                     : (struct str){ NULL, 0 };
    pthread_mutex_unlock(&rebuild->lock);
    out->generation = projection_generation(live->settings.projection);
    return true;
}

bool rebuild_is_running(struct events *events)
{
    pthread_mutex_lock(&events->rebuild->lock);
    bool running = events->rebuild->running;
    pthread_mutex_unlock(&events->rebuild->lock);
    return running;
}

bool rebuild_cancel(struct ctx *ctx, struct events *events)
{
    if (!find_live(ctx, events))
        return false;
    if (!rebuild_is_running(events))
        return ctx_fail(ctx, ERR_NOT_FOUND, "nothing is being made again");
    atomic_store(&events->rebuild->stop, true);
    return true;
}

struct rebuild *rebuild_new(struct events *events)
{
    struct rebuild *rebuild = mem_alloc(sizeof *rebuild);
    rebuild->events = events;
    pthread_mutex_init(&rebuild->lock, NULL);
    return rebuild;
}

void rebuild_stop(struct rebuild *rebuild)
{
    atomic_store(&rebuild->stop, true);
    if (rebuild->has_thread)
        pthread_join(rebuild->thread, NULL);
    rebuild->has_thread = false;
}

void rebuild_free(struct rebuild *rebuild)
{
    rebuild_stop(rebuild);
    forget_beginnings(rebuild);
    pthread_mutex_destroy(&rebuild->lock);
    free(rebuild);
}
