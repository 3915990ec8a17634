/* Claims of what is due, on each engine: never more than were asked for, and each message once. */
#include "services/email/store_queue.h"
#include "services/email/tests/room.h"

#define MESSAGES 200
#define CLAIM 7

struct claim {
    struct message_row rows[MESSAGES];
    size_t n;
};

static bool queue_fill(struct ctx *ctx, void *argument)
{
    bool added = true;
    for (int i = 0; added && i < MESSAGES; i++) {
        struct message_row row = { .message_id = arena_printf(ctx->arena, "msg_%03d", i),
                                   .queue = STR("lch_a"),
                                   .state = STR("queued"),
                                   .person_id = arena_printf(ctx->arena, "prf_%03d", i),
                                   .due_us = 1 + i % 3,
                                   .created_us = 1 };
        if (!store_message_add(ctx, &row, &added))
            return false;
    }
    return added;
}

/* As PostgreSQL may plan it by itself when it knows little of a table: what stands behind IN is then asked for again for each
 * row, and each time gives others, for those before are locked. */
static bool plan_badly(struct ctx *ctx)
{
    static const char *const off[] = { "hashjoin", "mergejoin", "hashagg", "sort", "material" };
    for (size_t i = 0; sql_is_postgresql(sql_db_of(ctx)) && i < COUNT(off); i++)
        if (!sql_exec(ctx, NULL, arena_printf(ctx->arena, "SET LOCAL enable_%s = off", off[i]).ptr))
            return false;
    return true;
}

static bool queue_claim(struct ctx *ctx, void *argument)
{
    struct claim *claim = argument;
    return plan_badly(ctx) &&
           store_queue_claim(ctx, STR("lch_a"), 10, 5, CLAIM, claim->rows, &claim->n);
}

static void test_room(const char *url)
{
    static struct claim claim;
    static bool seen[MESSAGES];
    struct test_service *test = test_open(&email_service, url, NULL);
    int64_t number, all = 0, due_us = 0;
    memset(seen, 0, sizeof seen);
    REQUIRE(test_write(test, queue_fill, NULL));
    do {
        REQUIRE(test_write(test, queue_claim, &claim));
        CHECK_INT(claim.n, MIN(CLAIM, MESSAGES - all));
        int64_t first_us = due_us;
        for (size_t i = 0; i < claim.n; i++) {
            struct str id = claim.rows[i].message_id;
            REQUIRE(str_to_int((struct str){ id.ptr + 4, id.len - 4 }, &number));
            CHECK(!seen[number]);
            seen[number] = true;
            CHECK(claim.rows[i].due_us >= first_us);
            due_us = MAX(due_us, claim.rows[i].due_us);
        }
        all += (int64_t)claim.n;
    } while (claim.n > 0 && all < MESSAGES);
    REQUIRE(test_write(test, queue_claim, &claim));
    CHECK_INT(claim.n, 0);
    test_close(test);
}

int main(void)
{
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
