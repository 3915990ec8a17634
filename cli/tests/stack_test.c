/* The lock of a data folder: one stack at a time, and whoever looks whether one runs keeps none from starting. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/tests/check.h"
#include "cli/stack.h"

#define STARTS 20000

static char folder[] = "/tmp/fanfare-stack-XXXXXX";
static atomic_bool done;

static void *look(void *looked)
{
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct stack_run run;
    while (!atomic_load(&done)) {
        stack_run_read(&ctx, str_of(folder), &run);
        ctx_clear(&ctx);
        arena_clear(arena);
        ++*(atomic_int *)looked;
    }
    arena_free(arena);
    return NULL;
}

static void test_one_holder(struct ctx *ctx)
{
    CHECK(!stack_runs(ctx, str_of(folder)));
    int lock = stack_lock(ctx, str_of(folder));
    CHECK(lock >= 0 && stack_runs(ctx, str_of(folder)));
    CHECK(stack_lock(ctx, str_of(folder)) < 0 && ctx->error.code == ERR_CONFLICT);
    ctx_clear(ctx);
    close(lock);
    CHECK(!stack_runs(ctx, str_of(folder)));
}

static void test_looked_at_while_starting(struct ctx *ctx)
{
    atomic_int looked = 0;
    pthread_t looker;
    REQUIRE(pthread_create(&looker, NULL, look, &looked) == 0);
    int refused = 0;
    for (int i = 0; i < STARTS || looked < STARTS / 10; i++) {
        int lock = stack_lock(ctx, str_of(folder));
        refused += lock < 0;
        ctx_clear(ctx);
        arena_clear(ctx->arena);
        if (lock >= 0)
            close(lock);
    }
    atomic_store(&done, true);
    pthread_join(looker, NULL);
    CHECK_INT(refused, 0);
}

int main(void)
{
    REQUIRE(mkdtemp(folder));
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    test_one_holder(&ctx);
    test_looked_at_while_starting(&ctx);
    arena_free(arena);
    char path[64];
    snprintf(path, sizeof(path), "%s/lock", folder);
    unlink(path);
    rmdir(folder);
    return check_end();
}
