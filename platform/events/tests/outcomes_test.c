#include "platform/events/tests/fixture.h"

/* DONE, RETRY and REJECT on a real SQLite database, one event at a time and in batches; no broker. */

static struct fixture f;

static void open_with_consumer(void)
{
    fixture_open(&f, NULL, NULL);
    REQUIRE(events_consume(&f.ctx, f.events,
                           &(struct consumer_settings){
                               .name = "test",
                               .reactions = fixture_reactions,
                               .n_reactions = FIXTURE_REACTIONS,
                           }));
}

static void test_done_once(void)
{
    open_with_consumer();
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3}"), DONE);
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3}"), DONE); /* the same again */
    CHECK_INT(fixture_give(&f, "e-2", "{\"owner\":\"b\",\"amount\":4,\"new_member\":true}"), DONE);
    CHECK_INT(fixture_sum(&f), 7);
    CHECK_INT(fixture_number(&f, "SELECT next_offset FROM platform_positions"), 3);
    fixture_close(&f);
}

static void test_retry_changes_nothing(void)
{
    open_with_consumer();
    atomic_store(&fixture_refuse, 1);
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3,\"wish\":\"retry\"}"), RETRY);
    CHECK_INT(fixture_sum(&f), 0);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_seen"), 0);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_positions"), 0);
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3,\"wish\":\"retry\"}"), DONE);
    CHECK_INT(fixture_sum(&f), 3);
    fixture_close(&f);
}

static void test_reject_parks_the_key(void)
{
    open_with_consumer();
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3,\"wish\":\"reject\"}"),
              REJECT);
    CHECK_INT(fixture_give(&f, "e-2", "{\"owner\":\"a\",\"amount\":5}"),
              DONE); /* parked behind it */
    CHECK_INT(fixture_give(&f, "e-3", "{\"owner\":\"b\",\"amount\":7}"), DONE);
    CHECK_INT(fixture_sum(&f), 7);
    CHECK_INT(
        fixture_number(
            &f, "SELECT count(*) FROM platform_parked WHERE state = 'dead' AND event_id = 'e-1'"),
        1);
    CHECK_INT(
        fixture_number(
            &f, "SELECT count(*) FROM platform_parked WHERE state = 'behind' AND event_id = 'e-2'"),
        1);
    CHECK_INT(fixture_number(&f, "SELECT next_offset FROM platform_positions"), 3);
    CHECK_INT(
        fixture_number(
            &f, "SELECT count(*) FROM platform_outbox WHERE topic = 'fanfare.test.dead-letters'"),
        1);
    fixture_close(&f);
}

static void test_poison(void)
{
    open_with_consumer();
    struct ctx ctx = { .arena = f.arena };
    CHECK_INT(
        events_give(&ctx, f.events, &counted_v1, STR("e-1"), STR("a"), STR("{\"owner\":\"a\"")),
        REJECT);
    CHECK_INT(events_give(&ctx, f.events, &counted_v1, STR("e-2"), STR("b"),
                          STR("{\"owner\":5,\"amount\":1}")),
              REJECT);
    CHECK_INT(fixture_give(&f, "e-3", "{\"owner\":\"c\",\"amount\":2}"), DONE);
    CHECK_INT(fixture_sum(&f), 2);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_outbox"), 2);
    fixture_close(&f);
}

/* A reaction that says DONE although a statement failed is not believed. */
static enum outcome careless(struct ctx *ctx, const void *data)
{
    sql_exec(ctx, NULL, "INSERT INTO ledger (owner) VALUES (NULL)");
    ctx_clear(ctx);
    return DONE;
}

static void test_careless_reaction(void)
{
    static const struct reaction reactions[] = { { .event = &counted_v1, .handle = careless } };
    fixture_open(&f, NULL, NULL);
    REQUIRE(events_consume(
        &f.ctx, f.events,
        &(struct consumer_settings){ .name = "test", .reactions = reactions, .n_reactions = 1 }));
    CHECK(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3}") != DONE);
    CHECK_INT(fixture_sum(&f), 0);
    fixture_close(&f);
}

/* ---- batches ---- */

static struct record_header headers[5 * 8];

static void fill(struct record *records, size_t n, const char *const *data)
{
    static const char *const ids[] = { "b-0", "b-1", "b-2", "b-3", "b-4" };
    for (size_t i = 0; i < n; i++) {
        struct record_header *h = &headers[i * 8];
        h[0] = (struct record_header){ STR("ce_specversion"), STR("1.0") };
        h[1] = (struct record_header){ STR("ce_id"), str_of(ids[i]) };
        h[2] = (struct record_header){ STR("ce_type"), str_of(counted_v1.type) };
        records[i] = (struct record){
            .topic = str_of(counted_v1.topic),
            .offset = (int64_t)i * 2,
            .key = STR("k"),
            .value = str_of(data[i]),
            .headers = h,
            .n_headers = 3,
        };
    }
}

static struct slice run(struct record *records, size_t n, int64_t was)
{
    struct slice slice = {
        .log = STR("c/0"),
        .topic = str_of(counted_v1.topic),
        .was = was,
        .records = records,
        .n = n,
    };
    struct ctx ctx = { .arena = f.arena };
    CHECK(batch_run(&ctx, f.events->consumers[0], &slice, 1));
    return slice;
}

static void test_batch_is_cut_at_retry(void)
{
    static const char *const data[] = { "{\"owner\":\"a\",\"amount\":1}",
                                        "{\"owner\":\"a\",\"amount\":2}",
                                        "{\"owner\":\"a\",\"amount\":4,\"wish\":\"retry\"}",
                                        "{\"owner\":\"a\",\"amount\":8}" };
    struct record records[4];
    open_with_consumer();
    fill(records, 4, data);
    atomic_store(&fixture_refuse, 1);
    struct slice slice = run(records, 4, -1);
    CHECK_INT(slice.through, 2);
    CHECK_INT(slice.next, 3); /* after offset 2 */
    CHECK_INT(slice.fates[2], FATE_RETRY);
    CHECK_INT(fixture_sum(&f), 3);
    slice = run(records + 2, 2, 3);
    CHECK_INT(slice.through, 2);
    CHECK_INT(fixture_sum(&f), 15);
    fixture_close(&f);
}

static void test_another_instance_moved_it(void)
{
    static const char *const data[] = { "{\"owner\":\"a\",\"amount\":1}",
                                        "{\"owner\":\"a\",\"amount\":2}" };
    struct record records[2];
    open_with_consumer();
    fill(records, 2, data);
    CHECK_INT(run(records, 1, -1).through, 1);
    struct slice slice = run(records + 1, 1, -1); /* as if nothing had been read yet */
    CHECK(slice.lost);
    CHECK_INT(slice.through, 0);
    CHECK_INT(fixture_sum(&f), 1);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_seen"), 1);
    fixture_close(&f);
}

static bool read_position(struct ctx *ctx, void *argument)
{
    return position_read(ctx, STR("test"), STR("other/0"), str_of(counted_v1.topic), 0, argument);
}

static void test_another_log(void)
{
    static const char *const data[] = { "{\"owner\":\"a\",\"amount\":1}" };
    struct record records[1];
    open_with_consumer();
    fill(records, 1, data);
    run(records, 1, -1);
    struct ctx ctx = { .arena = f.arena };
    int64_t next;
    CHECK(!sql_read(&ctx, f.db, read_position, &next));
    CHECK_INT(ctx.error.code, ERR_CONFLICT);
    CHECK(strstr(ctx.error.detail.ptr, "c/0") && strstr(ctx.error.detail.ptr, "other/0"));
    fixture_close(&f);
}

int main(void)
{
    test_done_once();
    test_retry_changes_nothing();
    test_reject_parks_the_key();
    test_poison();
    test_careless_reaction();
    test_batch_is_cut_at_retry();
    test_another_instance_moved_it();
    test_another_log();
    return check_end();
}
