#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/events/projection.h"
#include "platform/events/rebuild.h"
#include "platform/events/redrive.h"
#include "platform/events/tests/fixture.h"
#include "platform/faults/faults.h"
#include "platform/lmdb/lmdb_store.h"
#include "tests/events/stage.h"

/* A read model in LMDB, made again from the log of the real broker while the old one serves and follows. Every test has
 * a log of its own. */

#define SETTLE_US (20 * US_PER_S)
#define NOTES "fanfare.test.note"
#define DEAD_LETTERS "fanfare.test.dead-letters"
#define MANY 1000

static struct stage stage;
static struct fixture f;
static struct projection *projection;
static char path[96];
static atomic_bool rejects; /* what the reaction makes of "picky" */
static atomic_int refuses;  /* how often "retry" is refused; -1: always */

enum { COUNTS };
static const char *const tables[] = { "counts" };

static void *model_open(struct ctx *ctx, const char *where)
{
    return lmdb_open(ctx, where, tables, COUNT(tables), 64 << 20);
}

static void model_close(void *model)
{
    lmdb_close(model);
}

static bool add(struct ctx *ctx, struct lmdb *model, struct str owner, int64_t amount)
{
    int64_t sum = 0;
    struct str before = lmdb_get_for_update(ctx, model, COUNTS, owner);
    if (before.ptr)
        memcpy(&sum, before.ptr, sizeof sum);
    sum += amount;
    return lmdb_put(ctx, model, COUNTS, owner, (struct str){ (const char *)&sum, sizeof sum });
}

static enum outcome count(struct ctx *ctx, const void *data)
{
    const struct counted *counted = data;
    struct counted note = { counted->owner, counted->amount, { 0 } };
    if (!add(ctx, ctx->model, counted->owner, counted->amount))
        return outcome_of(ctx);
    if (str_is(counted->wish, "picky") && atomic_load(&rejects)) {
        ctx_fail(ctx, ERR_INVALID, "not to its taste");
        return outcome_of(ctx);
    }
    if (str_is(counted->wish, "retry") && atomic_load(&refuses) != 0) {
        if (atomic_load(&refuses) > 0)
            atomic_fetch_sub(&refuses, 1);
        ctx_fail(ctx, ERR_UNAVAILABLE, "not now");
        return outcome_of(ctx);
    }
    if (str_is(counted->wish, "publish") && !event_publish(ctx, &noted_v1, &note))
        return outcome_of(ctx);
    return DONE;
}

static const struct reaction reactions[] = { { .event = &counted_v1, .handle = count } };
static const struct projection_settings settings = {
    .name = "test.counts",
    .file = "counts",
    .sharing = CONSUMER_LOCAL,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .store = &lmdb_event_store,
    .open = model_open,
    .close = model_close,
};

static void on_fatal(void *argument, const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    CHECK(false);
}

static void open_projection(void)
{
    projection = projection_open(&f.ctx, &settings, path);
    REQUIRE(projection);
    REQUIRE(events_consume(&f.ctx, f.events,
                           &(struct consumer_settings){ .name = settings.name,
                                                        .sharing = settings.sharing,
                                                        .reactions = reactions,
                                                        .n_reactions = COUNT(reactions),
                                                        .store = settings.store,
                                                        .projection = projection }));
    REQUIRE(events_start(f.events, on_fatal, NULL));
}

static void begin(void)
{
    atomic_store(&rejects, false);
    atomic_store(&refuses, 0);
    stage_broker_start(&stage);
    fixture_open(&f, NULL, stage.servers);
    snprintf(path, sizeof path, "%s/counts", f.folder);
    open_projection();
}

static void end(void)
{
    char command[128];
    events_stop(f.events);
    projection_close(projection);
    snprintf(command, sizeof command, "rm -rf %s*", path);
    CHECK(system(command) == 0);
    fixture_close(&f);
    faults_clear();
    stage_broker_end(&stage, SIGTERM);
    stage_forget_log(&stage);
}

/* ---- what is looked at ---- */

static void settle(void)
{
    REQUIRE(events_settled(f.events, SETTLE_US));
}

static void publish(const char *owner, int n, const char *wish)
{
    for (int i = 0; i < n; i++)
        REQUIRE(fixture_publish(&f, owner, 1, wish));
}

static int64_t sum_of(const char *owner)
{
    int64_t sum = 0;
    struct lmdb_read read;
    CLEANUP(model_done) struct model_use use = projection_use(projection);
    REQUIRE(lmdb_read_begin(&f.ctx, use.model, &read));
    struct str value = lmdb_get(&read, COUNTS, str_of(owner));
    if (value.ptr)
        memcpy(&sum, value.ptr, sizeof sum);
    lmdb_read_end(&read);
    return sum;
}

static bool spoil_in(struct ctx *ctx, void *model)
{
    return add(ctx, model, STR("a"), 1000000) && add(ctx, model, STR("nobody"), 1);
}

/* What no event has told. */
static void spoil(void)
{
    CLEANUP(model_done) struct model_use use = projection_use(projection);
    REQUIRE(lmdb_write(&f.ctx, use.model, spoil_in, use.model));
    CHECK(sum_of("a") >= 1000000);
}

static struct rebuild_state state_now(void)
{
    struct rebuild_state state;
    struct ctx ctx = { .arena = f.arena };
    REQUIRE(rebuild_look(&ctx, f.events, &state));
    return state;
}

static bool says(struct rebuild_state state, const char *words)
{
    return state.detail.ptr && strstr(arena_cstr(f.arena, state.detail), words);
}

static enum error_code ask(bool partial)
{
    struct ctx ctx = { .arena = f.arena };
    if (rebuild_start(&ctx, f.events, partial))
        return ERR_NONE;
    CHECK(ctx.error.detail.len > 10);
    return ctx.error.code;
}

static struct rebuild_state wait_for_end(void)
{
    int64_t until = clock_mono_us() + SETTLE_US;
    while (rebuild_is_running(f.events) && clock_mono_us() < until)
        stage_sleep_ms(5);
    CHECK(!rebuild_is_running(f.events));
    struct rebuild_state state = state_now();
    if (state.detail.ptr)
        printf("# %s: " STR_FMT "\n", rebuild_phases[state.phase], STR_ARG(state.detail));
    return state;
}

static enum rebuild_phase rebuild(bool partial)
{
    CHECK_INT(ask(partial), ERR_NONE);
    return wait_for_end().phase;
}

/* The rebuild takes its time: each of its batches waits. */
static void slow_down(int ms)
{
    REQUIRE(fault_set(&f.ctx, STR("events.consumer.commit"), STR("test.counts.rebuild"),
                      FAULT_DELAY, ms, 1000, 0));
}

/* ---- tests ---- */

static void test_made_again(void)
{
    begin();
    CHECK_INT(state_now().phase, REBUILD_NONE);
    publish("a", MANY, NULL);
    publish("b", 50, "publish");
    settle();
    long notes = stage_count(&stage, NOTES);
    CHECK_INT(notes, 50);
    spoil();
    for (int round = 2; round <= 4; round++) {
        CHECK_INT(rebuild(false), REBUILD_DONE);
        struct rebuild_state state = state_now();
        CHECK_INT(state.generation, round);
        CHECK_INT(state.read, MANY + 50);
        CHECK_INT(state.of, MANY + 50);
        CHECK_INT(sum_of("a"), MANY);
        CHECK_INT(sum_of("b"), 50);
        CHECK_INT(sum_of("nobody"), 0);
    }
    settle();
    CHECK_INT(stage_count(&stage, NOTES), notes); /* nothing outside happens again */
    publish("a", 10, NULL);                       /* and it goes on with the new one */
    publish("b", 10, "publish");
    settle();
    CHECK_INT(sum_of("a"), MANY + 10);
    CHECK_INT(stage_count(&stage, NOTES), notes + 10);
    end();
}

/* The old one serves and follows all the time, and only one is made at a time. */
static void test_beside(void)
{
    begin();
    publish("a", MANY, NULL);
    settle();
    spoil();
    slow_down(1000);
    CHECK_INT(ask(false), ERR_NONE);
    CHECK_INT(ask(false), ERR_IN_PROGRESS);
    publish("a", 5, "publish");
    int64_t until = clock_mono_us() + SETTLE_US;
    while (sum_of("a") != 1000000 + MANY + 5 && clock_mono_us() < until)
        stage_sleep_ms(5);
    CHECK_INT(state_now().phase,
              REBUILD_READING); /* seen in the old one while the new one is made */
    CHECK_INT(sum_of("a"), 1000000 + MANY + 5);
    CHECK_INT(state_now().generation, 1);
    faults_clear();
    CHECK_INT(wait_for_end().phase, REBUILD_DONE);
    CHECK_INT(sum_of("a"), MANY + 5);
    settle();
    CHECK_INT(stage_count(&stage, NOTES), 5);
    end();
}

/* Events come without a pause, and each is published for once. */
static void test_under_load(void)
{
    begin();
    publish("a", MANY, "publish");
    for (int round = 2; round <= 4; round++) {
        CHECK_INT(ask(false), ERR_NONE);
        while (rebuild_is_running(f.events))
            publish("a", 20, "publish");
        CHECK_INT(state_now().generation, round);
    }
    settle();
    int64_t wanted = stage_count(&stage, counted_v1.topic);
    CHECK_INT(sum_of("a"), wanted);
    CHECK_INT(stage_count(&stage, NOTES), wanted);
    end();
}

static void test_cancelled(void)
{
    begin();
    publish("a", MANY, NULL);
    settle();
    struct ctx ctx = { .arena = f.arena };
    CHECK(!rebuild_cancel(&ctx, f.events));
    CHECK_INT(ctx.error.code, ERR_NOT_FOUND);
    ctx_clear(&ctx);
    slow_down(200);
    CHECK_INT(ask(false), ERR_NONE);
    CHECK(rebuild_cancel(&ctx, f.events));
    struct rebuild_state state = wait_for_end();
    CHECK_INT(state.phase, REBUILD_CANCELLED);
    CHECK_INT(state.generation, 1);
    CHECK_INT(sum_of("a"), MANY);
    faults_clear();
    CHECK_INT(rebuild(false), REBUILD_DONE);
    CHECK_INT(sum_of("a"), MANY);
    end();
}

/* The end of the service in the middle of it, and the next start. */
static void test_stopped(void)
{
    begin();
    publish("a", MANY, NULL);
    settle();
    slow_down(200);
    CHECK_INT(ask(false), ERR_NONE);
    stage_sleep_ms(300);
    int64_t begun = clock_mono_us();
    events_free(f.events);
    CHECK(clock_mono_us() - begun < 5 * US_PER_S);
    projection_close(projection);
    faults_clear();
    f.events = events_open(
        &f.ctx,
        &(struct events_settings){ .url = arena_printf(f.arena, "kafka://%s", stage.servers).ptr,
                                   .service = "test",
                                   .db = f.db,
                                   .contract = &fixture_contract,
                                   .outbox_max_bytes = 64 << 20,
                                   .outbox_max_age_s = 3600 });
    REQUIRE(f.events);
    open_projection();
    publish("a", 1, NULL);
    settle();
    CHECK_INT(state_now().generation, 1);
    CHECK_INT(sum_of("a"), MANY + 1);
    CHECK(access(arena_printf(f.arena, "%s~2", path).ptr, F_OK) != 0);
    end();
}

/* ---- what is set aside, and what is rejected ---- */

static int64_t set_aside(const char *state)
{
    return fixture_number(&f,
                          arena_printf(f.arena,
                                       "SELECT count(*) FROM platform_parked WHERE state = '%s' "
                                       "AND consumer = 'test.counts'",
                                       state)
                              .ptr);
}

#define PICKY(column)                                                                              \
    "SELECT " column " FROM platform_parked WHERE state = 'dead' AND event_id <> ''"

static void redrive(void)
{
    struct ctx ctx = { .arena = f.arena };
    struct redrive_place place = {
        .consumer = STR("test.counts"),
        .topic = str_of(counted_v1.topic),
        .partition = (int)fixture_number(&f, PICKY("topic_partition")),
        .offset = fixture_number(&f, PICKY("log_offset")),
    };
    struct redrive_result result;
    CHECK(redrive_run(&ctx, f.events, &place, REDRIVE_AGAIN, &result));
    CHECK_INT(result.done, 4);
}

static void test_set_aside(void)
{
    begin();
    publish("a", 10, NULL); /* before it, of the same key: handled */
    atomic_store(&rejects, true);
    publish("a", 1, "picky");
    publish("a", 3, NULL);
    CHECK(stage_produce(&stage, counted_v1.topic, "x", "no event", NULL));
    publish("b", 7, NULL);
    settle();
    CHECK_INT(sum_of("a"), 10);
    CHECK_INT(stage_count(&stage, DEAD_LETTERS), 2);
    atomic_store(&rejects, false); /* the bug is mended, and they wait still */
    CHECK_INT(rebuild(false), REBUILD_DONE);
    CHECK_INT(state_now().rejected, 0);
    CHECK_INT(sum_of("a"), 10);
    CHECK_INT(sum_of("b"), 7);
    CHECK_INT(set_aside("dead"), 2);
    CHECK_INT(set_aside("behind"), 3);
    redrive();
    CHECK_INT(sum_of("a"), 14);
    CHECK_INT(set_aside("dead"), 1);
    CHECK_INT(set_aside("behind"), 0);
    CHECK_INT(rebuild(false), REBUILD_DONE);
    CHECK_INT(sum_of("a"), 14);
    settle();
    CHECK_INT(stage_count(&stage, DEAD_LETTERS), 2);
    end();
}

/* What was handled once and is rejected now would be missing. */
static void test_rejected_now(void)
{
    begin();
    publish("a", 10, NULL);
    publish("a", 2, "picky");
    publish("a", 10, NULL);
    settle();
    CHECK_INT(sum_of("a"), 22);
    atomic_store(&rejects, true);
    CHECK_INT(rebuild(false), REBUILD_FAILED);
    struct rebuild_state state = state_now();
    CHECK(says(state, "not to its taste") && says(state, "--partial"));
    CHECK_INT(state.generation, 1);
    CHECK_INT(sum_of("a"), 22);
    CHECK_INT(rebuild(true), REBUILD_DONE);
    CHECK_INT(state_now().rejected, 2);
    CHECK_INT(sum_of("a"), 20);
    settle();
    CHECK_INT(stage_count(&stage, DEAD_LETTERS), 0);
    CHECK_INT(set_aside("dead"), 0);
    end();
}

/* What is to be tried again is waited for. */
static void test_retry(void)
{
    begin();
    publish("a", 10, NULL);
    publish("a", 1, "retry");
    publish("a", 10, NULL);
    settle();
    atomic_store(&refuses, -1);
    CHECK_INT(ask(false), ERR_NONE);
    int64_t until = clock_mono_us() + SETTLE_US;
    while (!state_now().detail.ptr && clock_mono_us() < until)
        stage_sleep_ms(5);
    CHECK(says(state_now(), "not now"));
    atomic_store(&refuses, 0);
    CHECK_INT(wait_for_end().phase, REBUILD_DONE);
    CHECK_INT(sum_of("a"), 21);
    end();
}

/* ---- a log that is not as it should be ---- */

static void test_log_away(void)
{
    begin();
    publish("a", 10, NULL);
    settle();
    stage_broker_end(&stage, SIGTERM);
    CHECK_INT(ask(false), ERR_UNAVAILABLE);
    CHECK_INT(state_now().generation, 1);
    CHECK_INT(sum_of("a"), 10);
    stage_broker_start(&stage);
    CHECK_INT(rebuild(false), REBUILD_DONE);
    CHECK_INT(sum_of("a"), 10);
    end();
}

/* The log goes away in the middle, by a kill, and comes back. */
static void test_log_killed(void)
{
    begin();
    publish("a", MANY, NULL);
    settle();
    slow_down(1000);
    CHECK_INT(ask(false), ERR_NONE);
    stage_sleep_ms(150);
    stage_broker_end(&stage, SIGKILL);
    stage_sleep_ms(300);
    CHECK_INT(state_now().phase, REBUILD_READING);
    faults_clear();
    stage_broker_start(&stage);
    CHECK_INT(wait_for_end().phase, REBUILD_DONE);
    CHECK_INT(sum_of("a"), MANY);
    end();
}

static void test_log_aged(void)
{
    begin();
    publish("a", 100, NULL);
    settle();
    int cut = 0; /* all of one key: in one partition */
    for (int partition = 0; partition < counted_v1.partitions; partition++)
        cut += stage_delete_before(&stage, counted_v1.topic, partition, 40);
    CHECK_INT(cut, 1);
    CHECK_INT(ask(false), ERR_PRECONDITION_FAILED);
    CHECK_INT(sum_of("a"), 100);
    CHECK_INT(rebuild(true), REBUILD_DONE);
    CHECK_INT(sum_of("a"), 60);
    end();
}

/* A consumer whose state no projection is. */
static void test_none(void)
{
    stage_broker_start(&stage);
    fixture_open(&f, NULL, stage.servers);
    CHECK_INT(ask(false), ERR_NOT_FOUND); /* reads nothing */
    fixture_consume(&f);
    CHECK_INT(ask(false), ERR_NOT_FOUND); /* in SQL */
    fixture_close(&f);
    stage_broker_end(&stage, SIGTERM);
    stage_forget_log(&stage);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "again", test_made_again },      { "beside", test_beside },   { "load", test_under_load },
    { "cancelled", test_cancelled },   { "stopped", test_stopped }, { "aside", test_set_aside },
    { "rejected", test_rejected_now }, { "retry", test_retry },     { "away", test_log_away },
    { "killed", test_log_killed },     { "aged", test_log_aged },   { "none", test_none },
};

int main(int argc, char **argv)
{
    REQUIRE(argc >= 2); /* the broker's program, and the name of one test */
    faults_enable(true);
    stage_open(&stage, argv[1]);
    for (size_t i = 0; i < COUNT(tests); i++) {
        int64_t begun = clock_mono_us();
        if (argc > 2 && strcmp(argv[2], tests[i].name) != 0)
            continue;
        tests[i].run();
        printf("%s: %lld ms\n", tests[i].name, (long long)((clock_mono_us() - begun) / 1000));
        fflush(stdout);
    }
    stage_close(&stage);
    return check_end();
}
