#include "platform/events/tests/fixture.h"

/* What is written into the outbox, when, and when not. */

static struct fixture f;

static bool publish_and_fail(struct ctx *ctx, void *argument)
{
    return event_publish(ctx, &counted_v1, argument) && ctx_fail(ctx, ERR_CONFLICT, "no");
}

static void test_with_its_transaction(void)
{
    fixture_open(&f, NULL, NULL);
    CHECK(fixture_publish(&f, "a", 1, NULL));
    struct counted counted = { STR("b"), 2, { 0 } };
    struct ctx ctx = { .arena = f.arena };
    CHECK(!sql_write(&ctx, f.db, publish_and_fail, &counted));
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_outbox"), 1);
    CHECK_INT(
        fixture_number(
            &f, "SELECT count(*) FROM platform_outbox WHERE partition_key = 'a' AND subject = 'a' "
                "AND topic = 'fanfare.test.thing' AND length(id) = 36 AND bytes > 256"),
        1);
    CHECK(!event_publish(&ctx, &counted_v1, &counted)); /* outside a transaction */
    fixture_close(&f);
}

static void test_limits(void)
{
    fixture_open(&f, NULL, NULL);
    static char big[300 * 1024];
    memset(big, 'x', sizeof big - 1);
    struct ctx ctx = { .arena = f.arena };
    struct event_record record;
    struct counted counted = { STR("b"), 2, str_of(big) };
    CHECK(!event_make(&ctx, &counted_v1, &counted, 0, &record));
    CHECK_INT(ctx.error.code, ERR_TOO_LARGE);
    ctx_clear(&ctx);
    counted = (struct counted){ STR(""), 2, { 0 } };
    CHECK(!event_make(&ctx, &counted_v1, &counted, 0, &record)); /* no key */
    ctx_clear(&ctx);
    CHECK(events_accepting(&ctx, f.events));
    atomic_store(&f.events->outbox_bytes, 65 * 1024 * 1024);
    CHECK(!events_accepting(&ctx, f.events));
    CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
    ctx_clear(&ctx);
    atomic_store(&f.events->outbox_bytes, 0);
    atomic_store(&f.events->outbox_oldest_us, clock_now_us() - 2 * 3600 * US_PER_S);
    CHECK(!events_accepting(&ctx, f.events));
    fixture_close(&f);
}

static void test_same_cause_same_event(void)
{
    fixture_open(&f, NULL, NULL);
    REQUIRE(events_consume(&f.ctx, f.events,
                           &(struct consumer_settings){
                               .name = "test",
                               .reactions = fixture_reactions,
                               .n_reactions = FIXTURE_REACTIONS,
                           }));
    struct ctx ctx = { .arena = f.arena };
    struct event event = { .id = STR("cause"), .reader = STR("test") };
    struct counted counted = { STR("b"), 2, { 0 } };
    struct event_record first, second, again;
    ctx.event = &event;
    CHECK(event_make(&ctx, &counted_v1, &counted, 0, &first));
    CHECK(event_make(&ctx, &counted_v1, &counted, 0, &second));
    event.emitted = 0;
    CHECK(event_make(&ctx, &counted_v1, &counted, 0, &again));
    CHECK(str_eq(first.id, again.id));
    CHECK(!str_eq(first.id, second.id));
    /* Two services that answer one event with the same command say two things. */
    event = (struct event){ .id = STR("cause"), .reader = STR("other") };
    CHECK(event_make(&ctx, &counted_v1, &counted, 0, &again));
    CHECK(!str_eq(first.id, again.id));
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3,\"wish\":\"publish\"}"), DONE);
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3,\"wish\":\"publish\"}"), DONE);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_outbox"), 1);
    fixture_close(&f);
}

static bool tombstones(struct ctx *ctx, void *argument)
{
    return event_publish_tombstone(ctx, argument, STR("prf_1"));
}

static void test_tombstone(void)
{
    fixture_open(&f, NULL, NULL);
    struct ctx ctx = { .arena = f.arena };
    CHECK(!sql_write(&ctx, f.db, tombstones, (void *)&counted_v1)); /* its topic is not compacted */
    ctx_clear(&ctx);
    CHECK(sql_write(&ctx, f.db, tombstones, (void *)&noted_v1));
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_outbox WHERE data IS NULL"), 1);
    fixture_close(&f);
}

static void test_url(void)
{
    static const char *const bad[] = { "",
                                       "http://x",
                                       "kafka://",
                                       "kafka://a/b",
                                       "127.0.0.1:9092",
                                       "kafkas://",
                                       "kafkas://a?",
                                       "kafkas://a?x=y",
                                       "kafkas://a?ca=",
                                       "kafkas://a?ca=/&ca=/",
                                       "kafka://a?ca=/",
                                       "kafkas://a?ca=/no/such/file" };
    struct ctx ctx = { .arena = arena_new(0) };
    for (size_t i = 0; i < COUNT(bad); i++) {
        ctx_clear(&ctx);
        CHECK(!events_open(&ctx, &(struct events_settings){ .url = bad[i], .service = "test" }));
        CHECK_INT(ctx.error.code, ERR_INVALID);
    }
    arena_free(ctx.arena);
}

int main(void)
{
    test_with_its_transaction();
    test_limits();
    test_same_cause_same_event();
    test_tombstone();
    test_url();
    return check_end();
}
