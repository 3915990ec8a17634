/* The server over real sockets: what no well-behaved client sends, and what good ones do when they are slow, gone or many.
 * What libmicrohttpd refuses by itself (its own short page) is checked by status alone. */
#include <microhttpd.h>

#include "base/id.h"
#include "platform/faults/faults.h"
#include "platform/http/tests/raw.h"
#include "platform/http/tests/things.h"
#include "platform/telemetry/log.h"

#define HEADER_TIMEOUT_MS 200
#define BODY_TIMEOUT_MS 300
#define CONNECTIONS 60

static struct things things;
static struct http_server *server;

static int dialled(void)
{
    int fd = dial(http_server_port(server));
    REQUIRE(fd >= 0);
    return fd;
}

static struct answer *exchange(struct str text)
{
    static struct answer answer;
    int fd = dialled();
    send_all(fd, text);
    read_answer(fd, &answer);
    close(fd);
    return &answer;
}

static struct answer *exchange_text(const char *text)
{
    return exchange(str_of(text));
}

/* An answer of this status that is a problem document saying the same. */
static void check_problem(const struct answer *answer, int status, const char *what)
{
    struct ctx ctx = { .arena = things.ctx.arena };
    if (answer->status != status)
        fprintf(stderr, "%s: %.200s\n", what, answer->len ? answer->text : "(no answer)");
    CHECK_INT(answer->status, status);
    CHECK_STR(answer_header(answer, "Content-Type"), "application/problem+json");
    const struct json *body = json_parse(&ctx, answer->body);
    CHECK(body != NULL);
    CHECK_INT(json_int(json_get(body, "status")), status);
}

static struct str repeat(const char *text, size_t times)
{
    size_t length = strlen(text);
    char *all = arena_alloc(things.ctx.arena, length * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * length, text, length);
    return (struct str){ all, length * times };
}

#define HOST "Host: localhost\r\n"
#define GET_LATEST "GET /v1/things/latest HTTP/1.1\r\n" HOST "\r\n"

static struct str post(const char *headers, struct str body)
{
    return arena_printf(things.ctx.arena,
                        "POST /v1/things HTTP/1.1\r\n" HOST "Authorization: Bearer " STR_FMT
                        "\r\nContent-Length: %zu\r\n"
                        "%s\r\n" STR_FMT,
                        STR_ARG(things.write_token), body.len, headers, STR_ARG(body));
}

#define JSON_TYPE "Content-Type: application/json\r\n"

/* ---- good requests ---- */

static void test_good(void)
{
    struct answer *answer = exchange_text(GET_LATEST);
    CHECK_INT(answer->status, 200);
    CHECK_STR(answer->body, "{\"latest\":true}");
    CHECK(answer_header(answer, "Date").ptr != NULL);
    answer = exchange(post(JSON_TYPE, STR("{\"name\":\"a\",\"count\":1}")));
    CHECK_INT(answer->status, 201);
    CHECK_STR(answer_header(answer, "Location"), "/v1/things/1");
    answer = exchange_text("GET http://localhost/v1/things/latest HTTP/1.1\r\n" HOST "\r\n");
    CHECK_INT(answer->status, 200);
    answer = exchange_text("GET /v1/things/latest HTTP/1.0\r\n\r\n");
    CHECK_INT(answer->status, 200);
    answer = exchange_text("HEAD /v1/things/latest HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    CHECK_INT(answer->status, 200);
    CHECK_INT(answer->body.len, 0);
    CHECK_STR(answer_header(answer, "Content-Length"), "15");
    answer = exchange_text("OPTIONS /v1/things HTTP/1.1\r\n" HOST "\r\n");
    CHECK_INT(answer->status, 204);
}

static void test_keep_alive(void)
{
    struct answer answer;
    int fd = dialled();
    for (int i = 0; i < 50; i++) {
        send_all(fd,
                 i % 2 ? STR(GET_LATEST) : post(JSON_TYPE, STR("{\"name\":\"k\",\"count\":1}")));
        read_answer(fd, &answer);
        CHECK_INT(answer.status, i % 2 ? 200 : 201);
    }
    close(fd);
    fd = dialled(); /* two at once */
    send_all(fd, STR(GET_LATEST "GET /v1/nothing HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    char both[4096];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof(both) && (got = recv(fd, both + n, sizeof(both) - n, 0)) > 0)
        n += (size_t)got;
    CHECK(memmem(both, n, "HTTP/1.1 200", 12) && memmem(both, n, "HTTP/1.1 404", 12));
    close(fd);
}

static void test_chunked(void)
{
    struct str head = arena_printf(things.ctx.arena,
                                   "POST /v1/things HTTP/1.1\r\n" HOST JSON_TYPE
                                   "Authorization: Bearer " STR_FMT
                                   "\r\nTransfer-Encoding: chunked\r\n\r\n",
                                   STR_ARG(things.write_token));
    struct answer *answer = exchange(arena_printf(
        things.ctx.arena,
        STR_FMT "8\r\n{\"name\":\r\nd\r\n\"c\",\"count\":1\r\n1\r\n}\r\n0\r\n\r\n", STR_ARG(head)));
    CHECK_INT(answer->status, 201);
    CHECK_INT(
        exchange(arena_printf(things.ctx.arena, STR_FMT "zz\r\n{}\r\n0\r\n\r\n", STR_ARG(head)))
            ->status,
        400);
    CHECK_INT(
        exchange(arena_printf(things.ctx.arena, STR_FMT "2\r\n{}XX\r\n0\r\n\r\n", STR_ARG(head)))
            ->status,
        400);
}

static void test_continue(void)
{
    struct answer answer;
    struct str request =
        post(JSON_TYPE "Expect: 100-continue\r\n", STR("{\"name\":\"e\",\"count\":1}"));
    size_t head = request.len - strlen("{\"name\":\"e\",\"count\":1}");
    int fd = dialled();
    send_all(fd, (struct str){ request.ptr, head });
    read_answer(fd, &answer);
    CHECK_INT(answer.status, 100);
    send_all(fd, (struct str){ request.ptr + head, request.len - head });
    read_answer(fd, &answer);
    CHECK_INT(answer.status, 201);
    close(fd);
    check_problem(
        exchange_text(
            "PUT /v1/store HTTP/1.1\r\n" HOST
            "Content-Type: text/plain\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n"),
        413, "expect");
}

/* ---- bad requests ---- */

static void test_malformed(void)
{
    static const char *const ours[] = {
        "GET /v1/things/latest HTTP/1.1\r\n" HOST HOST "\r\n",
        "G@T /v1/things/latest HTTP/1.1\r\n" HOST "\r\n",
        "GET /v1/things/\x01 HTTP/1.1\r\n" HOST "\r\n",
        "GET /v1/things/latest HTTP/1.1\r\n" HOST "X: a\x01z\r\n\r\n",
        "GET /v1/things/latest HTTP/1.1\r\n" HOST "X: sixteen and more \x01 behind them\r\n\r\n",
        "GET /v1/things/latest HTTP/1.1\r\n" HOST "X: sixteen and more than that \x7f\r\n\r\n",
        "GET /v1/things/%2 HTTP/1.1\r\n" HOST
        "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(ours); i++)
        check_problem(exchange_text(ours[i]), 400, ours[i]);
    /* libmicrohttpd 1.0 knows these by itself; a target with a space it sends elsewhere. */
    static const char *const either[] = {
        "GET /v1/things/latest HTTP/1.1\r\n\r\n",
        "GET /v1/things /latest HTTP/1.1\r\n" HOST "\r\n",
        "GET /v1/things/latest HTTP/1.1\r\n" HOST "Bad Name: x\r\n\r\n",
        "PUT /v1/store HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "PUT /v1/store HTTP/1.1\r\n" HOST
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT /v1/store HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    };
    bool by_itself = MHD_get_version()[0] != '0';
    for (size_t i = 0; i < COUNT(either); i++) {
        struct answer *answer = exchange_text(either[i]);
        if (by_itself && answer_header(answer, "Content-Type").ptr == NULL)
            CHECK(answer->status == 400 || answer->status == 301);
        else
            check_problem(answer, 400, either[i]);
    }
    static const struct {
        const char *text;
        int status; /* 0: it closes without a word */
    } theirs[] = {
        { "GARBAGE\r\n\r\n", 0 },
        { "GET /v1/things/latest HTTP/x.1\r\n" HOST "\r\n", 400 },
        { "GET /v1/things/latest HTTP/2.0\r\n" HOST "\r\n", 505 },
        { "GET /v1/things/latest HTTP/1.1\r\nno colon\r\n\r\n", 400 },
        { "PUT /v1/store HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400 },
        { "PUT /v1/store HTTP/1.1\r\n" HOST "Content-Length: many\r\n\r\n", 400 },
        { "PUT /v1/store HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n",
          413 },
    };
    for (size_t i = 0; i < COUNT(theirs); i++)
        CHECK_INT(exchange_text(theirs[i].text)->status, theirs[i].status);
}

static void test_too_large(void)
{
    struct arena *arena = things.ctx.arena;
    const char *get = "GET /v1/things/latest HTTP/1.1\r\n" HOST;
    check_problem(
        exchange(arena_printf(arena, "%sX: " STR_FMT "\r\n\r\n", get, STR_ARG(repeat("x", 9000)))),
        431, "one large header");
    check_problem(
        exchange(arena_printf(arena, "%s" STR_FMT "\r\n", get, STR_ARG(repeat("X: y\r\n", 101)))),
        431, "many headers");
    CHECK_INT(
        exchange(arena_printf(arena, "%sX: " STR_FMT "\r\n\r\n", get, STR_ARG(repeat("x", 60000))))
            ->status,
        431);
    CHECK_INT(exchange(arena_printf(arena, "GET /" STR_FMT " HTTP/1.1\r\n\r\n",
                                    STR_ARG(repeat("x", 60000))))
                  ->status,
              414);
    struct str large = repeat(" ", 2 * 1024 * 1024);
    check_problem(exchange(post(JSON_TYPE, large)), 413, "a declared length");
    check_problem(
        exchange(arena_printf(arena,
                              "PUT /v1/store HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n40\r\n" STR_FMT
                              "\r\n40\r\n" STR_FMT "\r\n0\r\n\r\n",
                              STR_ARG(repeat("x", 64)), STR_ARG(repeat("y", 64)))),
        413, "chunks");
    int fd = dialled(); /* one that goes on sending is closed all the same */
    struct answer answer;
    send_all(fd, STR("PUT /v1/store HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    struct str chunk = arena_printf(arena, "1000\r\n" STR_FMT "\r\n", STR_ARG(repeat("x", 4096)));
    for (int i = 0; i < 200; i++)
        send_all(fd, chunk);
    read_answer(fd, &answer);
    check_problem(&answer, 413, "endless chunks");
    CHECK(closed_within(fd, 4000));
    close(fd);
}

static void test_bad_content(void)
{
    char bomb[20000];
    memset(bomb, '[', sizeof(bomb));
    check_problem(exchange(post(JSON_TYPE, (struct str){ bomb, sizeof(bomb) })), 400, "depth");
    check_problem(exchange(post(JSON_TYPE, STR("{\"name\":\"\xc3\x28\",\"count\":1}"))), 400,
                  "UTF-8");
    check_problem(exchange(post(JSON_TYPE, STR("{\"name\":\"a\",\"count\":1,\"count\":2}"))), 400,
                  "duplicate key");
    check_problem(exchange(post(JSON_TYPE, STR("{\"name\":\"a\",\"count\":1"))), 400, "cut JSON");
    check_problem(exchange(post(JSON_TYPE, STR("{\"name\":1,\"count\":1}"))), 422, "wrong type");
    check_problem(exchange(post(JSON_TYPE, STR("{\"name\":\"a\",\"count\":1,\"x\":1}"))), 422,
                  "unknown field");
    check_problem(exchange(post("Content-Type: text/html\r\n", STR("{}"))), 415, "media type");
    check_problem(exchange_text("DELETE /v1/things HTTP/1.1\r\n" HOST "\r\n"), 405, "method");
    check_problem(exchange_text("TRACE /v1/things HTTP/1.1\r\n" HOST "\r\n"), 405, "method");
    check_problem(exchange_text("CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n"), 404, "connect");
    check_problem(exchange_text("GET /v1/things/x HTTP/1.1\r\n" HOST "\r\n"), 401, "no token");
    check_problem(exchange_text("GET /v1/things/x HTTP/1.1\r\n" HOST
                                "Authorization: Bearer e30.e30.AAAA\r\n\r\n"),
                  401, "bad token");
    check_problem(exchange_text("GET /v1/things/%80 HTTP/1.1\r\n" HOST "\r\n"), 401,
                  "token before path");
}

/* ---- slow and gone ---- */

static void check_cut(const char *begin, const char *piece, int limit_ms)
{
    struct answer answer;
    int fd = dialled();
    int64_t began_us = clock_mono_us();
    send_all(fd, str_of(begin));
    struct pollfd wait = { fd, POLLIN, 0 };
    while (poll(&wait, 1, 50) == 0 && clock_mono_us() - began_us < 5 * US_PER_S)
        send_all(fd, str_of(piece));
    int64_t took_ms = (clock_mono_us() - began_us) / US_PER_MS;
    CHECK(took_ms >= limit_ms - 10 && took_ms < limit_ms + 1000); /* the clock is a coarse one */
    read_answer(fd, &answer);
    check_problem(&answer, 408, begin);
    CHECK(closed_within(fd, 1000));
    close(fd);
}

static void test_slow_senders(void)
{
    check_cut("", "", HEADER_TIMEOUT_MS);
    check_cut("GET /v1/things/la", "", HEADER_TIMEOUT_MS);
    check_cut("GET /v1/things/latest HTTP/1.1\r\n" HOST "X: ", "x",
              HEADER_TIMEOUT_MS); /* it trickles */
    check_cut("PUT /v1/store HTTP/1.1\r\n" HOST "Content-Length: 90\r\n\r\nabc", "",
              BODY_TIMEOUT_MS);
    check_cut("PUT /v1/store HTTP/1.1\r\n" HOST "Content-Length: 90\r\n\r\nabc", "x",
              BODY_TIMEOUT_MS);
    check_cut("PUT /v1/store HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\n", "",
              BODY_TIMEOUT_MS);
    /* Between requests there is more time, and no answer when it is up. */
    struct answer answer;
    int fd = dialled();
    send_all(fd, STR(GET_LATEST));
    read_answer(fd, &answer);
    CHECK_INT(answer.status, 200);
    CHECK(!closed_within(fd, HEADER_TIMEOUT_MS + 200));
    read_answer(fd, &answer);
    CHECK(answer.closed && answer.len == 0);
    close(fd);
    /* An operation may take longer than any of them. */
    CHECK_INT(exchange_text("GET /v1/wait?ms=500 HTTP/1.1\r\n" HOST "\r\n")->status, 200);
}

static int ask_for_much(void)
{
    int fd = dialled();
    send_all(fd, STR("GET /v1/large HTTP/1.1\r\n" HOST "\r\n"));
    return fd;
}

/* Who reads nothing is cut off; who reads slowly gets it all, though it takes longer than one idle time. */
static void test_slow_readers(void)
{
    static char rest[300 * 1024];
    int reader = ask_for_much(), sleeper = ask_for_much();
    int64_t began_us = clock_mono_us(), total = 0;
    while (total < LARGE_BYTES && clock_mono_us() - began_us < 20 * US_PER_S) {
        ssize_t n = recv(reader, rest, sizeof(rest), MSG_WAITALL);
        if (n <= 0)
            break;
        total += n;
        nanosleep(&(struct timespec){ .tv_nsec = 70000000 }, NULL);
    }
    CHECK(total > LARGE_BYTES);
    CHECK(clock_mono_us() - began_us > 2 * US_PER_S);
    for (total = 0; total < LARGE_BYTES;) {
        ssize_t n = recv(sleeper, rest, sizeof(rest), 0);
        if (n <= 0)
            break;
        total += n;
    }
    CHECK(total < LARGE_BYTES);
    close(reader);
    close(sleeper);
}

static void test_gone(void)
{
    struct answer answer;
    int fd = dialled(); /* half closed: it still wants its answer */
    send_all(fd, STR(GET_LATEST));
    shutdown(fd, SHUT_WR);
    read_answer(fd, &answer);
    CHECK_INT(answer.status, 200);
    close(fd);
    for (int i = 0; i < 20; i++) { /* gone while it is worked for */
        fd = dialled();
        send_all(fd, i % 2 ? STR("GET /v1/wait?ms=30 HTTP/1.1\r\n" HOST "\r\n")
                           : post(JSON_TYPE, STR("{\"name\":\"g\",\"count\":1}")));
        if (i % 3 == 0) { /* with a reset */
            struct linger linger = { 1, 0 };
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        }
        close(fd);
    }
    fd = dialled(); /* gone in the middle of a body */
    send_all(fd, STR("PUT /v1/store HTTP/1.1\r\n" HOST "Content-Length: 90\r\n\r\nabc"));
    close(fd);
    CHECK_INT(exchange_text(GET_LATEST)->status, 200);
    faults_enable(true);
    REQUIRE(fault_set(&things.ctx, STR("http.request"), (struct str){ NULL, 0 }, FAULT_DROP, 0,
                      1000, 1));
    struct answer *dropped = exchange_text(GET_LATEST);
    CHECK(dropped->closed && dropped->len == 0);
    faults_enable(false);
}

/* ---- many ---- */

static void *many(void *argument)
{
    struct answer *answer = malloc(sizeof(*answer));
    const char *wait = "GET /v1/wait?ms=1 HTTP/1.1\r\n" HOST "\r\n";
    struct str make = *(struct str *)argument;
    int fd = dialled();
    for (int i = 0; i < 100; i++) {
        send_all(fd, i % 3 == 0 ? STR(GET_LATEST) : i % 3 == 1 ? str_of(wait) : make);
        read_answer(fd, answer);
        CHECK_INT(answer->status, i % 3 == 2 ? 201 : 200);
    }
    close(fd);
    free(answer);
    return NULL;
}

static void test_many(void)
{
    struct str make = post(JSON_TYPE, STR("{\"name\":\"m\",\"count\":1}"));
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, many, &make) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

static void test_connection_limit(void)
{
    int fds[CONNECTIONS + 5];
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = dialled(); /* the last ones wait in the kernel until the first are cut */
    struct answer answer;
    send_all(fds[COUNT(fds) - 1], STR(GET_LATEST));
    read_answer(fds[COUNT(fds) - 1], &answer);
    CHECK_INT(answer.status, 200);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
}

/* Whatever comes, the server answers the next one. */
static void test_noise(void)
{
    static const char sound[] =
        "POST /v1/things?a=b HTTP/1.1\r\n" HOST JSON_TYPE
        "Content-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n";
    for (int i = 0; i < 300; i++) {
        char text[sizeof(sound)];
        uint8_t random[16];
        memcpy(text, sound, sizeof(sound));
        id_random(random, sizeof(random));
        for (size_t k = 0; k + 1 < 2u + random[0] % 12u; k += 2)
            text[random[k + 2] % (sizeof(sound) - 1)] = (char)random[k + 3];
        int fd = dialled();
        send_all(fd, (struct str){ text, 1 + random[1] % (sizeof(sound) - 1) });
        shutdown(fd, SHUT_WR);
        closed_within(fd, 1);
        close(fd);
    }
    CHECK_INT(exchange_text(GET_LATEST)->status, 200);
}

/* ---- start and end ---- */

static struct http_server *server_start(int port)
{
    return http_server_start(&things.ctx,
                             &(struct http_settings){ .bind = "127.0.0.1",
                                                      .port = port,
                                                      .max_connections = CONNECTIONS,
                                                      .idle_timeout_s = 1,
                                                      .header_timeout_ms = HEADER_TIMEOUT_MS,
                                                      .body_timeout_ms = BODY_TIMEOUT_MS,
                                                      .router = things.router });
}

static void test_start_mistakes(void)
{
    struct ctx *ctx = &things.ctx;
    CHECK(server_start(http_server_port(server)) == NULL);
    CHECK_STR(
        ctx->error.detail,
        arena_printf(ctx->arena, "port %d is in use on 127.0.0.1", http_server_port(server)).ptr);
    ctx_clear(ctx);
    CHECK(http_server_start(ctx, &(struct http_settings){ .bind = "nowhere" }) == NULL);
    CHECK_STR(ctx->error.detail, "nowhere is not an IP address to listen on");
    ctx_clear(ctx);
}

static void *drain(void *argument)
{
    http_server_drain(server, 3 * US_PER_S);
    return NULL;
}

static void test_drain(void)
{
    struct answer answer;
    pthread_t thread;
    int idle = dialled(), busy = dialled(), port = http_server_port(server);
    send_all(busy, STR("GET /v1/wait?ms=300 HTTP/1.1\r\n" HOST "\r\n"));
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    int64_t began_us = clock_mono_us();
    REQUIRE(pthread_create(&thread, NULL, drain, NULL) == 0);
    read_answer(busy, &answer);
    CHECK_INT(answer.status, 200);
    CHECK_STR(answer_header(&answer, "Connection"), "close");
    pthread_join(thread, NULL);
    int64_t took_ms = (clock_mono_us() - began_us) / US_PER_MS;
    CHECK(took_ms >= 150 && took_ms < 1500);
    CHECK_INT(dial(port), -1);
    http_server_free(server);
    CHECK(closed_within(idle, 1000));
    close(idle);
    close(busy);
}

int main(void)
{
    log_setup("http_test", LOG_ERROR);
    things_open(&things, NULL, false);
    server = server_start(0);
    REQUIRE(server != NULL);
    test_good();
    test_keep_alive();
    test_chunked();
    test_continue();
    test_malformed();
    test_too_large();
    test_bad_content();
    test_slow_senders();
    test_slow_readers();
    test_gone();
    test_many();
    test_connection_limit();
    test_noise();
    test_start_mistakes();
    test_drain();
    things_close(&things);
    return check_end();
}
