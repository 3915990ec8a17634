#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/events/projection.h"
#include "platform/faults/faults.h"
#include "platform/lmdb/lmdb_store.h"

/* The generations of a read model: which is in force, after a swap, after a kill at each of its steps, and while it is in
 * use. The models are LMDB's, with one mark each. */

static struct ctx ctx;
static char folder[64], path[80];
static const char *const tables[] = { "marks" };

static void *open_model(struct ctx *c, const char *where)
{
    return lmdb_open(c, where, tables, 1, 1 << 20);
}

static void close_model(void *model)
{
    lmdb_close(model);
}

static const struct projection_settings settings = {
    .name = "test",
    .file = "model",
    .store = &lmdb_event_store,
    .open = open_model,
    .close = close_model,
};

static struct lmdb *marked;
static bool mark(struct ctx *c, void *text)
{
    return lmdb_put(c, marked, 0, STR("mark"), str_of(text));
}

static void put_mark(void *model, char *text)
{
    marked = model;
    REQUIRE(lmdb_write(&ctx, model, mark, text));
}

static struct str mark_of(struct projection *projection)
{
    struct lmdb_read read;
    CLEANUP(model_done) struct model_use use = projection_use(projection);
    REQUIRE(lmdb_read_begin(&ctx, use.model, &read));
    struct str text = lmdb_get(&read, 0, STR("mark"));
    text = text.ptr ? arena_str(ctx.arena, text) : text;
    lmdb_read_end(&read);
    return text;
}

static struct projection *open_it(void)
{
    struct projection *projection = projection_open(&ctx, &settings, path);
    if (!projection)
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
    REQUIRE(projection);
    return projection;
}

static bool there(const char *suffix)
{
    return access(arena_printf(ctx.arena, "%s%s", path, suffix).ptr, F_OK) == 0;
}

static void begin(void)
{
    ctx.arena = arena_new(0);
    snprintf(folder, sizeof folder, "/tmp/fanfare-projection-XXXXXX");
    REQUIRE(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model", folder);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    ctx_clear(&ctx);
    arena_free(ctx.arena);
}

static void test_swap(void)
{
    begin();
    struct projection *projection = open_it();
    put_mark(projection_model(projection), "one");
    CHECK_INT(projection_generation(projection), 1);
    for (int round = 2; round <= 4; round++) {
        void *next = projection_begin(&ctx, projection);
        REQUIRE(next);
        put_mark(next, round == 4 ? "four" : "some");
        REQUIRE(projection_swap(&ctx, projection));
        CHECK(projection_clear(projection, US_PER_S));
        CHECK_INT(projection_generation(projection), round);
    }
    CHECK_STR(mark_of(projection), "four");
    CHECK(!there("") && !there("~2") && !there("~3") && there("~4"));
    projection_close(projection);
    projection = open_it();
    CHECK_INT(projection_generation(projection), 4);
    CHECK_STR(mark_of(projection), "four");
    projection_close(projection);
    end();
}

static void test_given_up(void)
{
    begin();
    struct projection *projection = open_it();
    put_mark(projection_model(projection), "one");
    put_mark(projection_begin(&ctx, projection), "two");
    CHECK(projection_clear(projection, 0));
    CHECK_STR(mark_of(projection), "one");
    CHECK(there("") && !there("~2"));
    CHECK(projection_begin(&ctx, projection)); /* and again: it is empty */
    REQUIRE(projection_swap(&ctx, projection));
    CHECK(!mark_of(projection).ptr);
    projection_close(projection); /* before it was cleared */
    projection = open_it();
    CHECK_INT(projection_generation(projection), 2);
    CHECK(!there("") && there("~2"));
    projection_close(projection);
    end();
}

/* What is left beside the one in force goes; what only looks alike stays. */
static void test_leftovers(void)
{
    static const char *const others[] = { "~2", "~3", "~17.wal", ".wal" }, *const strangers[] = {
        "~x", "~", "-2", "s", "~2x"
    };
    begin();
    projection_close(open_it());
    for (size_t i = 0; i < COUNT(others); i++)
        REQUIRE(mkdir(arena_printf(ctx.arena, "%s%s", path, others[i]).ptr, 0700) == 0);
    for (size_t i = 0; i < COUNT(strangers); i++)
        REQUIRE(mkdir(arena_printf(ctx.arena, "%s%s", path, strangers[i]).ptr, 0700) == 0);
    projection_close(open_it());
    CHECK(there("") && there(".wal")); /* a file of the first generation itself */
    for (size_t i = 0; i < 3; i++)
        CHECK(!there(others[i]));
    for (size_t i = 0; i < COUNT(strangers); i++)
        CHECK(there(strangers[i]));
    end();
}

static void test_bad_number(void)
{
    static const char *const numbers[] = { "", "two", "0", "-1", "99999999999999", "2 3" };
    begin();
    projection_close(open_it());
    for (size_t i = 0; i < COUNT(numbers); i++) {
        FILE *file = fopen(arena_printf(ctx.arena, "%s~now", path).ptr, "w");
        REQUIRE(file && fputs(numbers[i], file) >= 0 && fclose(file) == 0);
        CHECK(!projection_open(&ctx, &settings, path));
        CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
        ctx_clear(&ctx);
    }
    CHECK(there("")); /* nothing is removed by mistake */
    end();
}

/* A swap that fails before its moment changes nothing. */
static void test_failed_swap(void)
{
    begin();
    struct projection *projection = open_it();
    put_mark(projection_model(projection), "one");
    put_mark(projection_begin(&ctx, projection), "two");
    REQUIRE(fault_set(&ctx, STR("events.rebuild.swap"), STR(""), FAULT_ERROR, 0, 1000, 1));
    CHECK(!projection_swap(&ctx, projection));
    CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
    ctx_clear(&ctx);
    CHECK(projection_clear(projection, 0));
    CHECK_STR(mark_of(projection), "one");
    projection_close(projection);
    projection = open_it();
    CHECK_STR(mark_of(projection), "one");
    projection_close(projection);
    end();
}

/* Killed before and after the moment: the old one, or the new one, whole. */
static void killed_at(const char *point, const char *wanted)
{
    begin();
    struct projection *projection = open_it();
    put_mark(projection_model(projection), "old");
    projection_close(projection);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        projection = open_it();
        put_mark(projection_begin(&ctx, projection), "new");
        REQUIRE(fault_set(&ctx, str_of(point), STR(""), FAULT_EXIT, 0, 1000, 1));
        projection_swap(&ctx, projection);
        _exit(0);
    }
    int status;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    projection = open_it();
    CHECK_STR(mark_of(projection), wanted);
    CHECK(there("") != there("~2"));
    projection_close(projection);
    end();
}

static void test_killed(void)
{
    killed_at("events.rebuild.swap", "old");
    killed_at("events.rebuild.swapped", "new");
}

static void *use_it(void *argument)
{
    struct projection *projection = argument;
    for (int i = 0; i < 20000; i++) {
        CLEANUP(model_done) struct model_use use = projection_use(projection);
        struct lmdb_read read;
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct ctx own = { .arena = arena };
        REQUIRE(lmdb_read_begin(&own, use.model, &read));
        CHECK(lmdb_get(&read, 0, STR("mark")).ptr);
        lmdb_read_end(&read);
    }
    return NULL;
}

/* The old one stays open while it is in use. */
static void test_in_use(void)
{
    begin();
    struct projection *projection = open_it();
    put_mark(projection_model(projection), "one");
    struct model_use use = projection_use(projection);
    put_mark(projection_begin(&ctx, projection), "two");
    REQUIRE(projection_swap(&ctx, projection));
    CHECK(!projection_clear(projection, 20 * US_PER_MS));
    CHECK(there(""));
    struct lmdb_read read;
    REQUIRE(lmdb_read_begin(&ctx, use.model, &read));
    CHECK_STR(lmdb_get(&read, 0, STR("mark")), "one");
    lmdb_read_end(&read);
    model_done(&use);
    CHECK(projection_clear(projection, US_PER_S));
    CHECK(!there(""));
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, use_it, projection) == 0);
    for (int i = 0; i < 20; i++) {
        put_mark(projection_begin(&ctx, projection), "again");
        REQUIRE(projection_swap(&ctx, projection));
        CHECK(projection_clear(projection, 10 * US_PER_S));
    }
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    projection_close(projection);
    end();
}

int main(void)
{
    faults_enable(true);
    test_swap();
    test_given_up();
    test_leftovers();
    test_bad_number();
    test_failed_swap();
    test_killed();
    test_in_use();
    return check_end();
}
