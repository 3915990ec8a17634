#include "platform/faults/faults.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"

static struct ctx ctx;

static bool set(const char *point, const char *peer, enum fault_kind kind, int64_t delay_ms,
                int per_mille, int times)
{
    ctx_clear(&ctx);
    return fault_set(&ctx, str_of(point), peer ? str_of(peer) : (struct str){ NULL, 0 }, kind,
                     delay_ms, per_mille, times);
}

static void test_off_and_bad(void)
{
    CHECK(!set("a.b", NULL, FAULT_ERROR, 0, 1000, 0));
    CHECK_INT(ctx.error.code, ERR_FORBIDDEN);
    faults_enable(true);
    CHECK_INT(fault_at("a.b", NULL), FAULT_NONE);
    CHECK(!set("", NULL, FAULT_ERROR, 0, 1000, 0));
    CHECK(!set("A b", NULL, FAULT_ERROR, 0, 1000, 0));
    CHECK(!set("a.b", "not/a/name", FAULT_ERROR, 0, 1000, 0));
    CHECK(!set("a.b", NULL, FAULT_DELAY, 0, 1000, 0));
    CHECK(!set("a.b", NULL, FAULT_ERROR, 0, 0, 0));
    CHECK(!set("a.b", NULL, FAULT_ERROR, 0, 1001, 0));
    CHECK(!set("a.b", NULL, FAULT_ERROR, 0, 1000, -1));
    CHECK_INT(ctx.error.code, ERR_INVALID);
    CHECK_STR(ctx.error.pointer, "/times");
    enum fault_kind kind = FAULT_EXIT;
    CHECK(fault_kind_parse(STR("drop"), &kind) && kind == FAULT_DROP);
    CHECK(!fault_kind_parse(STR("droop"), &kind) && kind == FAULT_DROP);
}

static void test_peers_and_times(void)
{
    CHECK(set("client.call", "commerce", FAULT_ERROR, 0, 1000, 2));
    CHECK(set("client.call", NULL, FAULT_DROP, 0, 1000, 0));
    CHECK_INT(fault_at("client.call", "commerce"), FAULT_ERROR);
    CHECK_INT(fault_at("client.call", "content"), FAULT_DROP);
    CHECK_INT(fault_at("client.call", "commerce"), FAULT_ERROR);
    CHECK_INT(fault_at("client.call", "commerce"), FAULT_DROP);
    CHECK_INT(fault_at("http.request", NULL), FAULT_NONE);
    CHECK_STR(
        faults_list_json(ctx.arena),
        "{\"faults\":[{\"point\":\"client.call\",\"peer\":\"commerce\",\"kind\":\"error\","
        "\"delay_ms\":0,\"per_mille\":1000,\"times\":2,\"hits\":2},{\"point\":\"client.call\","
        "\"kind\":\"drop\",\"delay_ms\":0,\"per_mille\":1000,\"times\":0,\"hits\":2}]}");
    CHECK(set("client.call", NULL, FAULT_NONE, 0, 1000, 0));
    CHECK_INT(fault_at("client.call", "content"), FAULT_NONE);
    faults_clear();
    CHECK_STR(faults_list_json(ctx.arena), "{\"faults\":[]}");
}

static void test_chance(void)
{
    CHECK(set("a.b", NULL, FAULT_ERROR, 0, 250, 0));
    int hits = 0;
    for (int i = 0; i < 4000; i++)
        hits += fault_at("a.b", NULL) == FAULT_ERROR;
    CHECK(hits > 800 && hits < 1200);
    faults_clear();
}

static void test_delay(void)
{
    CHECK(set("a.b", NULL, FAULT_DELAY, 30, 1000, 0));
    int64_t start_us = clock_mono_us();
    CHECK_INT(fault_at("a.b", NULL), FAULT_DELAY);
    CHECK(clock_mono_us() - start_us >= 30 * US_PER_MS);
    faults_clear();
}

static atomic_int passed;

static void *pass_point(void *argument)
{
    fault_at("a.b", NULL);
    atomic_fetch_add(&passed, 1);
    return NULL;
}

static void test_hang_ends_when_lifted(enum fault_kind kind)
{
    passed = 0;
    CHECK(set("a.b", NULL, kind, 0, 1000, 1)); /* once, but it holds until lifted */
    pthread_t thread;
    pthread_create(&thread, NULL, pass_point, NULL);
    usleep(30000);
    CHECK_INT(passed, 0);
    CHECK_INT(fault_at("a.b", NULL), FAULT_NONE);
    CHECK(set("a.b", NULL, FAULT_NONE, 0, 1000, 0));
    pthread_join(thread, NULL);
    CHECK_INT(passed, 1);
}

static void test_exit(void)
{
    pid_t child = fork();
    if (child == 0) {
        set("a.b", NULL, FAULT_EXIT, 0, 1000, 0);
        fault_at("a.b", NULL);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 137);
}

int main(void)
{
    ctx.arena = arena_new(0);
    test_off_and_bad();
    test_peers_and_times();
    test_chance();
    test_delay();
    test_hang_ends_when_lifted(FAULT_HANG);
    test_hang_ends_when_lifted(FAULT_HOLD);
    test_exit();
    arena_free(ctx.arena);
    return check_end();
}
