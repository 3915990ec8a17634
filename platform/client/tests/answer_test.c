/* The reader of responses: cut at every place, ambiguous, too large, and bent at random. */
#include <stdlib.h>

#include "base/tests/check.h"
#include "platform/client/answer.h"
#include "platform/client/client.h"

static struct arena *arena;

/* Gives the bytes in pieces of `step`, and then, if wanted, the end of the connection. */
static struct answer read_in_steps(struct str bytes, size_t step, bool to_head, bool closes)
{
    struct answer answer;
    answer_begin(&answer, arena, to_head);
    for (size_t at = 0; at < bytes.len && answer.state < ANSWER_WHOLE;) {
        size_t room;
        char *to = answer_room(&answer, &room);
        size_t n = MIN(MIN(step, room), bytes.len - at);
        memcpy(to, bytes.ptr + at, n);
        answer_took(&answer, n);
        at += n;
    }
    if (closes)
        answer_closed(&answer);
    return answer;
}

static struct answer read_all(const char *bytes)
{
    return read_in_steps(str_of(bytes), SIZE_MAX, false, false);
}

static void check_at_every_cut(const char *bytes, bool closes, int status, const char *body,
                               bool keep)
{
    struct str text = str_of(bytes);
    for (size_t step = 1; step <= text.len; step++) {
        struct answer answer = read_in_steps(text, step, false, closes);
        CHECK_INT(answer.state, ANSWER_WHOLE);
        CHECK_INT(answer.status, status);
        CHECK_STR(answer.body, body);
        CHECK(answer.body.ptr && answer.body.ptr[answer.body.len] == '\0');
        CHECK_INT(answer.keep, keep);
    }
}

static void test_whole(void)
{
    check_at_every_cut("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 200, "hello",
                       true);
    check_at_every_cut("HTTP/1.1 404\r\ncontent-length: 0\r\n\r\n", false, 404, "", true);
    check_at_every_cut("HTTP/1.1 200 \nContent-Length:2\n\nab", false, 200, "ab", true);
    check_at_every_cut("HTTP/1.1 204 None\r\n\r\n", false, 204, "", true);
    check_at_every_cut("HTTP/1.1 304 X\r\nContent-Length: 500\r\n\r\n", false, 304, "", true);
    check_at_every_cut("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", false,
                       200, "a", false);
    check_at_every_cut("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", false, 200, "a", false);
    check_at_every_cut("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
                       false, 200, "a", true);
    check_at_every_cut("HTTP/1.1 200 OK\r\n\r\nto the end", true, 200, "to the end", false);
    check_at_every_cut("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                       false, 200, "ok", true);
}

static void test_chunked(void)
{
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    check_at_every_cut(CHUNKED "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n", false, 200,
                       "hello world", true);
    check_at_every_cut(CHUNKED "00A \r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", false,
                       200, "0123456789", true);
    check_at_every_cut(CHUNKED "0\r\n\r\n", false, 200, "", true);
    static const char *const bad[] = {
        CHUNKED "x\r\n", CHUNKED "\r\n", CHUNKED "-1\r\n", CHUNKED "1\r\nab\r\n", CHUNKED "1g\r\n",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(read_all(bad[i]).state, ANSWER_BROKEN);
    CHECK_INT(read_all(CHUNKED "ffffffffffffffffff\r\n").state, ANSWER_TOO_LARGE);
    CHECK_INT(read_in_steps(str_of(CHUNKED "5\r\nhel"), 3, false, true).state, ANSWER_BROKEN);
}

static void test_headers(void)
{
    struct answer answer = read_all("HTTP/1.1 503 X\r\nETag:  \"7\" \r\nCONTENT-TYPE: a/b; c=d\r\n"
                                    "Retry-After: 1\r\nfanfare-next-cursor: bmV4dA\r\n"
                                    "X: : \r\nContent-Length: 0\r\n\r\n");
    CHECK_INT(answer.state, ANSWER_WHOLE);
    CHECK_STR(answer.etag, "\"7\"");
    CHECK_STR(answer.type, "a/b; c=d");
    CHECK_STR(answer.next_cursor, "bmV4dA");
    CHECK(answer.told_to_wait);
    answer = read_in_steps(STR("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), 7, true, false);
    CHECK(answer.state == ANSWER_WHOLE && answer.body.len == 0); /* of a HEAD request */
    answer = read_all("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab");
    CHECK(answer.state == ANSWER_WHOLE && !answer.keep); /* what follows was not asked for */
    CHECK_STR(answer.body, "a");
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "\r\n\r\n",
        "garbage\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(read_all(bad[i]).state, ANSWER_BROKEN);
    CHECK_INT(read_in_steps(STR("HTTP/1.1 200 OK\r\nConte"), 9, false, true).state, ANSWER_BROKEN);
    CHECK_INT(
        read_in_steps(STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), 9, false, true).state,
        ANSWER_BROKEN);
    CHECK_INT(read_all("HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n").state,
              ANSWER_TOO_LARGE);
    CHECK_INT(read_all("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n").state,
              ANSWER_BROKEN);
}

static void test_without_end(void)
{
    size_t bytes = 16 * 1024 * 1024;
    char *text = mem_alloc(bytes);
    memset(text, 'x', bytes);
    struct str head = STR("HTTP/1.1 200 OK\r\nA: ");
    memcpy(text, head.ptr, head.len);
    CHECK_INT(read_in_steps((struct str){ text, bytes }, 10000, false, false).state, ANSWER_BROKEN);
    head = STR("HTTP/1.1 200 OK\r\n\r\n");
    memcpy(text, head.ptr, head.len);
    CHECK_INT(read_in_steps((struct str){ text, bytes }, 10000, false, false).state,
              ANSWER_TOO_LARGE);
    head = STR(CHUNKED);
    memcpy(text, head.ptr, head.len);
    for (size_t at = head.len; at + 6 <= bytes; at += 6)
        memcpy(text + at, "1\r\na\r\n", 6); /* small chunks are bounded by what is sent */
    CHECK_INT(read_in_steps((struct str){ text, bytes }, 10000, false, false).state,
              ANSWER_TOO_LARGE);
    head = STR(CHUNKED "1;");
    memcpy(text, head.ptr, head.len);
    memset(text + head.len, 'x', bytes - head.len);
    CHECK_INT(read_in_steps((struct str){ text, bytes }, 10000, false, false).state, ANSWER_BROKEN);
    free(text);
}

/* Whatever comes, it ends, and the body lies within what has come. */
static void test_bent(void)
{
    static const char *const good[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello",
        CHUNKED "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: x\r\n\r\n",
        "HTTP/1.1 100 X\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
    };
    static const char salt[] = "\r\n:; 0159afHTP/.-x\t\0\xff";
    char text[256];
    srand(1);
    for (int round = 0; round < 100000; round++) {
        struct str from = str_of(good[rand() % (int)COUNT(good)]);
        memcpy(text, from.ptr, from.len);
        for (int bends = rand() % 4; bends >= 0; bends--)
            text[rand() % (int)from.len] = salt[rand() % (int)sizeof(salt)];
        size_t n = from.len - (size_t)(rand() % 4 ? 0 : rand() % (int)from.len);
        struct answer answer =
            read_in_steps((struct str){ text, n }, 1 + (size_t)(rand() % 40), false, true);
        if (answer.state < ANSWER_WHOLE || (answer.state == ANSWER_WHOLE && answer.body.len > n))
            CHECK(!"it ends, and is no longer than what has come");
        if (round % 1000 == 0)
            arena_clear(arena);
    }
}

int main(void)
{
    arena = arena_new(0);
    test_whole();
    test_chunked();
    test_headers();
    test_refused();
    test_without_end();
    test_bent();
    arena_free(arena);
    return check_end();
}
