#include <stdlib.h>

#include "platform/events/tests/fixture.h"
#include "platform/faults/faults.h"
#include "platform/lmdb/lmdb_store.h"

/* A projection in LMDB: a store that has no savepoints. What goes wrong in the middle of a batch leaves what was before
 * it, and nothing else; what reactions publish goes through the SQL outbox, once. No broker. */

static struct fixture f;
static struct lmdb *lmdb;
static char folder[80];

enum { COUNTS };
static const char *const tables[] = { "counts" };

static bool add(struct ctx *ctx, struct str owner, int64_t amount)
{
    struct str before = lmdb_get_for_update(ctx, lmdb, COUNTS, owner);
    int64_t sum = amount;
    if (before.ptr)
        sum += *(const int64_t *)arena_copy(ctx->arena, before.ptr, sizeof sum);
    return lmdb_put(ctx, lmdb, COUNTS, owner, (struct str){ (const char *)&sum, sizeof sum });
}

static enum outcome count(struct ctx *ctx, const void *data)
{
    const struct counted *counted = data;
    if (!add(ctx, counted->owner, counted->amount))
        return outcome_of(ctx);
    if (str_is(counted->wish, "reject"))
        return REJECT;
    if (str_is(counted->wish, "retry") && atomic_fetch_sub(&fixture_refuse, 1) > 0)
        return RETRY;
    struct counted note = { counted->owner, -counted->amount, { 0 } };
    if (str_is(counted->wish, "publish") && !event_publish(ctx, &noted_v1, &note))
        return outcome_of(ctx);
    return DONE;
}

static const struct reaction reactions[] = { { .event = &counted_v1, .handle = count } };

static void start(void)
{
    fixture_open(&f, NULL, NULL);
    snprintf(folder, sizeof folder, "%s/lmdb", f.folder);
    lmdb = lmdb_open(&f.ctx, folder, tables, 1, 64 << 20);
    REQUIRE(lmdb);
    REQUIRE(events_consume(&f.ctx, f.events,
                           &(struct consumer_settings){ .name = "test.local",
                                                        .sharing = CONSUMER_LOCAL,
                                                        .reactions = reactions,
                                                        .n_reactions = 1,
                                                        .store = &lmdb_event_store,
                                                        .store_data = lmdb }));
}

static void stop(void)
{
    char command[128];
    lmdb_close(lmdb);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    fixture_close(&f);
}

static int64_t sum_of(const char *owner)
{
    struct lmdb_read read;
    int64_t sum = 0;
    REQUIRE(lmdb_read_begin(&f.ctx, lmdb, &read));
    struct str value = lmdb_get(&read, COUNTS, str_of(owner));
    if (value.ptr)
        memcpy(&sum, value.ptr, sizeof sum);
    lmdb_read_end(&read);
    return sum;
}

#define MOST 5
static struct record_header headers[MOST * 3];

/* A batch of events of one partition at offsets 10, 11, ...; their data, and keys as the data's owner. */
static struct slice run(size_t n, const char *const *owners, const char *const *wishes, int64_t was,
                        bool *committed)
{
    static struct record records[MOST];
    for (size_t i = 0; i < n; i++) {
        struct record_header *h = &headers[i * 3];
        h[0] = (struct record_header){ STR("ce_specversion"), STR("1.0") };
        h[1] =
            (struct record_header){ STR("ce_id"), arena_printf(f.arena, "e-%zu-%s", i, owners[i]) };
        h[2] = (struct record_header){ STR("ce_type"), str_of(counted_v1.type) };
        records[i] = (struct record){
            .topic = str_of(counted_v1.topic),
            .offset = 10 + (int64_t)i,
            .key = str_of(owners[i]),
            .value = arena_printf(f.arena, "{\"owner\":\"%s\",\"amount\":%d,\"wish\":\"%s\"}",
                                  owners[i], 1 << i, wishes[i]),
            .headers = h,
            .n_headers = 3,
        };
    }
    struct slice slice = {
        .log = STR("c/0"),
        .topic = str_of(counted_v1.topic),
        .was = was,
        .records = records,
        .n = n,
    };
    struct ctx ctx = { .arena = f.arena };
    *committed = batch_run(&ctx, f.events->consumers[0], &slice, 1);
    return slice;
}

static void test_once(void)
{
    start();
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3}"), DONE);
    CHECK_INT(fixture_give(&f, "e-1", "{\"owner\":\"a\",\"amount\":3}"), DONE);
    CHECK_INT(sum_of("a"), 3);
    stop();
}

static void test_retry_in_the_middle(void)
{
    static const char *const owners[] = { "a", "b", "a", "b" }, *const wishes[] = { "publish", "",
                                                                                    "retry", "" };
    bool committed;
    start();
    atomic_store(&fixture_refuse, 1);
    struct slice slice = run(4, owners, wishes, -1, &committed);
    CHECK(committed);
    CHECK_INT(slice.through, 2);
    CHECK_INT(slice.next, 12);
    CHECK_INT(slice.fates[2], FATE_RETRY);
    CHECK_INT(sum_of("a"), 1);
    CHECK_INT(sum_of("b"), 2);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_outbox"), 1);
    stop();
}

static void test_reject_in_the_middle(void)
{
    static const char *const owners[] = { "a", "b", "a", "b" }, *const wishes[] = { "", "reject",
                                                                                    "", "" };
    bool committed;
    start();
    struct slice slice = run(4, owners, wishes, -1, &committed);
    CHECK(committed);
    CHECK_INT(slice.through, 2); /* the batch ends behind it; the rest is the next one's */
    CHECK_INT(slice.fates[1], FATE_REJECTED);
    CHECK_INT(sum_of("b"), 0);
    CHECK_INT(
        fixture_number(
            &f, "SELECT count(*) FROM platform_outbox WHERE topic = 'fanfare.test.dead-letters'"),
        1);
    CHECK_INT(
        fixture_number(
            &f, "SELECT count(*) FROM platform_parked WHERE state = 'dead' AND log_offset = 11"),
        1);
    CHECK_INT(fixture_give(&f, "e-9", "{\"owner\":\"b\",\"amount\":3}"),
              RETRY); /* the log of events_give is another */
    slice = run(4, owners, wishes, 12,
                &committed); /* b is parked now, its first event too; a's are duplicates */
    CHECK(committed);
    CHECK_INT(slice.fates[1], FATE_PARKED);
    CHECK_INT(slice.fates[3], FATE_PARKED);
    CHECK_INT(sum_of("b"), 0);
    stop();
}

/* What is published is stored before the projection's commit: when that fails, the same event is made again. */
static void test_commit_fails(void)
{
    static const char *const owners[] = { "a" }, *const wishes[] = { "publish" };
    bool committed;
    start();
    faults_enable(true);
    REQUIRE(fault_set(&f.ctx, STR("events.consumer.commit"), (struct str){ 0 }, FAULT_ERROR, 0,
                      1000, 2));
    for (int i = 0; i < 2; i++) {
        run(1, owners, wishes, -1, &committed);
        CHECK(!committed);
        CHECK_INT(sum_of("a"), 0);
    }
    run(1, owners, wishes, -1, &committed);
    CHECK(committed);
    CHECK_INT(sum_of("a"), 1);
    CHECK_INT(fixture_number(&f, "SELECT count(*) FROM platform_outbox"), 1);
    faults_clear();
    stop();
}

static void test_moved_by_another(void)
{
    static const char *const owners[] = { "a" }, *const wishes[] = { "" };
    bool committed;
    start();
    run(1, owners, wishes, -1, &committed);
    struct slice slice = run(1, owners, wishes, 5, &committed);
    CHECK(committed);
    CHECK(slice.lost);
    CHECK_INT(slice.through, 0);
    CHECK_INT(sum_of("a"), 1);
    stop();
}

int main(void)
{
    test_once();
    test_retry_in_the_middle();
    test_reject_in_the_middle();
    test_commit_fails();
    test_moved_by_another();
    return check_end();
}
