/* What people do with links in mail: opens, clicks, unsubscribing, preferences; what machines do; on each engine. */
#include "services/email/feedback.h"
#include "services/email/links.h"
#include "services/email/machines.h"
#include "services/email/tests/room.h"

#define BROWSER                                                                                    \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
#define SHOP "https://shop.example/spring?a=1"

static const char *path_of(struct test_service *test, enum link_kind kind, struct str message_id,
                           const char *target)
{
    struct ctx *ctx = test_ctx(test);
    const struct email *email = email_of(ctx);
    struct str url = link_url(ctx->arena, email->links, kind, message_id, str_of(target));
    return strstr(url.ptr, "/v1/");
}

static struct reply visit(struct test_service *test, const char *method, enum link_kind kind,
                          struct str message_id, const char *target, const char *headers)
{
    return test_call(test, method, path_of(test, kind, message_id, target), NULL, headers, NULL);
}

static struct reply form(struct test_service *test, enum link_kind kind, struct str message_id,
                         const char *body)
{
    return test_call(test, "POST", path_of(test, kind, message_id, ""), NULL,
                     "Content-Type: application/x-www-form-urlencoded\r\n", body);
}

static struct str header_of(struct reply reply, const char *name)
{
    for (struct reply_header *header = reply.headers; header; header = header->next)
        if (str_eq_nocase(str_of(header->name), str_of(name)))
            return header->value;
    return (struct str){ 0 };
}

static bool shows(struct reply reply, const char *text)
{
    return memmem(reply.body.ptr, reply.body.len, text, strlen(text));
}

static bool of_machine(struct test_service *test, const struct event_type *type, size_t i)
{
    return json_bool(json_get(test_published_data(test, type, i), "machine"));
}

static void test_machines(void)
{
    static const struct {
        const char *agent;
        bool machine;
    } cases[] = {
        { NULL, true },
        { "", true },
        { "Mozilla/5.0", true },
        { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
          false },
        { "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20 Build/RP1A) AppleWebKit/537.36", false },
        { "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
          false },
        { "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", false },
        { "Mozilla/4.0 (compatible; ms-office; MSOffice 16)", false },
        { "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true },
        { "Mozilla/5.0 AppleWebKit/537.36 HeadlessChrome/120.0", true },
        { "BarracudaCentral/1.0", true },
        { "python-requests/2.31", true },
        { "curl/8.0", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct visit visit = { .user_agent = str_of(cases[i].agent), .after_us = -1 };
        CHECK_INT(visit_is_machine(&visit, 0), cases[i].machine);
    }
    struct visit visit = { .user_agent = STR("Mozilla/5.0 (X11)"), .after_us = 1000 };
    CHECK(!visit_is_machine(&visit, 1000));
    CHECK(visit_is_machine(&visit, 1001));
    visit = (struct visit){ .user_agent = visit.user_agent, .head = true, .after_us = -1 };
    CHECK(visit_is_machine(&visit, 0));
    visit = (struct visit){ .user_agent = visit.user_agent,
                            .purpose = STR("prefetch;prerender"),
                            .after_us = -1 };
    CHECK(visit_is_machine(&visit, 0));
}

static void test_opens(struct test_service *test)
{
    struct str id = sent(test, "prf_ann", "open");
    struct reply reply = visit(test, "GET", LINK_OPEN, id, "", BROWSER);
    CHECK_INT(reply.status, 200);
    CHECK_STR(str_of(reply.content_type), "image/gif");
    CHECK_STR(header_of(reply, "Cache-Control"), "no-store");
    CHECK_INT(COUNT_OF(MESSAGE_OPENED), 1);
    CHECK(of_machine(test, &EMAIL_MESSAGE_OPENED_V1_TYPE, 0)); /* at once after the hand-over */
    hold_clock("2026-03-01T09:00:10Z");
    for (int i = 0; i < 3; i++)
        CHECK_INT(visit(test, "GET", LINK_OPEN, id, "", BROWSER).status, 200);
    CHECK_INT(visit(test, "GET", LINK_OPEN, id, "", "User-Agent: Mozilla/5.0\r\n").status, 200);
    CHECK_INT(COUNT_OF(MESSAGE_OPENED), 2); /* once for each */
    CHECK(!of_machine(test, &EMAIL_MESSAGE_OPENED_V1_TYPE, 1));
}

static void test_clicks(struct test_service *test)
{
    struct str id = sent(test, "prf_ann", "click");
    hold_clock("2026-03-01T09:10:00Z");
    for (int i = 0; i < 2; i++) {
        struct reply reply = visit(test, "GET", LINK_CLICK, id, SHOP, BROWSER);
        CHECK_INT(reply.status, 302);
        CHECK_STR(header_of(reply, "Location"), SHOP);
        CHECK(!header_of(reply, "Set-Cookie").ptr);
    }
    test_work(test, "feedback");
    CHECK_INT(COUNT_OF(MESSAGE_CLICKED), 0); /* not decided yet */
    CHECK_INT(visit(test, "HEAD", LINK_CLICK, id, SHOP, BROWSER).status, 302);
    CHECK_INT(COUNT_OF(MESSAGE_CLICKED), 1);
    CHECK(of_machine(test, &EMAIL_MESSAGE_CLICKED_V1_TYPE, 0));
    hold_clock("2026-03-01T09:10:03Z");
    work(test, "feedback");
    work(test, "feedback");
    CHECK_INT(COUNT_OF(MESSAGE_CLICKED), 2);
    const struct json *told = test_published_data(test, &EMAIL_MESSAGE_CLICKED_V1_TYPE, 1);
    CHECK(!json_bool(json_get(told, "machine")));
    CHECK_STR(json_str(json_get(told, "link")), "https://shop.example/spring");
    CHECK_STR(json_str(json_get(told, "person_id")), "prf_ann");
    CHECK_STR(json_str(json_get(told, "campaign_id")), "cmp_a");
}

/* A scanner with the name of a browser follows all links at once. */
static void test_scanner(struct test_service *test)
{
    static const char *const targets[] = { "https://shop.example/a", "https://shop.example/b",
                                           "https://shop.example/c", "https://shop.example/d" };
    struct str id = sent(test, "prf_ann", "scan");
    size_t before = COUNT_OF(MESSAGE_CLICKED);
    hold_clock("2026-03-01T09:20:00Z");
    for (size_t i = 0; i < COUNT(targets); i++)
        visit(test, "GET", LINK_CLICK, id, targets[i], BROWSER);
    hold_clock("2026-03-01T09:25:00Z"); /* and the person, later, one of them */
    visit(test, "GET", LINK_CLICK, id, targets[0], BROWSER);
    hold_clock("2026-03-01T09:25:03Z");
    work(test, "feedback");
    CHECK_INT(COUNT_OF(MESSAGE_CLICKED), before + COUNT(targets));
    for (size_t i = 0; i < COUNT(targets); i++)
        CHECK(of_machine(test, &EMAIL_MESSAGE_CLICKED_V1_TYPE, before + i));
    visit(test, "GET", LINK_CLICK, id, targets[0], BROWSER);
    hold_clock("2026-03-01T09:26:03Z");
    work(test, "feedback");
    CHECK_INT(COUNT_OF(MESSAGE_CLICKED), before + COUNT(targets) + 1);
    CHECK(!of_machine(test, &EMAIL_MESSAGE_CLICKED_V1_TYPE, before + COUNT(targets)));
}

static void test_unsubscribe(struct test_service *test)
{
    struct str id = sent(test, "prf_bob", "bye");
    CHECK(may_be_sent(test, "prf_bob"));
    struct reply reply = visit(test, "GET", LINK_UNSUBSCRIBE, id, "", BROWSER);
    CHECK_INT(reply.status, 200);
    CHECK(shows(reply, "<form method=\"post\">") && !shows(reply, "<script"));
    CHECK(may_be_sent(test, "prf_bob")); /* who looks has not decided */
    CHECK_INT(COUNT_OF(MESSAGE_UNSUBSCRIBED), 0);
    for (int i = 0; i < 2; i++) {
        reply = form(test, LINK_UNSUBSCRIBE, id, "List-Unsubscribe=One-Click");
        CHECK_INT(reply.status, 200);
        CHECK(!header_of(reply, "Set-Cookie").ptr && !header_of(reply, "Location").ptr);
        CHECK(!may_be_sent(test, "prf_bob"));
    }
    CHECK_INT(COUNT_OF(MESSAGE_UNSUBSCRIBED), 1);
    CHECK_INT(COUNT_OF(SUPPRESSION_ADDED), 1);
    const struct json *added = test_published_data(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(added, "reason")), "unsubscribed");
    CHECK_STR(json_str(json_get(added, "message_id")), arena_cstr(test_ctx(test)->arena, id));
    reply = test_send(test, "POST", path_of(test, LINK_UNSUBSCRIBE, id, ""), NULL, NULL,
                      (struct str){ 0 });
    CHECK_INT(reply.status, 200); /* without a body too */
    reply = test_call(
        test, "POST", path_of(test, LINK_UNSUBSCRIBE, id, ""), NULL,
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n");
    CHECK_INT(reply.status, 200);
}

static bool is_complained_of(struct ctx *ctx, void *argument)
{
    struct message_row message;
    return store_message(ctx, *(struct str *)argument, &message) &&
           feedback_complained(ctx, &message);
}

static void test_preferences(struct test_service *test)
{
    struct str id = sent(test, "prf_bob", "choose");
    struct reply reply = visit(test, "GET", LINK_PREFERENCES, id, "", BROWSER);
    CHECK(shows(reply, "value=\"off\" checked"));
    CHECK_INT(form(test, LINK_PREFERENCES, id, "").status, 422);
    CHECK_INT(form(test, LINK_PREFERENCES, id, "marketing=maybe").status, 422);
    CHECK(!may_be_sent(test, "prf_bob"));
    hold_clock("2026-03-01T09:30:00Z");
    reply = form(test, LINK_PREFERENCES, id, "a=b&marketing=on");
    CHECK_INT(reply.status, 200);
    CHECK(shows(reply, "value=\"on\" checked") && shows(reply, "Saved."));
    CHECK(may_be_sent(test, "prf_bob"));
    CHECK_INT(COUNT_OF(MESSAGE_RESUBSCRIBED), 1);
    CHECK_INT(COUNT_OF(SUPPRESSION_REMOVED), 1);
    form(test, LINK_PREFERENCES, id, "marketing=on");
    CHECK_INT(COUNT_OF(MESSAGE_RESUBSCRIBED), 1); /* nothing new */
    hold_clock("2026-03-01T09:31:00Z");
    CHECK(!shows(visit(test, "GET", LINK_PREFERENCES, id, "", BROWSER), "Nothing is sent"));
    CHECK(test_write(test, is_complained_of, &id));
    reply = form(test, LINK_PREFERENCES, id, "marketing=on");
    CHECK(shows(reply, "value=\"on\" checked") && shows(reply, "Nothing is sent"));
    CHECK(!may_be_sent(test, "prf_bob")); /* who called it spam is asked to write */
    form(test, LINK_PREFERENCES, id, "marketing=off");
    CHECK(!may_be_sent(test, "prf_bob"));
    CHECK_INT(COUNT_OF(SUPPRESSION_ADDED), 3);
}

/* None of ours, one of another kind, one whose key was taken away: a page, and nothing is changed. */
static void test_bad_links(struct test_service *test)
{
    static const char *const paths[] = { "/v1/clicks/", "/v1/opens/", "/v1/unsubscribe/",
                                         "/v1/preferences/" };
    struct str id = sent(test, "prf_cat", "bad");
    struct arena *arena = test_ctx(test)->arena;
    const char *click = strrchr(path_of(test, LINK_CLICK, id, SHOP), '/') + 1;
    const char *tokens[] = { "x", "AQG5c2lnbmVk", click, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAG1zZwo" };
    for (size_t p = 0; p < COUNT(paths); p++)
        for (size_t t = 0; t < COUNT(tokens); t++) {
            if (p == 0 && tokens[t] == click)
                continue;
            const char *path = arena_printf(arena, "%s%s", paths[p], tokens[t]).ptr;
            struct reply reply = test_call(test, "GET", path, NULL, BROWSER, NULL);
            CHECK_INT(reply.status, t == 3 ? 410 : 404);
            CHECK_STR(str_of(reply.content_type), "text/html; charset=utf-8");
            CHECK(!header_of(reply, "Location").ptr);
            if (p >= 2)
                CHECK_INT(test_call(test, "POST", path, NULL,
                                    "Content-Type: application/x-www-form-urlencoded\r\n",
                                    "marketing=off")
                              .status,
                          t == 3 ? 410 : 404);
        }
    CHECK(may_be_sent(test, "prf_cat"));
}

/* Links of who is erased lead on, and tell and change nothing; those of a trial too. */
static void test_nobody(struct test_service *test)
{
    struct str erased = sent(test, "prf_cat", "gone"), ids[] = { erased, STR("msg_trial") };
    size_t opened = COUNT_OF(MESSAGE_OPENED), clicked = COUNT_OF(MESSAGE_CLICKED),
           gone = COUNT_OF(MESSAGE_UNSUBSCRIBED), back = COUNT_OF(MESSAGE_RESUBSCRIBED);
    hold_clock("2026-03-01T09:40:00Z");
    visit(test, "GET", LINK_CLICK, erased, SHOP, BROWSER); /* not decided when they are erased */
    HEAR(CRM_PROFILE_ERASED, "{\"profile_id\":\"prf_cat\",\"request_id\":\"ers_1\","
                             "\"erased_at\":\"2026-03-01T09:40:01Z\"}");
    hold_clock("2026-03-01T09:41:00Z");
    for (size_t i = 0; i < COUNT(ids); i++) {
        CHECK_INT(visit(test, "GET", LINK_CLICK, ids[i], SHOP, BROWSER).status, 302);
        CHECK_INT(visit(test, "GET", LINK_OPEN, ids[i], "", BROWSER).status, 200);
        CHECK_INT(form(test, LINK_UNSUBSCRIBE, ids[i], "").status, 200);
        CHECK_INT(form(test, LINK_PREFERENCES, ids[i], "marketing=on").status, 200);
        CHECK(
            shows(visit(test, "GET", LINK_PREFERENCES, ids[i], "", BROWSER), "nothing to change"));
    }
    hold_clock("2026-03-01T09:42:00Z");
    work(test, "feedback");
    CHECK_INT(COUNT_OF(MESSAGE_OPENED), opened);
    CHECK_INT(COUNT_OF(MESSAGE_CLICKED), clicked);
    CHECK_INT(COUNT_OF(MESSAGE_UNSUBSCRIBED), gone);
    CHECK_INT(COUNT_OF(MESSAGE_RESUBSCRIBED), back);
}

static void test_made_links(struct test_service *test)
{
    static const char *const bad[] = { "javascript:alert(1)", "//x.example", "mailto:a@b.example" };
    struct arena *arena = test_ctx(test)->arena;
    struct reply reply = test_call(test, "GET",
                                   "/v1/messages/msg_x/links?target=https%3A%2F%2Fx.example%2F",
                                   "messages:read", NULL, NULL);
    CHECK_INT(reply.status, 200);
    struct str token = json_str(json_pointer(test_json(test, reply), STR("/click/token")));
    reply = test_call(test, "GET", arena_printf(arena, "/v1/clicks/" STR_FMT, STR_ARG(token)).ptr,
                      NULL, BROWSER, NULL);
    CHECK_STR(header_of(reply, "Location"), "https://x.example/");
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *path = arena_printf(arena, "/v1/messages/msg_x/links?target=%s", bad[i]).ptr;
        CHECK_INT(test_call(test, "GET", path, "messages:read", NULL, NULL).status, 422);
    }
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    static const char *const people[] = { "prf_ann", "prf_bob", "prf_cat" };
    hold_clock("2026-03-01T09:00:00Z");
    publish(test, "email_template", "news", "\"subject\":\"News\",\"html\":\"<p>Hello</p>\"");
    for (size_t i = 0; i < COUNT(people); i++)
        person(test, people[i], "");
    test_opens(test);
    test_clicks(test);
    test_scanner(test);
    test_unsubscribe(test);
    test_preferences(test);
    test_bad_links(test);
    test_nobody(test);
    test_made_links(test);
    clock_hold_us(0);
    test_close(test);
}

static void test_switched_off(void)
{
    const char *off[] = { "tracking=false", NULL };
    struct test_service *test = test_open(&email_service, NULL, off);
    hold_clock("2026-03-01T09:00:00Z");
    publish(test, "email_template", "news", "\"subject\":\"News\",\"html\":\"<p>Hello</p>\"");
    person(test, "prf_ann", "");
    struct str id = sent(test, "prf_ann", "off");
    hold_clock("2026-03-01T09:10:00Z");
    CHECK_INT(visit(test, "GET", LINK_CLICK, id, SHOP, BROWSER).status, 302);
    CHECK_INT(visit(test, "GET", LINK_OPEN, id, "", BROWSER).status, 200);
    CHECK_INT(COUNT_OF(MESSAGE_OPENED), 0);
    clock_hold_us(0);
    test_close(test);
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    test_machines();
    test_room(NULL);
    if (postgresql)
        test_room(postgresql);
    test_switched_off();
    return check_end();
}
