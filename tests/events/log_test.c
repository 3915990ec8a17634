#include <signal.h>
#include <unistd.h>

#include "platform/events/tests/fixture.h"
#include "platform/faults/faults.h"
#include "tests/events/stage.h"

/* Events through the real broker: what is lost, what happens twice, what stands in the way. SQLite. */

#define SETTLE_US (20 * US_PER_S)
#define DEAD_LETTERS "fanfare.test.dead-letters"
#define OUTBOX "SELECT count(*) FROM platform_outbox"
#define EFFECTS "SELECT count(*) FROM ledger"
#define TWICE "SELECT count(*) - count(DISTINCT cause) FROM ledger"

static struct stage stage;
static struct fixture f;
static char fatal_sentence[512];
static atomic_int fatal_count;

static void on_fatal(void *argument, const char *sentence)
{
    snprintf(fatal_sentence, sizeof fatal_sentence, "%s", sentence);
    atomic_fetch_add(&fatal_count, 1);
}

static void start(void)
{
    fixture_consume(&f);
    REQUIRE(events_start(f.events, on_fatal, NULL));
}

/* A log that has no topics yet: its first event does not wait until the client looks around, after 5 s. */
static void first_of_all(void)
{
    int64_t begun_us = clock_mono_us();
    start();
    REQUIRE(fixture_publish(&f, "a", 1, NULL));
    while (fixture_sum(&f) < 1 && clock_mono_us() - begun_us < SETTLE_US)
        stage_sleep_ms(1);
    CHECK(clock_mono_us() - begun_us < 4 * US_PER_S);
}

static void test_flow(void)
{
    fixture_open(&f, NULL, stage.servers);
    first_of_all();
    for (int i = 0; i < 299; i++)
        REQUIRE(fixture_publish(&f, i % 3 ? "a" : "b", 1, i % 10 ? NULL : "publish"));
    CHECK(events_settled(f.events, SETTLE_US));
    CHECK_INT(fixture_sum(&f), 300);
    CHECK_INT(fixture_number(&f, OUTBOX), 0);
    CHECK_INT(stage_count(&stage, "fanfare.test.note"), 30); /* what the reactions published */
    CHECK_INT(stage_count(&stage, DEAD_LETTERS), 0);
    CHECK_INT(atomic_load(&fatal_count), 0);
    fixture_close(&f);
}

static bool note(struct ctx *ctx, void *argument)
{
    return event_publish(ctx, &noted_v1, argument);
}

/* The first event to a topic goes out as soon as others: the client is not left to find it out within a second. */
static void test_first_to_a_topic(void)
{
    struct counted data = { STR("a"), 1, { 0 } };
    int64_t took_us = 0;
    for (int i = 0; i < 4; i++) {
        fixture_open(&f, NULL, stage.servers);
        start();
        REQUIRE(fixture_publish(&f, "a", 1, NULL));
        CHECK(events_settled(f.events, SETTLE_US)); /* the relay is at work, on another topic, */
        stage_sleep_ms(1500); /* and its client has nothing more to find out */
        int64_t begun_us = clock_mono_us();
        REQUIRE(sql_write(&f.ctx, f.db, note, &data));
        while (fixture_number(&f, OUTBOX) && clock_mono_us() - begun_us < SETTLE_US)
            stage_sleep_ms(1);
        took_us += clock_mono_us() - begun_us;
        fixture_close(&f);
    }
    CHECK(took_us < US_PER_S); /* half a second each before */
}

/* ---- poison ---- */

static const char *const good[] = { "ce_specversion=1.0", "ce_id=g-1",
                                    "ce_type=fanfare.test.thing.counted.v1", "ce_source=/elsewhere",
                                    NULL };
static const char *const bad_data[] = { "ce_specversion=1.0", "ce_id=p-1",
                                        "ce_type=fanfare.test.thing.counted.v1",
                                        "ce_source=/elsewhere", NULL };
static const char *const unheard[] = { "ce_specversion=1.0", "ce_id=u-1",
                                       "ce_type=fanfare.test.thing.unheard.v1",
                                       "ce_source=/elsewhere", NULL };
static const char *const structured[] = { "content-type=application/cloudevents+json", NULL };

static void test_poison(void)
{
    const char *topic = counted_v1.topic;
    long before = stage_count(&stage, DEAD_LETTERS);
    fixture_open(&f, NULL, stage.servers);
    start();
    CHECK(events_settled(f.events, SETTLE_US)); /* what is there from before */
    int64_t sum = fixture_sum(&f);
    CHECK(stage_produce(&stage, topic, "poisoned", "\xff\xfe{", NULL));
    CHECK(stage_produce(&stage, topic, NULL, NULL, NULL));
    CHECK(stage_produce(&stage, topic, "q", "{\"owner\":\"q\"}", bad_data));
    CHECK(stage_produce(&stage, topic, "u", "[]", unheard));
    CHECK(stage_produce(&stage, topic, "g", "{\"owner\":\"g\",\"amount\":5,\"later\":{\"x\":1}}",
                        good));
    CHECK(stage_produce(
        &stage, topic, "s",
        "{\"specversion\":\"1.0\",\"id\":\"s-1\",\"type\":\"fanfare.test.thing.counted.v1\","
        "\"source\":\"/x\",\"data\":{\"owner\":\"s\",\"amount\":7}}",
        structured));
    CHECK(stage_produce(&stage, topic, "s", "{\"specversion\":", structured));
    for (int i = 0; i < 50; i++)
        REQUIRE(fixture_publish(&f, i % 2 ? "q2" : "r", 1, i == 20 ? "reject" : NULL));
    CHECK(events_settled(f.events, SETTLE_US));
    CHECK_INT(fixture_sum(&f) - sum,
              5 + 7 + 25 + 10); /* of r, 10 were before the one that was refused */
    CHECK_INT(stage_count(&stage, DEAD_LETTERS) - before, 4);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_parked WHERE state = 'behind'"),
              14);
    fixture_close(&f);
}

static void test_retry_holds_only_its_partition(void)
{
    fixture_open(&f, NULL, stage.servers);
    start();
    CHECK(events_settled(f.events, SETTLE_US));
    int64_t sum = fixture_sum(&f);
    atomic_store(&fixture_refuse, -1);
    REQUIRE(fixture_publish(&f, "stuck", 1000, "retry"));
    for (int i = 0; i < 64; i++) {
        char owner[16];
        snprintf(owner, sizeof owner, "o-%d", i);
        REQUIRE(fixture_publish(&f, owner, 1, NULL));
    }
    int64_t until = clock_mono_us() + SETTLE_US;
    while (fixture_sum(&f) - sum < 33 && clock_mono_us() < until)
        stage_sleep_ms(20);
    CHECK(fixture_sum(&f) - sum >= 33); /* three partitions of four go on */
    CHECK(fixture_sum(&f) - sum < 1000);
    atomic_store(&fixture_refuse, 0);
    CHECK(events_settled(f.events, SETTLE_US));
    CHECK_INT(fixture_sum(&f) - sum, 1064);
    fixture_close(&f);
}

/* ---- the broker goes and comes ---- */

static void test_broker_away(void)
{
    stage_broker_end(&stage, SIGTERM);
    fixture_open(&f, NULL, stage.servers);
    start(); /* without a broker */
    for (int i = 0; i < 100; i++)
        REQUIRE(fixture_publish(&f, "away", 1, NULL));
    CHECK_INT(fixture_number(&f, OUTBOX), 100);
    struct ctx ctx = { .arena = f.arena };
    f.events->outbox_max_bytes = 1000;
    for (int i = 0; i < 200 && events_accepting(&ctx, f.events); i++)
        stage_sleep_ms(20);
    CHECK_INT(ctx.error.code, ERR_UNAVAILABLE); /* refused before it is accepted */
    f.events->outbox_max_bytes = 64 * 1024 * 1024;
    stage_broker_start(&stage);
    CHECK(events_settled(f.events, SETTLE_US));
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM ledger WHERE owner = 'away'"), 100);
    for (int round = 0; round < 3; round++) {
        stage_broker_end(&stage, round == 1 ? SIGTERM : SIGKILL);
        for (int i = 0; i < 100; i++)
            REQUIRE(fixture_publish(&f, "again", 1, NULL));
        stage_broker_start(&stage);
        for (int i = 0; i < 100; i++)
            REQUIRE(fixture_publish(&f, "again", 1, NULL));
    }
    CHECK(events_settled(f.events, SETTLE_US));
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM ledger WHERE owner = 'again'"), 600);
    CHECK_INT(fixture_number(&f, TWICE), 0);
    CHECK_INT(atomic_load(&fatal_count), 0);
    fixture_close(&f);
}

static void test_send(void)
{
    fixture_open(&f, NULL, stage.servers);
    REQUIRE(events_start(f.events, on_fatal, NULL));
    struct ctx ctx = { .arena = f.arena };
    struct counted data = { STR("s"), 1, { 0 } };
    struct event_out out[20];
    for (size_t i = 0; i < COUNT(out); i++)
        out[i] = (struct event_out){ .type = &noted_v1, .data = &data };
    long before = stage_count(&stage, noted_v1.topic);
    CHECK(event_send(&ctx, f.events, out, COUNT(out)));
    CHECK_INT(stage_count(&stage, noted_v1.topic) - before, 20);
    kill(stage.pid, SIGSTOP); /* connected, but dumb */
    ctx.deadline_us = clock_mono_us() + 300 * US_PER_MS;
    CHECK(!event_send(&ctx, f.events, out, COUNT(out)));
    CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
    CHECK(clock_mono_us() - ctx.deadline_us < 200 * US_PER_MS);
    kill(stage.pid, SIGCONT);
    stage_broker_end(&stage, SIGKILL);
    for (int i = 0; i < 2; i++) { /* the first may have to find out */
        ctx_clear(&ctx);
        ctx.deadline_us = clock_mono_us() + 2 * US_PER_S;
        CHECK(!event_send(&ctx, f.events, out, COUNT(out)));
        CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
    }
    stage_broker_start(&stage);
    bool sent = false;
    for (int i = 0; i < 50 && !sent; i++) {
        ctx_clear(&ctx);
        ctx.deadline_us = clock_mono_us() + 2 * US_PER_S;
        sent = event_send(&ctx, f.events, out, COUNT(out));
    }
    CHECK(sent);
    fixture_close(&f);
}

/* ---- processes that are killed ---- */

static void on_term(int signal)
{
}

/* The role "consume": reads until it is told to end. */
static int consume(const char *url, const char *servers)
{
    struct sigaction action = { .sa_handler = on_term };
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigaction(SIGTERM, &action, NULL);
    fixture_join(&f, url, servers);
    start();
    sigsuspend(&before);
    fixture_close(&f);
    return 0;
}

/* The role "relay": publishes, and is gone after the log has acknowledged some and before it forgets them. */
static int publish_and_exit(const char *url, const char *servers, const char *more)
{
    fixture_join(&f, url, servers);
    faults_enable(true);
    if (strcmp(more, "exit") == 0)
        REQUIRE(fault_set(&f.ctx, STR("events.relay.published"), (struct str){ 0 }, FAULT_EXIT, 0,
                          1000, 0));
    for (int i = 0; i < 40; i++)
        REQUIRE(fixture_publish(&f, i % 2 ? "x" : "y", 1, NULL));
    REQUIRE(events_start(f.events, on_fatal, NULL));
    CHECK(events_settled(f.events, SETTLE_US));
    fixture_close(&f);
    return check_end();
}

static void test_relay_killed(void)
{
    struct fixture publisher;
    fixture_open(&publisher, NULL, stage.servers);
    char url[256], folder[64];
    snprintf(url, sizeof url, "%s", publisher.url);
    snprintf(folder, sizeof folder, "%s", publisher.folder);
    events_free(publisher.events);
    sql_close(publisher.db);

    fixture_open(&f, NULL, stage.servers);
    start();
    CHECK(events_settled(f.events, SETTLE_US));
    int64_t effects = fixture_number(&f, EFFECTS);
    long before = stage_count(&stage, counted_v1.topic);
    for (int i = 0; i < 4; i++)
        CHECK(stage_end(stage_run("publish", url, stage.servers, "exit"), 0) != 0);
    CHECK_INT(stage_end(stage_run("publish", url, stage.servers, "stay"), 0), 0);
    CHECK(events_settled(f.events, SETTLE_US));
    CHECK_INT(fixture_number(&f, EFFECTS) - effects, 5 * 40);        /* none lost, none twice */
    CHECK(stage_count(&stage, counted_v1.topic) - before >
          5 * 40); /* although the log has some twice */
    fixture_close(&f);
    sql_erase(&publisher.ctx, str_of(url), "test");
    rmdir(folder);
    arena_free(publisher.arena);
}

static void test_consumer_killed(void)
{
    struct fixture consumer;
    fixture_open(&consumer, NULL, stage.servers);
    char url[256];
    snprintf(url, sizeof url, "%s", consumer.url);
    events_free(consumer.events);
    sql_close(consumer.db);

    fixture_open(&f, NULL, stage.servers);
    REQUIRE(events_start(f.events, on_fatal, NULL));
    srand(7);
    int published = 0;
    for (int round = 0; round < 12; round++) {
        pid_t pid = stage_run("consume", url, stage.servers, "");
        for (int i = 0; i < 150; i++, published++)
            REQUIRE(
                fixture_publish(&f, i % 2 ? "killed-a" : "killed-b", 1, i % 5 ? NULL : "publish"));
        stage_sleep_ms(rand() % 150);
        stage_end(pid, SIGKILL);
    }
    CHECK(events_settled(f.events, SETTLE_US));
    fixture_close(&f);

    struct arena *arena = consumer.arena;
    fixture_join(&f, url, stage.servers);
    start();
    CHECK(events_settled(f.events, SETTLE_US));
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM ledger WHERE owner LIKE 'killed-%'"),
              published);
    CHECK_INT(fixture_number(&f, TWICE), 0);
    fixture_close(&f);
    sql_erase(&consumer.ctx, str_of(url), "test");
    rmdir(consumer.folder);
    arena_free(arena);
}

/* ---- another log ---- */

static bool set_position(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "UPDATE platform_positions SET next_offset = 1000000");
}

static void wait_for_fatal(void)
{
    for (int i = 0; i < 500 && !atomic_load(&fatal_count); i++)
        stage_sleep_ms(20);
    CHECK_INT(atomic_load(&fatal_count), 1);
    atomic_store(&fatal_count, 0);
}

static void test_outside_the_log(void)
{
    fixture_open(&f, NULL, stage.servers);
    start();
    REQUIRE(fixture_publish(&f, "a", 1, NULL));
    CHECK(events_settled(f.events, SETTLE_US));
    events_stop(f.events);
    events_free(f.events);
    struct ctx ctx = { .arena = f.arena };
    REQUIRE(sql_write(&ctx, f.db, set_position, NULL));
    sql_close(f.db);
    struct fixture before = f;

    fixture_join(&f, before.url, stage.servers);
    start();
    wait_for_fatal();
    CHECK(strstr(fatal_sentence, "is 1000000, but the log holds 0 to"));
    memcpy(f.folder, before.folder, sizeof f.folder);
    fixture_close(&f);
    arena_free(before.arena);
}

static void test_another_log(void)
{
    fixture_open(&f, NULL, stage.servers);
    start();
    REQUIRE(fixture_publish(&f, "a", 1, NULL));
    CHECK(events_settled(f.events, SETTLE_US));
    events_free(f.events);
    sql_close(f.db);
    struct fixture before = f;
    stage_broker_end(&stage, SIGTERM);
    stage_forget_log(&stage);
    stage_broker_start(&stage);

    fixture_join(&f, before.url, stage.servers);
    start();
    wait_for_fatal();
    CHECK(strstr(fatal_sentence, "is of the log"));
    memcpy(f.folder, before.folder, sizeof f.folder);
    fixture_close(&f);
    arena_free(before.arena);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "flow", test_flow },
    { "first", test_first_to_a_topic },
    { "poison", test_poison },
    { "retry", test_retry_holds_only_its_partition },
    { "away", test_broker_away },
    { "send", test_send },
    { "relay", test_relay_killed },
    { "consumer", test_consumer_killed },
    { "outside", test_outside_the_log },
    { "another", test_another_log },
};

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "consume") == 0)
        return consume(argv[2], argv[3]);
    if (argc == 5 && strcmp(argv[1], "publish") == 0)
        return publish_and_exit(argv[2], argv[3], argv[4]);
    REQUIRE(argc >= 2); /* the broker's program, and the name of one test */
    stage_open(&stage, argv[1]);
    stage_broker_start(&stage);
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
