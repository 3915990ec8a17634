/* Calls to a peer on loopback that does everything wrong in turn: the path says what. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/tests/check.h"
#include "platform/client/client.h"
#include "platform/faults/faults.h"
#include "platform/json/json.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/metrics.h"
#include "platform/telemetry/trace.h"

/* ---- the peer ---- */

static int port;
static _Atomic int connections, requests, flaky_left;

static void nap_ms(int64_t ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static bool send_all(int fd, const char *text, size_t bytes)
{
    while (bytes) {
        ssize_t n = send(fd, text, bytes, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        text += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool answer(int fd, int status, const char *headers, const char *body, size_t bytes)
{
    char head[1000];
    int n = snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status,
                     bytes, headers);
    return send_all(fd, head, (size_t)n) && send_all(fd, body, bytes);
}

static bool is(const char *request, const char *path)
{
    const char *at = strchr(request, ' ');
    return at && strncmp(at + 1, path, strlen(path)) == 0;
}

static bool serve_large(int fd, size_t bytes)
{
    char *body = mem_alloc(bytes);
    bool ok = answer(fd, 200, "", body, bytes);
    free(body);
    return ok;
}

/* One request; false: close. */
static bool serve(int fd, const char *request, const char *body)
{
    atomic_fetch_add(&requests, 1);
    if (is(request, "/ok"))
        return answer(fd, 200,
                      "Content-Type: application/json\r\nETag: \"7\"\r\n"
                      "Fanfare-Next-Cursor: bmV4dA\r\n",
                      "{}", 2);
    if (is(request, "/echo"))
        return answer(fd, 200, "", request, strlen(request));
    if (is(request, "/late")) {
        nap_ms(120);
        return answer(fd, 200, "", strchr(request, '?'), 3);
    }
    if (is(request, "/wait")) {
        nap_ms(100);
        return answer(fd, 200, "", "{}", 2);
    }
    if (is(request, "/hang")) {
        nap_ms(1500);
        return false;
    }
    if (is(request, "/half")) {
        send_all(fd, "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nhalf", 40);
        nap_ms(1000);
        return false;
    }
    if (is(request, "/flaky"))
        return answer(fd, atomic_fetch_sub(&flaky_left, 1) > 0 ? 503 : 200, "", "{}", 2);
    if (is(request, "/busy"))
        return answer(fd, 503, "Retry-After: 1\r\n", "{}", 2);
    if (is(request, "/once")) { /* keeps its promise of an open connection once */
        answer(fd, 200, "", "{}", 2);
        return false;
    }
    if (is(request, "/away"))
        return answer(fd, 302, "Location: /ok\r\n", "", 0);
    if (is(request, "/large"))
        return serve_large(fd, 9 * 1024 * 1024);
    if (is(request, "/quite"))
        return serve_large(fd, 7 * 1024 * 1024);
    if (is(request, "/garbage")) {
        send_all(fd, "\x01\x02garbage\r\n\r\n", 13);
        return false;
    }
    int status = atoi(strchr(request, '/') + 1);
    return status && answer(fd, status, "", "{}", 2);
}

/* Answers as soon as the head is there, and reads no more. */
static bool answers_early(int fd, const char *head)
{
    if (!is(head, "/413"))
        return false;
    answer(fd, 413, "Connection: close\r\n", "", 0);
    shutdown(fd, SHUT_WR);
    nap_ms(300); /* what it has not read would reset the connection, and the answer with it */
    return true;
}

static void *serve_connection(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char text[20000];
    size_t n = 0;
    ssize_t got;
    while ((got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0) {
        n += (size_t)got;
        text[n] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "Content-Length:");
        if (end && answers_early(fd, text))
            break;
        if (!end || (size_t)(end + 4 - text) + (length ? (size_t)atoi(length + 15) : 0) > n)
            continue;
        n = 0;
        if (!serve(fd, text, end + 4))
            break;
    }
    close(fd);
    return NULL;
}

static void *serve_all(void *argument)
{
    int listening = (int)(intptr_t)argument, fd;
    while ((fd = accept(listening, NULL, NULL)) >= 0) {
        pthread_t thread;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        atomic_fetch_add(&connections, 1);
        if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

static void peer_start(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t length = sizeof(at);
    pthread_t thread;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 100) == 0);
    getsockname(fd, (struct sockaddr *)&at, &length);
    port = ntohs(at.sin_port);
    REQUIRE(pthread_create(&thread, NULL, serve_all, (void *)(intptr_t)fd) == 0);
    pthread_detach(thread);
}

/* ---- calling ---- */

static struct ctx ctx;

static bool
    by_curl; /* as for a peer that only curl can reach; else by the client's own connections */

static struct peer *peer(const char *name, int64_t budget_us)
{
    const char *url =
        arena_printf(ctx.arena, "http://%s127.0.0.1:%d/", by_curl ? "u@" : "", port).ptr;
    return peer_new(&(struct peer_settings){ .name = name, .url = url, .budget_us = budget_us });
}

static int64_t in_ms(int64_t ms)
{
    return clock_mono_us() + ms * US_PER_MS;
}

static struct call get(struct peer *to, const char *path, int64_t ms)
{
    struct call call = {
        .peer = to, .method = "GET", .path = str_of(path), .deadline_us = in_ms(ms)
    };
    client_call(&ctx, &call, 1);
    return call;
}

static void test_answers(void)
{
    struct peer *to = peer("answers", 0);
    struct call call = get(to, "/ok", 1000);
    CHECK_INT(call.status, 200);
    CHECK_INT(call.error.code, ERR_NONE);
    CHECK_STR(call.answer, "{}");
    CHECK_STR(call.answer_type, "application/json");
    CHECK_STR(call.etag, "\"7\"");
    CHECK_STR(call.next_cursor, "bmV4dA");
    call = get(to, "/404", 1000);
    CHECK_INT(call.status, 404);
    CHECK_INT(call.error.code, ERR_NONE);
    call = get(to, "/away", 1000);
    CHECK_INT(call.status, 302);
    call = get(to, "/500", 1000);
    CHECK_INT(call.status, 500);
    CHECK_INT(call.error.code, ERR_BAD_GATEWAY);
    CHECK_STR(call.error.detail, "answers answered 500");
    call = get(to, "/busy", 1000);
    CHECK_INT(call.error.code, ERR_UNAVAILABLE);
    call = get(to, "/large", 5000);
    CHECK_INT(call.status, 0);
    CHECK_INT(call.error.code, ERR_BAD_GATEWAY);
    call = get(to, "/quite", 5000);
    CHECK_INT(call.answer.len, 7 * 1024 * 1024);
    call = get(to, "/garbage", 1000);
    CHECK_INT(call.error.code, ERR_BAD_GATEWAY);
    CHECK_INT(call.status, 0);
    peer_free(to);
    struct peer *nobody =
        peer_new(&(struct peer_settings){ .name = "nobody", .url = "http://127.0.0.1:1" });
    call = get(nobody, "/ok", 1000);
    CHECK_INT(call.error.code, ERR_UNAVAILABLE);
    peer_free(nobody);
    CHECK(!ctx_failed(&ctx));
}

static bool told(const struct call *call, const char *line)
{
    return memmem(call->answer.ptr, call->answer.len, line, strlen(line)) != NULL;
}

static void test_what_is_sent(void)
{
    struct peer *to = peer("sent", 0);
    struct header header = { STR("Idempotency-Key"), STR("k1") };
    struct span *span = span_start_remote(&ctx, SPAN_SERVER, STR("test"), NULL);
    struct call call = { .peer = to,
                         .method = "PUT",
                         .path = STR("/echo?a=b"),
                         .body = STR("{\"a\":1}"),
                         .token = STR("tok"),
                         .headers = &header,
                         .n_headers = 1,
                         .deadline_us = in_ms(1000) };
    CHECK(client_call(&ctx, &call, 1));
    CHECK(str_starts(call.answer, STR("PUT /echo?a=b HTTP/1.1\r\n")));
    CHECK(told(&call, "\r\nContent-Type: application/json\r\n"));
    CHECK(told(&call, "\r\nAuthorization: Bearer tok\r\n"));
    CHECK(told(&call, "\r\nIdempotency-Key: k1\r\n"));
    CHECK(told(&call, "\r\n\r\n{\"a\":1}"));
    CHECK(!told(&call, "Expect:"));
    const char *deadline = strstr(call.answer.ptr, "Fanfare-Deadline-Ms: ");
    REQUIRE(deadline != NULL);
    int left = atoi(deadline + 21);
    CHECK(left > 900 && left <= 1000);
    CHECK(told(&call, arena_printf(ctx.arena, "\r\ntraceparent: 00-" STR_FMT "-",
                                   STR_ARG(trace_id_text(&ctx)))
                          .ptr));
    CHECK(ctx.span == span);
    span_end(&ctx, span);
    call.method = "POST";
    call.body = (struct str){ NULL, 0 };
    CHECK(client_call(&ctx, &call, 1));
    CHECK(told(&call, "Content-Length: 0\r\n") && !told(&call, "Content-Type"));
    CHECK_STR(client_escape(ctx.arena, STR("a b/\xc3\xa9~-")), "a%20b%2F%C3%A9~-");
    peer_free(to);
}

static void test_parallel(void)
{
    struct peer *to = peer("parallel", 0);
    struct call calls[8];
    int64_t began_us = clock_mono_us();
    for (size_t i = 0; i < COUNT(calls); i++)
        calls[i] = (struct call){
            .peer = to, .method = "GET", .path = STR("/wait"), .deadline_us = in_ms(2000)
        };
    calls[3].path = STR("/500");
    calls[4].deadline_us = in_ms(20);
    CHECK(!client_call(&ctx, calls, COUNT(calls)));
    CHECK(clock_mono_us() - began_us < 300 * US_PER_MS);
    for (size_t i = 0; i < COUNT(calls); i++) {
        CHECK_INT(calls[i].status, i == 3 ? 500 : i == 4 ? 0 : 200);
        CHECK_INT(calls[i].error.code, i == 3 ? ERR_BAD_GATEWAY : i == 4 ? ERR_TIMEOUT : ERR_NONE);
    }
    peer_free(to);
}

/* A call returns at its deadline: never before, and on a machine that is not busy within 2 ms. */
static void test_hung_peer(void)
{
    static const char *const paths[] = { "/hang", "/half" };
    for (size_t p = 0; p < COUNT(paths); p++) {
        struct peer *to = peer("hung", 0);
        int64_t best_us = INT64_MAX;
        for (int i = 0; i < 10; i++) {
            int64_t deadline_us = in_ms(30);
            struct call call = {
                .peer = to, .method = "GET", .path = str_of(paths[p]), .deadline_us = deadline_us
            };
            client_call(&ctx, &call, 1);
            int64_t late_us = clock_mono_us() - deadline_us;
            CHECK_INT(call.error.code, ERR_TIMEOUT);
            CHECK_INT(call.status, 0);
            CHECK(late_us >= 0);
            best_us = MIN(best_us, late_us);
        }
        CHECK(best_us <= 2 * US_PER_MS);
        peer_free(to);
    }
}

/* The late answer to a call that was given up is never taken for the answer to the next. */
static void test_late_answers(void)
{
    struct peer *to = peer("late", 0);
    for (int i = 0; i < 8; i++) {
        struct str path = arena_printf(ctx.arena, "/late?%02d", i);
        struct call call = {
            .peer = to, .method = "GET", .path = path, .deadline_us = in_ms(i % 2 ? 1000 : 40)
        };
        client_call(&ctx, &call, 1);
        if (i % 2)
            CHECK_STR(call.answer, arena_printf(ctx.arena, "?%02d", i).ptr);
        else
            CHECK_INT(call.error.code, ERR_TIMEOUT);
    }
    peer_free(to);
}

static void test_connections(void)
{
    struct peer *to = peer("connections", 0);
    get(to, "/ok", 1000);
    int before = atomic_load(&connections);
    for (int i = 0; i < 50; i++)
        CHECK_INT(get(to, "/ok", 1000).status, 200);
    CHECK_INT(atomic_load(&connections), before);
    for (int i = 0; i < 20; i++) /* each finds the last one's connection closed */
        CHECK_INT(get(to, "/once", 1000).status, 200);
    peer_free(to);
}

static void test_retries(void)
{
    struct peer *to = peer("retries", 0);
    int before = atomic_load(&requests);
    atomic_store(&flaky_left, 1);
    CHECK_INT(get(to, "/flaky", 1000).status, 200);
    CHECK_INT(atomic_load(&requests) - before, 2);
    atomic_store(&flaky_left, 2);
    CHECK_INT(get(to, "/flaky", 1000).status, 503); /* once, and not more */
    CHECK_INT(atomic_load(&requests) - before, 4);
    struct call post = { .peer = to,
                         .method = "POST",
                         .path = STR("/flaky"),
                         .body = STR("{}"),
                         .deadline_us = in_ms(1000) };
    atomic_store(&flaky_left, 1);
    client_call(&ctx, &post, 1);
    CHECK_INT(post.status, 503);
    post.idempotent = true;
    atomic_store(&flaky_left, 1);
    client_call(&ctx, &post, 1);
    CHECK_INT(post.status, 200);
    CHECK(post.retried && post.took_us > 0);
    CHECK_INT(atomic_load(&requests) - before, 7);
    CHECK_INT(get(to, "/busy", 1000).status, 503); /* it said when to come back */
    CHECK_INT(get(to, "/500", 1000).status, 500);
    CHECK_INT(atomic_load(&requests) - before, 9);
    peer_free(to);
}

static void test_breaker(void)
{
    struct peer *to = peer("breaker", 0);
    int before = atomic_load(&requests);
    for (int i = 0; i < 100; i++)
        get(to, "/500", 1000);
    CHECK_INT(peer_breaker(to), BREAKER_OPEN);
    CHECK_INT(atomic_load(&requests) - before, 20);
    struct call call = get(to, "/ok", 1000);
    CHECK_INT(call.error.code, ERR_UNAVAILABLE);
    CHECK_INT(call.status, 0);
    CHECK_STR(call.error.detail, "breaker: not asked, its breaker is open");
    peer_free(to);
    struct peer *slow = peer("slow", 50 * US_PER_MS); /* answers, but over its budget */
    struct call calls[20];
    for (size_t i = 0; i < COUNT(calls); i++)
        calls[i] = (struct call){
            .peer = slow, .method = "GET", .path = STR("/wait"), .deadline_us = in_ms(2000)
        };
    CHECK(client_call(&ctx, calls, COUNT(calls)));
    CHECK_INT(peer_breaker(slow), BREAKER_OPEN);
    peer_free(slow);
    struct peer *hurried =
        peer("hurried", 50 * US_PER_MS); /* calls that had no time say nothing about it */
    for (int i = 0; i < 30; i++)
        get(hurried, "/wait", 2);
    CHECK_INT(peer_breaker(hurried), BREAKER_CLOSED);
    struct str metrics = metrics_render(ctx.arena);
    CHECK(memmem(metrics.ptr, metrics.len, "fanfare_client_breaker_state{peer=\"breaker\"} 1",
                 46) != NULL);
    peer_free(hurried);
}

static void test_no_time(void)
{
    struct peer *to = peer("no_time", 0);
    int before = atomic_load(&requests);
    struct call call = {
        .peer = to, .method = "GET", .path = STR("/ok"), .deadline_us = clock_mono_us() - 1
    };
    client_call(&ctx, &call, 1);
    CHECK_INT(call.error.code, ERR_TIMEOUT);
    call.deadline_us = 0;
    ctx.deadline_us = clock_mono_us() - 1;
    client_call(&ctx, &call, 1);
    CHECK_INT(call.error.code, ERR_TIMEOUT);
    ctx.deadline_us = 0;
    CHECK_INT(atomic_load(&requests), before);
    peer_free(to);
}

static void test_faults(void)
{
    struct peer *to = peer("faulty", 0);
    faults_enable(true);
    REQUIRE(fault_set(&ctx, STR("client.call"), STR("faulty"), FAULT_ERROR, 0, 1000, 1));
    CHECK_INT(get(to, "/ok", 1000).error.code, ERR_UNAVAILABLE);
    REQUIRE(fault_set(&ctx, STR("client.call"), STR("faulty"), FAULT_DROP, 0, 1000, 1));
    CHECK_INT(get(to, "/ok", 50).error.code, ERR_TIMEOUT);
    CHECK_INT(get(to, "/ok", 1000).status, 200);
    faults_enable(false);
    peer_free(to);
}

/* Calls of both ways wait together. */
static void test_both_ways(void)
{
    by_curl = true;
    struct peer *one = peer("by_curl", 0);
    by_curl = false;
    struct peer *other = peer("direct", 0);
    for (int i = 0; i < 3; i++) {
        struct call calls[4];
        int64_t began_us = clock_mono_us();
        for (size_t k = 0; k < COUNT(calls); k++)
            calls[k] = (struct call){ .peer = k % 2 ? one : other,
                                      .method = "GET",
                                      .path = k < 2 ? STR("/wait") : STR("/ok"),
                                      .deadline_us = in_ms(2000) };
        CHECK(client_call(&ctx, calls, COUNT(calls)));
        CHECK(clock_mono_us() - began_us < 500 * US_PER_MS);
        for (size_t k = 0; k < COUNT(calls); k++)
            CHECK_STR(calls[k].answer, "{}");
    }
    peer_free(one);
    peer_free(other);
}

/* A name that has to be resolved: curl does, and the calls after it go to what it found. */
static void test_names(void)
{
    const char *url =
        arena_printf(ctx.arena, "http://127.1:%d", port).ptr; /* no address to the strict */
    struct peer *to = peer_new(&(struct peer_settings){ .name = "named", .url = url });
    for (int i = 0; i < 3; i++)
        CHECK_INT(get(to, "/ok", 1000).status, 200);
    peer_free(to);
}

/* What would become another header, or another request, is not sent. */
static void test_values_that_break_lines(void)
{
    struct peer *to = peer("lines", 0);
    struct header header = { STR("X"), STR("a\r\nY: b") };
    struct call call = { .peer = to,
                         .method = "GET",
                         .path = STR("/ok"),
                         .headers = &header,
                         .n_headers = 1,
                         .deadline_us = in_ms(1000) };
    CHECK(!client_call(&ctx, &call, 1));
    CHECK_INT(call.status, 0);
    call.n_headers = 0;
    call.path = STR("/ok HTTP/1.1\r\nY: b");
    CHECK(!client_call(&ctx, &call, 1));
    CHECK_INT(call.status, 0);
    peer_free(to);
}

/* A body that is larger than what the connection takes at once, and a peer that answers before it has read it. */
static void test_large_requests(void)
{
    struct peer *to = peer("large", 0);
    size_t bytes = 4 * 1024 * 1024;
    char *body = mem_alloc(bytes);
    memset(body, 'x', bytes);
    struct call call = { .peer = to,
                         .method = "POST",
                         .path = STR("/413"),
                         .body = { body, bytes },
                         .deadline_us = in_ms(5000) };
    client_call(&ctx, &call, 1);
    CHECK_INT(call.status, 413);
    free(body);
    peer_free(to);
}

static void *many_calls(void *argument)
{
    struct ctx own = { .arena = arena_new(0) };
    for (int i = 0; i < 50; i++) {
        struct call calls[3];
        for (size_t k = 0; k < COUNT(calls); k++)
            calls[k] = (struct call){
                .peer = argument, .method = "GET", .path = STR("/ok"), .deadline_us = in_ms(5000)
            };
        CHECK(client_call(&own, calls, COUNT(calls)));
    }
    arena_free(own.arena);
    return NULL;
}

static void test_many(void)
{
    struct peer *to = peer("many", 0);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, many_calls, to) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    peer_free(to);
}

static void test_all(void)
{
    test_answers();
    test_what_is_sent();
    test_parallel();
    test_hung_peer();
    test_late_answers();
    test_connections();
    test_retries();
    test_breaker();
    test_no_time();
    test_faults();
    test_large_requests();
    test_many();
}

int main(void)
{
    log_setup("client_test", LOG_ERROR);
    ctx.arena = arena_new(0);
    peer_start();
    test_all();
    by_curl = true;
    test_all();
    by_curl = false;
    test_both_ways();
    test_names();
    test_values_that_break_lines();
    arena_free(ctx.arena);
    return check_end();
}
