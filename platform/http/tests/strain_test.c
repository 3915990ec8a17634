/* The router with many at once, with more than it can take, and with noise. */
#include "base/id.h"
#include "platform/http/tests/calls.h"

/* Many threads at once: what TSan is to see. */
static void *many_calls(void *argument)
{
    struct arena *arena = arena_new(0);
    struct str token = things.write_token;
    struct request_header headers[] = {
        { STR("Authorization"), arena_printf(arena, "Bearer " STR_FMT, STR_ARG(token)) },
        { STR("Content-Type"), STR("application/json") },
        { STR("Idempotency-Key"), STR("") },
    };
    for (int i = 0; i < 50; i++) {
        headers[2].value =
            arena_printf(arena, "many-%d", i); /* the same in all threads: one of them makes it */
        struct reply reply = router_call(things.router, arena, "POST", "/v1/things", headers, 3,
                                         STR("{\"name\":\"m\",\"count\":1}"));
        if (reply.status != 201)
            fprintf(stderr, STR_FMT "\n", STR_ARG(reply.body));
        CHECK_INT(reply.status, 201);
        CHECK_INT(router_call(things.router, arena, "GET", "/v1/wait?ms=0", NULL, 0, NONE).status,
                  200);
        CHECK_INT(router_call(things.router, arena, "GET", "/v1/things", NULL, 0, NONE).status,
                  200);
    }
    arena_free(arena);
    return NULL;
}

static void test_many(void)
{
    int64_t before = stored();
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, many_calls, NULL) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(stored(), before + 50);
}

static _Atomic int answered, refused;

static void count_answer(struct request *request, const struct reply *reply)
{
    const struct reply_header *after = reply->headers;
    if (reply->status == 503 && after && strcmp(after->name, "Retry-After") == 0)
        refused++;
    answered++;
}

/* More than may be under way at once: the least urgent are refused at once, the others are answered. */
static void test_overload(void)
{
    struct request requests[80];
    answered = refused = 0;
    for (size_t i = 0; i < COUNT(requests); i++) {
        requests[i] = (struct request){ .arena = arena_new(0),
                                        .method = STR("GET"),
                                        .target = STR("/v1/wait?ms=20"),
                                        .answer = count_answer };
        router_handle(things.router, &requests[i]);
    }
    CHECK_INT(refused, 28); /* 52 is the part of the least urgent */
    while (answered < (int)COUNT(requests))
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    CHECK_INT(refused, 28);
    for (size_t i = 0; i < COUNT(requests); i++)
        arena_free(requests[i].arena);
    CHECK(rendered("fanfare_http_shed_total 28") || rendered("fanfare_http_shed_total 56"));
}

/* Text with a few bytes changed, cut or doubled. */
static struct str spoil(struct arena *arena, const char *sound)
{
    uint32_t random[8];
    size_t length = strlen(sound);
    char *text = arena_alloc(arena, 2 * length + 1);
    memcpy(text, sound, length);
    id_random(random, sizeof(random));
    for (uint32_t k = 0; length && k < random[0] % 4; k++)
        text[random[k + 1] % length] = (char)(random[k + 1] >> 24);
    if (random[5] % 8 == 0)
        length = random[6] % (length + 1);
    if (random[5] % 8 == 1) {
        memcpy(text + length, text, length);
        length *= 2;
    }
    return (struct str){ text, length };
}

/* Whatever is sent, the answer is one that HTTP has, and every refusal a problem. */
static void test_noise(void)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "HEAD", "OPTIONS", "BREW" };
    static const char *const targets[] = { "/v1/things/a%20b?limit=7&kind=big&tag=x&tag=%c3%a9",
                                           "/v1/things", "/v1/collect", "/v1/store",
                                           "http://x/openapi.json" };
    static const char *const bodies[] = { "{\"name\":\"a\",\"count\":1}",
                                          "{\"batch\":[{\"a\":[1,2]}],\"writeKey\":\"wk_x\"}",
                                          "\x1f\x8b\x08\x01\x01\x01\x01\x01\x01\x03\x4b\x04\x01",
                                          "" };
    struct arena *arena = arena_new(0);
    for (uint32_t i = 0; i < 5000; i++) {
        arena_clear(arena);
        struct ctx ctx = { .arena = arena };
        struct request_header headers[] = {
            { STR("Authorization"),
              spoil(arena, with(things.write_token, "") + strlen("Authorization: ")) },
            { STR("Content-Type"),
              i % 3 ? STR("application/json") : spoil(arena, "text/plain; charset=utf-8") },
            { STR("Content-Encoding"), i % 5 ? STR("identity") : spoil(arena, "gzip") },
            { STR("Idempotency-Key"), spoil(arena, "key") },
            { STR("traceparent"),
              spoil(arena, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") },
            { spoil(arena, "X-Mood"), spoil(arena, "fine") },
        };
        struct str method = spoil(arena, methods[i % COUNT(methods)]),
                   target = spoil(arena, targets[i / 7 % COUNT(targets)]);
        struct reply reply = router_call(things.router, arena, arena_cstr(arena, method),
                                         arena_cstr(arena, target), headers, COUNT(headers),
                                         spoil(arena, bodies[i / 3 % COUNT(bodies)]));
        CHECK(reply.status >= 200 && reply.status < 500);
        CHECK(reply.status < 400 || str_is(method, "HEAD") || json_parse(&ctx, reply.body) != NULL);
    }
    arena_free(arena);
}

static void run_all(void)
{
    test_overload();
    test_noise();
    test_many();
}

int main(void)
{
    log_setup("http_test", LOG_ERROR);
    run_on_each_engine(run_all);
    return check_end();
}
