#include "platform/lmdb/lmdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/tests/check.h"

static char folder[64];
static const char *const tables[] = { "things", "others" };
static const struct event_store *const store = &lmdb_event_store;
static struct ctx ctx;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    return remove(path);
}

static const char *path(const char *name)
{
    static char out[128];
    snprintf(out, sizeof out, "%s/%s", folder, name);
    return out;
}

static bool there(const char *name)
{
    return access(path(name), F_OK) == 0;
}

static void say(const struct ctx *failed)
{
    if (ctx_failed(failed))
        fprintf(stderr, STR_FMT "\n", STR_ARG(failed->error.detail));
}

static struct lmdb *open_it(void)
{
    struct lmdb *db = lmdb_open(&ctx, folder, tables, 2, 0);
    say(&ctx);
    REQUIRE(db);
    return db;
}

/* The value is looked at while the read is open. */
static void check_value(struct lmdb *db, int table, const char *key, const char *wanted)
{
    struct lmdb_read read;
    REQUIRE(lmdb_read_begin(&ctx, db, &read));
    struct str value = lmdb_get(&read, table, str_of(key));
    if (wanted)
        CHECK_STR(value, wanted);
    else
        CHECK(!value.ptr);
    lmdb_read_end(&read);
}

static int64_t position_of(struct lmdb *db, const char *log, int partition)
{
    int64_t next = -2;
    if (!store->position(&ctx, db, str_of(log), STR("topic"), partition, &next))
        next = -3;
    return next;
}

static bool put_text(struct lmdb *db, const char *key, const char *value)
{
    return lmdb_put(&ctx, db, 0, str_of(key), str_of(value));
}

/* ---- tables ---- */

static bool collect(struct str key, struct str value, void *argument)
{
    char *out = argument;
    strncat(out, key.ptr, key.len);
    strcat(out, "=");
    strncat(out, value.ptr, value.len);
    strcat(out, " ");
    return key.ptr[0] != 'c';
}

static bool write_inner(struct ctx *c, void *db)
{
    return put_text(db, "d", "4");
}

static bool write_b(struct ctx *c, void *db)
{
    return put_text(db, "b", "2") && lmdb_write(c, db, write_inner, db);
}

static bool write_and_fail(struct ctx *c, void *db)
{
    return put_text(db, "b", "never") && ctx_fail(c, ERR_GONE, "undone");
}

static void test_tables(void)
{
    struct lmdb *db = open_it();
    check_value(db, 0, "a", NULL);
    CHECK(store->begin(&ctx, db));
    CHECK(put_text(db, "a", "1") && put_text(db, "c", "3") && put_text(db, "gone", ""));
    CHECK(lmdb_put(&ctx, db, 1, STR("a"), STR("other")));
    CHECK_STR(lmdb_get_for_update(&ctx, db, 0, STR("a")), "1");
    CHECK(!lmdb_get_for_update(&ctx, db, 0, STR("x")).ptr && !ctx_failed(&ctx));
    check_value(db, 0, "a", NULL); /* readers see what is committed */
    CHECK(store->commit(&ctx, db));
    check_value(db, 0, "a", "1");
    check_value(db, 1, "a", "other");
    check_value(db, 0, "gone", "");

    CHECK(lmdb_write(&ctx, db, write_b, db));
    CHECK(!lmdb_write(&ctx, db, write_and_fail, db) && ctx.error.code == ERR_GONE);
    ctx_clear(&ctx);
    check_value(db, 0, "b", "2");

    CHECK(store->begin(&ctx, db));
    CHECK(lmdb_delete(&ctx, db, 0, STR("gone")) && lmdb_delete(&ctx, db, 0, STR("never there")));
    CHECK(!lmdb_put(&ctx, db, 0, STR(""), STR("x")) && ctx.error.code == ERR_INVALID);
    ctx_clear(&ctx);
    CHECK(!store->begin(&ctx, db) && ctx.error.code == ERR_INTERNAL);
    ctx_clear(&ctx);
    CHECK(store->commit(&ctx, db));
    CHECK(!put_text(db, "a", "outside") && ctx.error.code == ERR_INTERNAL);
    ctx_clear(&ctx);

    char seen[128] = "";
    struct lmdb_read read;
    REQUIRE(lmdb_read_begin(&ctx, db, &read));
    CHECK_INT(lmdb_count(&read, 0), 4);
    lmdb_scan(&read, 0, (struct str){ NULL, 0 }, collect, seen);
    CHECK_STR(str_of(seen), "a=1 b=2 c=3 ");
    seen[0] = '\0';
    lmdb_scan(&read, 0, STR("c0"), collect, seen);
    CHECK_STR(str_of(seen), "d=4 ");
    lmdb_read_end(&read);
    lmdb_read_end(&read);

    struct lmdb *second = lmdb_open(&ctx, folder, tables, 2, 0);
    CHECK(!second && strstr(ctx.error.detail.ptr, "in use"));
    ctx_clear(&ctx);
    lmdb_close(db);
    CHECK(!there("unsynced"));
}

/* ---- positions and ids ---- */

static void test_positions(void)
{
    struct lmdb *db = open_it();
    CHECK_INT(position_of(db, "cluster/1", 0), -1);
    CHECK(store->begin(&ctx, db));
    CHECK(store->move(&ctx, db, STR("cluster/1"), STR("topic"), 0, -1, 10));
    CHECK_INT(position_of(db, "cluster/1", 0), 10);
    CHECK(put_text(db, "with", "position"));
    store->undo(&ctx, db);
    CHECK_INT(position_of(db, "cluster/1", 0), -1);
    check_value(db, 0, "with", NULL);

    CHECK(store->begin(&ctx, db));
    CHECK(store->move(&ctx, db, STR("cluster/1"), STR("topic"), 0, -1, 10));
    CHECK(store->move(&ctx, db, STR("cluster/1"), STR("topic"), 11, -1, 5));
    CHECK(put_text(db, "with", "position"));
    CHECK(store->commit(&ctx, db));
    CHECK_INT(position_of(db, "cluster/1", 0), 10);
    CHECK_INT(position_of(db, "cluster/1", 11), 5);
    CHECK_INT(position_of(db, "cluster/1", 1), -1);

    CHECK(store->begin(&ctx, db));
    CHECK(!store->move(&ctx, db, STR("cluster/1"), STR("topic"), 0, 9, 12) &&
          ctx.error.code == ERR_CONFLICT);
    ctx_clear(&ctx);
    CHECK(!store->move(&ctx, db, STR("cluster/1"), STR("topic"), 0, -1, 12) &&
          ctx.error.code == ERR_CONFLICT);
    ctx_clear(&ctx);
    CHECK(store->move(&ctx, db, STR("cluster/1"), STR("topic"), 0, 10, 12));
    CHECK(store->commit(&ctx, db));
    lmdb_close(db);

    db = open_it();
    CHECK_INT(position_of(db, "cluster/1", 0), 12);
    check_value(db, 0, "with", "position");
    CHECK_INT(position_of(db, "cluster/2", 0), -3);
    CHECK(ctx.error.code == ERR_CONFLICT && strstr(ctx.error.detail.ptr, "cluster/1") &&
          strstr(ctx.error.detail.ptr, "cluster/2"));
    ctx_clear(&ctx);
    lmdb_close(db);
}

static bool seen_already(struct lmdb *db, struct str id)
{
    bool already = false;
    CHECK(store->seen(&ctx, db, id, &already));
    return already;
}

static void test_seen(void)
{
    struct lmdb *db = open_it();
    struct str ids[] = { STR("0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"),
                         STR("0190AAAA-BBBB-7CCC-8DDD-EEEEEEEEEEEE"),
                         STR("x"),
                         STR("123456789012345"),
                         STR("1234567890123456"),
                         STR("0190aaaa-bbbb-7ccc") };
    CHECK(store->begin(&ctx, db));
    for (size_t i = 0; i < COUNT(ids); i++)
        CHECK(!seen_already(db, ids[i]) && seen_already(db, ids[i]));
    store->undo(&ctx, db);
    CHECK(store->begin(&ctx, db));
    for (size_t i = 0; i < COUNT(ids); i++)
        CHECK(!seen_already(db, ids[i]));
    bool already;
    CHECK(!store->seen(&ctx, db, STR(""), &already) && ctx.error.code == ERR_INVALID);
    ctx_clear(&ctx);
    CHECK(store->commit(&ctx, db));
    lmdb_close(db);
    db = open_it();
    CHECK(store->begin(&ctx, db));
    for (size_t i = 0; i < COUNT(ids); i++)
        CHECK(seen_already(db, ids[i]));
    CHECK(store->commit(&ctx, db));
    lmdb_close(db);
}

/* Ten days of ids: no more than 7 days and a quarter of them stay. */
static void test_seen_forgotten(void)
{
    enum { DAYS = 20, BATCHES = 50, EACH = 20 };
    struct lmdb *db = open_it();
    char first[ID_UUID_BYTES] = "", id[ID_UUID_BYTES];
    int64_t now = clock_now_us();
    for (int batch = 0; batch < DAYS * BATCHES; batch++) {
        clock_hold_us(now + batch * (US_PER_DAY / BATCHES));
        CHECK(store->begin(&ctx, db));
        for (int i = 0; i < EACH; i++) {
            id_uuid7(id);
            if (!first[0])
                memcpy(first, id, sizeof first);
            CHECK(!seen_already(db, str_of(id)));
        }
        if (batch == 6 * BATCHES)
            CHECK(seen_already(db, str_of(first)));
        CHECK(store->commit(&ctx, db));
        arena_clear(ctx.arena);
    }
    CHECK_INT(lmdb_seen_count(&ctx, db) < (int64_t)(9.2 * BATCHES * EACH), true);
    CHECK_INT(lmdb_seen_count(&ctx, db) > (int64_t)(7 * BATCHES * EACH), true);
    CHECK(store->begin(&ctx, db));
    CHECK(!seen_already(db, str_of(first)));
    CHECK(store->commit(&ctx, db));
    clock_hold_us(0);
    lmdb_close(db);
}

/* ---- many readers beside a writer ---- */

static _Atomic bool writing_done;

static void *read_pairs(void *argument)
{
    struct lmdb *db = argument;
    struct ctx own = { .arena = arena_new(0) };
    long failed = 0;
    while (!atomic_load(&writing_done)) {
        struct lmdb_read read, inner;
        failed += !lmdb_read_begin(&own, db, &read) || !lmdb_read_begin(&own, db, &inner);
        struct str left = lmdb_get(&read, 0, STR("left")), right = lmdb_get(&read, 1, STR("right"));
        failed += !str_eq(left, right);
        lmdb_read_end(&inner);
        lmdb_read_end(&read);
    }
    arena_free(own.arena);
    return (void *)failed;
}

static bool write_pair(struct ctx *c, void *argument)
{
    static int n;
    struct str value = arena_printf(c->arena, "%d", ++n);
    return lmdb_put(c, argument, 0, STR("left"), value) &&
           lmdb_put(c, argument, 1, STR("right"), value);
}

static void test_readers(void)
{
    struct lmdb *db = open_it();
    pthread_t threads[8];
    CHECK(lmdb_write(&ctx, db, write_pair, db));
    for (size_t i = 0; i < COUNT(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, read_pairs, db) == 0);
    for (int i = 0; i < 2000; i++) {
        CHECK(lmdb_write(&ctx, db, write_pair, db));
        arena_clear(ctx.arena);
    }
    atomic_store(&writing_done, true);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        CHECK(!failed);
    }
    lmdb_close(db);
}

/* ---- crashes ---- */

/* A child that counts: state and position together, telling each commit; killed at some moment. */
static void child_counts(int out)
{
    struct lmdb *db = open_it();
    int64_t n = position_of(db, "log", 7);
    for (n = MAX(n, 0);; n++) {
        struct str text = arena_printf(ctx.arena, "%lld", (long long)n + 1);
        if (!store->begin(&ctx, db) || !lmdb_put(&ctx, db, 0, STR("count"), text) ||
            !store->move(&ctx, db, STR("log"), STR("topic"), 7, n ? n : -1, n + 1) ||
            !store->commit(&ctx, db))
            _exit(1);
        if (write(out, &n, sizeof n) != sizeof n)
            _exit(1);
        arena_clear(ctx.arena);
    }
}

static void test_kill(void)
{
    int64_t last = -1, n;
    for (int round = 0; round < 8; round++) {
        int pipes[2];
        REQUIRE(pipe(pipes) == 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(pipes[0]);
            child_counts(pipes[1]);
        }
        close(pipes[1]);
        for (int i = 0; i < 100 + round * 37 && read(pipes[0], &n, sizeof n) == sizeof n; i++)
            last = n;
        kill(pid, SIGKILL);
        while (read(pipes[0], &n, sizeof n) == sizeof n)
            last = n;
        waitpid(pid, NULL, 0);
        close(pipes[0]);
        CHECK(there("unsynced"));
        struct lmdb *db = open_it();
        int64_t at = position_of(db, "log", 7);
        CHECK(at == last + 1 || at == last + 2);
        check_value(db, 0, "count", arena_printf(ctx.arena, "%lld", (long long)at).ptr);
        lmdb_close(db);
        last = at - 1;
    }
    CHECK(!there("data.mdb.broken"));
}

static void overwrite(const char *name, off_t at, const char *text)
{
    int fd = open(path(name), O_WRONLY | O_CREAT, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text));
    close(fd);
}

/* It is set aside, and what stands in its place is empty and works. */
static void check_anew(const char *what)
{
    unlink(path("data.mdb.broken"));
    struct lmdb *db = open_it();
    if (!CHECK(there("data.mdb.broken")))
        fprintf(stderr, "not set aside: %s\n", what);
    CHECK_INT(position_of(db, "log", 7), -1);
    check_value(db, 0, "count", NULL);
    CHECK(store->begin(&ctx, db));
    CHECK(store->move(&ctx, db, STR("log"), STR("topic"), 7, -1, 1) && put_text(db, "count", "1"));
    for (int i = 0; i < 2000; i++)
        CHECK(lmdb_put(&ctx, db, 1, arena_printf(ctx.arena, "%05d", i),
                       STR("a value of some length, so that there are pages")));
    CHECK(store->commit(&ctx, db));
    lmdb_close(db);
}

static void test_broken(void)
{
    overwrite("data.mdb", 0,
              "this is no such file, and it has never been one, but it is long enough");
    overwrite("data.mdb", 4096,
              "this is no such file, and it has never been one, but it is long enough");
    check_anew("nonsense");
    overwrite("broken", 0, "");
    check_anew("found broken while in use");
    overwrite("unsynced", 0, "00000000-0000-0000-0000-000000000000\n");
    check_anew("power lost");
    REQUIRE(truncate(path("data.mdb"), 4 * 4096) == 0);
    check_anew("cut");
    REQUIRE(truncate(path("data.mdb"), 5000) == 0);
    check_anew("cut short");
    struct lmdb *db = open_it();
    check_value(db, 0, "count", "1");
    lmdb_close(db);
}

static void test_sync_when_quiet(void)
{
    struct lmdb *db = open_it();
    CHECK(there("unsynced"));
    for (int i = 0; i < 100 && there("unsynced"); i++)
        usleep(50000);
    CHECK(!there("unsynced"));
    CHECK(lmdb_write(&ctx, db, write_pair, db));
    CHECK(there("unsynced"));
    lmdb_close(db);
    CHECK(!there("unsynced"));
}

static bool write_much(struct ctx *c, void *db)
{
    char key[32], value[1000];
    memset(value, 'x', sizeof value);
    for (int i = 0; i < 4000; i++) {
        snprintf(key, sizeof key, "much-%d", i);
        if (!lmdb_put(c, db, 1, str_of(key), (struct str){ value, sizeof value }))
            return false;
    }
    return true;
}

/* Of the data file, as this process has it mapped. */
static long mapped_kib(void)
{
    char line[512];
    long kib = 0;
    bool ours = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    REQUIRE(file);
    while (fgets(line, sizeof line, file)) {
        if (strchr("0123456789abcdef", line[0]))
            ours = strstr(line, path("data.mdb")) != NULL;
        else if (ours && strncmp(line, "Rss:", 4) == 0)
            kib += atol(line + 4);
    }
    fclose(file);
    return kib;
}

static void test_map_given_back_at_rest(void)
{
    struct lmdb *db = open_it();
    CHECK(lmdb_write(&ctx, db, write_much, db));
    for (int i = 0; i < 4000; i += 7) {
        char key[32];
        snprintf(key, sizeof key, "much-%d", i);
        struct lmdb_read read;
        REQUIRE(lmdb_read_begin(&ctx, db, &read));
        CHECK(lmdb_get(&read, 1, str_of(key)).len == 1000);
        lmdb_read_end(&read);
    }
    CHECK(mapped_kib() > 1000);
    for (int i = 0; i < 300 && mapped_kib() > 100; i++)
        usleep(50000);
    CHECK(mapped_kib() <= 100);
    struct lmdb_read read;
    REQUIRE(lmdb_read_begin(&ctx, db, &read));
    CHECK(lmdb_get(&read, 1, STR("much-3999")).len == 1000);
    lmdb_read_end(&read);
    lmdb_close(db);
}

static void test_bad_folder(void)
{
    overwrite("file", 0, "x");
    CHECK(!lmdb_open(&ctx, path("file"), tables, 2, 0));
    CHECK(strstr(ctx.error.detail.ptr, "not a folder"));
    ctx_clear(&ctx);
    CHECK(!lmdb_open(&ctx, path("file/below"), tables, 2, 0));
    CHECK(ctx_failed(&ctx));
    ctx_clear(&ctx);
    /* A map that is full refuses, and goes on with what fits. */
    struct lmdb *db = lmdb_open(&ctx, path("a/b/small"), tables, 2, 1 << 20);
    REQUIRE(db);
    char *large = arena_alloc(ctx.arena, 2 << 20);
    CHECK(store->begin(&ctx, db));
    CHECK(!lmdb_put(&ctx, db, 0, STR("large"), (struct str){ large, 2 << 20 }) &&
          ctx.error.code == ERR_UNAVAILABLE);
    ctx_clear(&ctx);
    store->undo(&ctx, db);
    CHECK(lmdb_write(&ctx, db, write_b, db));
    check_value(db, 0, "b", "2");
    lmdb_close(db);
}

int main(void)
{
    ctx.arena = arena_new(0);
    snprintf(folder, sizeof folder, "/tmp/fanfare-lmdb-test-XXXXXX");
    REQUIRE(mkdtemp(folder));
    test_tables();
    test_positions();
    test_seen();
    test_kill(); /* before threads are made: it forks */
    test_seen_forgotten();
    test_readers();
    test_broken();
    test_sync_when_quiet();
    test_map_given_back_at_rest();
    test_bad_folder();
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(ctx.arena);
    return check_end();
}
