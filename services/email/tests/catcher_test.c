#include "services/email/catcher.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/email/email.h"

#define KEEP 8

static struct arena *arena;
static struct ctx ctx;

static size_t count(struct catcher *catcher, struct str before, struct caught_row out[CATCHER_PAGE])
{
    size_t n = 0;
    CHECK(catcher_list(&ctx, catcher, before, CATCHER_PAGE, out, &n));
    return n;
}

static void put(struct catcher *catcher, const char *subject, struct str *id)
{
    struct str mail = arena_printf(
        arena, "From: Shop <shop@example.com>\r\nSubject: %s\r\n\r\nHello\r\n", subject);
    CHECK(catcher_put(&ctx, catcher, STR("b@x.example"), STR("ann@example.com, bob@example.com"),
                      mail, id));
}

static void check_mails(struct catcher *catcher)
{
    struct caught_row mails[CATCHER_PAGE];
    struct str first, second, source;
    put(catcher, "=?utf-8?q?Caf=C3=A9?=", &first);
    put(catcher, "two", &second);
    CHECK_INT(count(catcher, (struct str){ 0 }, mails), 2);
    CHECK_STR(mails[0].subject, "two");
    CHECK_STR(mails[1].subject, "Caf\u00e9");
    CHECK_STR(mails[1].from, "Shop <shop@example.com>");
    CHECK_STR(mails[1].sender, "b@x.example");
    CHECK_STR(mails[1].recipients, "ann@example.com, bob@example.com");
    CHECK(mails[1].caught_us > 1700000000000000LL && mails[1].bytes > 50);
    CHECK_INT(count(catcher, second, mails), 1);
    CHECK(catcher_read(&ctx, catcher, first, &source) &&
          str_ends(source, STR("\r\n\r\nHello\r\n")));
    CHECK(catcher_delete(&ctx, catcher, first));
    CHECK(!catcher_read(&ctx, catcher, first, &source) && ctx.error.code == ERR_NOT_FOUND);
    ctx_clear(&ctx);
    CHECK(!catcher_delete(&ctx, catcher, STR("../cgt_x")) && ctx.error.code == ERR_NOT_FOUND);
    ctx_clear(&ctx);
    CHECK(catcher_clear(&ctx, catcher) && count(catcher, (struct str){ 0 }, mails) == 0);
}

/* However many come, the newest stay. */
static void check_keep(struct catcher *catcher)
{
    struct caught_row mails[CATCHER_PAGE];
    struct str id;
    for (int i = 0; i < 3 * KEEP; i++)
        put(catcher, arena_printf(arena, "mail %d", i).ptr, &id);
    size_t n = count(catcher, (struct str){ 0 }, mails);
    CHECK(n >= KEEP && n <= KEEP + KEEP / 8);
    CHECK_STR(mails[0].subject, "mail 23");
    CHECK_STR(mails[KEEP - 1].subject, "mail 16");
}

static int status(struct test_service *test, const char *method, const char *target,
                  const char *scopes, const char *headers)
{
    return test_call(test, method, target, scopes, headers, NULL).status;
}

/* Who sits at this machine reads without a token; who comes by another name, or writes, does not. */
static void check_requests(void)
{
    struct test_service *test = test_open(&email_service, NULL, NULL);
    const char *mail =
        "To: ann@example.com\r\nSubject: S\r\nContent-Type: text/html\r\n\r\n<p>H</p>";
    struct reply reply = test_call(test, "POST", "/v1/caught", "caught:write",
                                   "Content-Type: message/rfc822\n", mail);
    CHECK_INT(reply.status, 200);
    struct str id = json_str(json_get(test_json(test, reply), "caught_id"));
    const char *one = arena_printf(test_ctx(test)->arena, "/v1/caught/" STR_FMT, STR_ARG(id)).ptr,
               *html = arena_printf(test_ctx(test)->arena, "%s/html", one).ptr;
    const struct json *list =
        test_json(test, test_call(test, "GET", "/v1/caught?limit=1", NULL, NULL, NULL));
    CHECK_STR(json_str(json_get(list, "next_cursor")), id.ptr);
    CHECK_STR(json_str(json_get(json_at(json_get(list, "items"), 0), "recipients")),
              "ann@example.com");
    CHECK_STR(json_str(json_get(test_json(test, test_call(test, "GET", one, NULL,
                                                          "Host: localhost:8107\n", NULL)),
                                "html")),
              "<p>H</p>");
    CHECK_INT(status(test, "GET", one, NULL, "Host: evil.example:8107\n"), 401);
    CHECK_INT(status(test, "GET", one, NULL, "Host: 127.0.0.1.evil.example\n"), 401);
    CHECK_INT(status(test, "GET", one, "caught:read", "Host: evil.example\n"), 200);
    CHECK_INT(status(test, "DELETE", one, NULL, NULL), 401);
    CHECK_INT(status(test, "GET", "/caught", NULL, NULL), 200);
    reply = test_call(test, "GET", html, NULL, NULL, NULL);
    CHECK_STR(reply.body, "<p>H</p>");
    bool sandboxed = false;
    for (struct reply_header *header = reply.headers; header; header = header->next)
        sandboxed |= str_is(str_of(header->name), "Content-Security-Policy") &&
                     str_starts(header->value, STR("sandbox "));
    CHECK(sandboxed);
    CHECK_INT(status(test, "DELETE", one, "caught:write", NULL), 204);
    CHECK_INT(status(test, "GET", html, NULL, NULL), 404);
    CHECK_INT(status(test, "DELETE", "/v1/caught", "caught:write", NULL), 204);
    test_close(test);
}

int main(void)
{
    check_requests();
    char folder[] = "/tmp/fanfare-catcher-XXXXXX";
    arena = arena_new(0);
    ctx.arena = arena;
    CHECK(mkdtemp(folder) != NULL);
    struct str inside = arena_printf(arena, "%s/caught", folder);
    struct catcher *catcher = catcher_open(&ctx, inside, 0, KEEP);
    CHECK(catcher != NULL);
    check_mails(catcher);
    check_keep(catcher);
    catcher_close(catcher);
    catcher = catcher_open(&ctx, inside, 0, 3); /* what it caught is there after a restart */
    struct caught_row mails[CATCHER_PAGE];
    CHECK_INT(count(catcher, (struct str){ 0 }, mails), 3);
    CHECK(catcher_clear(&ctx, catcher));
    catcher_close(catcher);
    CHECK(rmdir(inside.ptr) == 0 && rmdir(folder) == 0);
    CHECK(!catcher_open(&ctx, STR("/proc/none/caught"), 0, 3) && ctx.error.code == ERR_UNAVAILABLE);
    arena_free(arena);
    return check_end();
}
