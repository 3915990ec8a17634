/* Single mail asked for by requests: checked, queued once, shown with what became of it, taken back; and who received what. */
#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/outgoing.h"
#include "services/email/tests/room.h"

static struct reply call(struct test_service *test, const char *method, const char *target,
                         const char *body)
{
    return test_call(test, method, target, "messages:read messages:write", NULL, body);
}

static struct str at(struct test_service *test, struct str message_id, const char *rest)
{
    return arena_printf(test_ctx(test)->arena, "/v1/messages/" STR_FMT "%s", STR_ARG(message_id),
                        rest);
}

/* Its id. */
static struct str ask(struct test_service *test, const char *body)
{
    struct reply reply = call(test, "POST", "/v1/messages", body);
    CHECK_INT(reply.status, 202);
    return json_str(json_get(test_json(test, reply), "message_id"));
}

static const struct json *shown(struct test_service *test, struct str message_id)
{
    return test_json(test, call(test, "GET", at(test, message_id, "").ptr, NULL));
}

struct loading {
    struct str message_id;
    struct message_row row;
    bool moved;
    bool (*change)(struct ctx *ctx, struct message_row *message, bool *moved);
};

static bool load(struct ctx *ctx, void *argument)
{
    struct loading *loading = argument;
    return store_message(ctx, loading->message_id, &loading->row);
}

/* As it would be handed over. */
static struct outgoing_letter letter(struct test_service *test, struct str message_id)
{
    struct loading loading = { .message_id = message_id };
    struct outgoing_letter out = { 0 };
    struct outgoing *outgoing = outgoing_new();
    CHECK(test_read(test, load, &loading));
    CHECK(outgoing_compose(test_ctx(test), outgoing, &loading.row, &out));
    outgoing_free(outgoing);
    return out;
}

static bool has(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void test_address_alone(struct test_service *test)
{
    struct str id = ask(test,
                        "{\"address\":\"stranger@example.com\",\"name\":\"Str\\u00e4nger\","
                        "\"subject\":\"Hello {{ person.name }}\","
                        "\"html\":\"<p>Code {{ data.code }}</p>\",\"data\":{\"code\":\"<7>\"}}");
    const struct json *message = shown(test, id);
    CHECK_STR(json_str(json_get(message, "state")), "queued");
    CHECK(str_starts(json_str(json_get(message, "person_id")), STR("adr_")));
    struct outgoing_letter out = letter(test, id);
    CHECK_STR(out.to, "stranger@example.com");
    CHECK_STR(out.subject, "Hello Str\xc3\xa4nger");
    CHECK(has(out.html, "Code &lt;7&gt;"));
    CHECK(!has(out.text, "List-Unsubscribe"));
    /* Of who is known to have it, it is theirs. */
    id = ask(test, "{\"address\":\"PRF_A@example.com\",\"subject\":\"S\",\"text\":\"T\"}");
    CHECK_STR(json_str(json_get(shown(test, id), "person_id")), "prf_a");
}

static void test_template(struct test_service *test)
{
    struct str id = ask(test,
                        "{\"person_id\":\"prf_a\",\"template\":\"welcome\","
                        "\"subject\":\"Other {{ person.first_name }}\",\"purpose\":\"marketing\","
                        "\"campaign_id\":\"cmp_x\",\"step\":\"one\"}");
    struct outgoing_letter out = letter(test, id);
    CHECK_STR(out.subject, "Other prf_a");
    CHECK(has(out.html, "Welcome"));
    CHECK_STR(json_str(json_get(shown(test, id), "purpose")), "marketing");
}

static void test_once(struct test_service *test)
{
    const char *body = "{\"person_id\":\"prf_a\",\"template\":\"welcome\",\"message_key\":\"i/1\"}";
    struct str id = ask(test, body), again = ask(test, body);
    CHECK(str_eq(id, again));
    const char *other = "{\"person_id\":\"prf_a\",\"template\":\"welcome\"}";
    struct reply one = test_call(test, "POST", "/v1/messages", "messages:write",
                                 "Idempotency-Key: k1\r\n", other),
                 two = test_call(test, "POST", "/v1/messages", "messages:write",
                                 "Idempotency-Key: k1\r\n", other);
    CHECK(str_eq(one.body, two.body));
    CHECK(!str_eq(ask(test, other), ask(test, other)));
}

static void test_attachments(struct test_service *test)
{
    struct str id =
        ask(test, "{\"person_id\":\"prf_a\",\"subject\":\"S\",\"text\":\"T\",\"attachments\":["
                  "{\"name\":\"a.txt\",\"type\":\"text/plain\",\"content\":\"SGVsbG8=\"},"
                  "{\"name\":\"b.bin\",\"content\":\"AAEC\"}]}");
    struct outgoing_letter out = letter(test, id);
    CHECK(has(out.text, "a.txt"));
    CHECK(has(out.text, "SGVsbG8="));
    CHECK(has(out.text, "application/octet-stream"));
}

#define TO "{\"address\":\"a@b.example\","

static void test_refusals(struct test_service *test)
{
    static const char *const bad[] = {
        "{\"subject\":\"S\",\"text\":\"T\"}",
        TO "\"template\":\"none\"}",
        TO "\"template\":\"welcome\",\"text\":\"T\"}",
        TO "\"text\":\"T\"}",
        TO "\"subject\":\"S\"}",
        TO "\"subject\":\"{{ a | }}\",\"text\":\"T\"}",
        TO "\"subject\":\"S\",\"html\":\"{% if %}\"}",
        TO "\"subject\":\"S\\r\\nBcc: c@d.example\",\"text\":\"T\"}",
        TO "\"name\":\"N\\nBcc: c@d.example\",\"subject\":\"S\",\"text\":\"T\"}",
        TO "\"subject\":\"S\",\"text\":\"T\",\"sender_id\":\"snd_none\"}",
        TO "\"subject\":\"S\",\"text\":\"T\",\"expires_at\":\"2020-01-01T00:00:00Z\"}",
        TO "\"subject\":\"S\",\"text\":\"T\",\"attachments\":[{\"name\":\"a\",\"content\":\"?\"}]}",
        TO
        "\"subject\":\"S\",\"text\":\"T\",\"attachments\":[{\"name\":\"a\\r\\nB: c\",\"content\":\"AA==\"}]}",
        TO
        "\"subject\":\"S\",\"text\":\"T\",\"attachments\":[{\"name\":\"a\",\"type\":\"a/b\\r\\nC: d\",\"content\":\"AA==\"}]}",
        "{\"address\":\"nobody\",\"subject\":\"S\",\"text\":\"T\"}",
        "{\"address\":\"a@b.example\\r\\nBcc: c@d.example\",\"subject\":\"S\",\"text\":\"T\"}",
        "{\"address\":\"a@b.example, c@d.example\",\"subject\":\"S\",\"text\":\"T\"}",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        int status = call(test, "POST", "/v1/messages", bad[i]).status;
        if (status != 422)
            printf("%s: %d\n", bad[i], status);
        CHECK_INT(status, 422);
    }
    /* 6 MB of a file are too many; what the data makes of a subject cannot add a header either. */
    size_t n = 6 * 1000 * 1000 / 3 * 4;
    char *content = arena_alloc(test_ctx(test)->arena, n + 1);
    memset(content, 'A', n);
    struct str large = arena_printf(
        test_ctx(test)->arena,
        TO
        "\"subject\":\"S\",\"text\":\"T\",\"attachments\":[{\"name\":\"a\",\"content\":\"%s\"}]}",
        content);
    int status = call(test, "POST", "/v1/messages", large.ptr).status;
    CHECK(status == 422 || status == 413);
    struct str id = ask(test, TO "\"subject\":\"{{ data.a }}\",\"text\":\"T\","
                                 "\"data\":{\"a\":\"x\\r\\nBcc: c@d.example\"}}");
    struct loading loading = { .message_id = id };
    struct outgoing_letter out;
    struct outgoing *outgoing = outgoing_new();
    CHECK(test_read(test, load, &loading));
    CHECK(!outgoing_compose(test_ctx(test), outgoing, &loading.row, &out));
    CHECK_STR(str_of(out.failed), "template");
    ctx_clear(test_ctx(test));
    outgoing_free(outgoing);
}

static bool change(struct ctx *ctx, void *argument)
{
    struct loading *loading = argument;
    return store_message(ctx, loading->message_id, &loading->row) &&
           loading->change(ctx, &loading->row, &loading->moved);
}

static void test_life(struct test_service *test)
{
    struct str id = ask(test, "{\"person_id\":\"prf_a\",\"template\":\"welcome\"}");
    struct loading loading = { .message_id = id, .change = message_doubt };
    CHECK_INT(call(test, "POST", at(test, id, "/resend").ptr, NULL).status, 200); /* it waits */
    CHECK(test_write(test, change, &loading));
    CHECK_INT(call(test, "POST", at(test, id, "/resend").ptr, NULL).status, 409);
    CHECK_INT(call(test, "POST", at(test, id, "/cancel").ptr, NULL).status, 409);
    loading.change = message_unknown;
    CHECK(test_write(test, change, &loading));
    const struct json *page =
        test_json(test, call(test, "GET", "/v1/messages?state=unknown", NULL));
    CHECK(str_eq(json_str(json_pointer(page, STR("/items/0/message_id"))), id));
    struct reply reply = call(test, "POST", at(test, id, "/resend").ptr, NULL);
    CHECK_INT(reply.status, 200);
    CHECK_INT(json_int(json_get(test_json(test, reply), "resends")), 1);
    CHECK_STR(json_str(json_get(test_json(test, reply), "state")), "queued");
    CHECK_STR(json_str(json_pointer(shown(test, id), STR("/timeline/1/what"))), "resent");
    reply = call(test, "POST", at(test, id, "/cancel").ptr, NULL);
    CHECK_INT(reply.status, 200);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/timeline/2/detail"))),
              "cancelled");
    CHECK_INT(call(test, "POST", at(test, id, "/cancel").ptr, NULL).status, 409);
    CHECK_INT(call(test, "GET", "/v1/messages/msg_none", NULL).status, 404);
    CHECK_INT(call(test, "POST", "/v1/messages/msg_none/resend", NULL).status, 404);
}

static void test_recipients(struct test_service *test)
{
    ask(test,
        "{\"person_id\":\"prf_a\",\"template\":\"welcome\",\"campaign_id\":\"cmp_r\",\"step\":\"=1+1\"}");
    ask(test, "{\"person_id\":\"prf_b\",\"template\":\"welcome\",\"campaign_id\":\"cmp_r\"}");
    ask(test, "{\"person_id\":\"prf_c\",\"template\":\"welcome\",\"campaign_id\":\"cmp_s\"}");
    const char *path = "/v1/campaigns/cmp_r/recipients?limit=1";
    const struct json *page = test_json(test, call(test, "GET", path, NULL));
    struct str next = arena_printf(test_ctx(test)->arena, "%s&cursor=" STR_FMT, path,
                                   STR_ARG(json_str(json_get(page, "next_cursor"))));
    page = test_json(test, call(test, "GET", next.ptr, NULL));
    CHECK(json_pointer(page, STR("/items/0")) && !json_get(page, "next_cursor"));
    struct reply csv = test_call(test, "GET", "/v1/campaigns/cmp_r/recipients", "messages:read",
                                 "Accept: text/csv\r\n", NULL);
    CHECK_INT(csv.status, 200);
    CHECK(str_starts(csv.body, STR("message_id,person_id,state,")));
    CHECK(has(csv.body, "\"prf_b\",\"queued\"") && !has(csv.body, "prf_c"));
    CHECK(has(csv.body, "\"'=1+1\""));
    csv = test_call(test, "GET", path, "messages:read", "Accept: text/csv\r\n", NULL);
    bool linked = false;
    for (const struct reply_header *header = csv.headers; header; header = header->next)
        linked |= str_is(str_of(header->name), "Link") && has(header->value, "rel=\"next\"");
    CHECK(linked);
    page = test_json(test, call(test, "GET", "/v1/campaigns/cmp_r/recipients?state=sent", NULL));
    CHECK(!json_pointer(page, STR("/items/0")));
    page = test_json(test, call(test, "GET", "/v1/messages?person_id=prf_c", NULL));
    CHECK_STR(json_str(json_pointer(page, STR("/items/0/campaign_id"))), "cmp_s");
}

/* Also what was sent to the address before its person was known. */
static void test_erasure(struct test_service *test)
{
    struct str id = ask(test,
                        "{\"address\":\"prf_late@example.com\",\"subject\":\"S\",\"text\":\"T\","
                        "\"attachments\":[{\"name\":\"a\",\"content\":\"AA==\"}]}");
    person(test, "prf_late", "");
    HEAR(CRM_PROFILE_ERASED, "{\"profile_id\":\"prf_late\",\"request_id\":\"ers_1\","
                             "\"erased_at\":\"2026-02-01T00:00:00Z\"}");
    CHECK(!json_get(shown(test, id), "address"));
    struct loading loading = { .message_id = id };
    CHECK(test_read(test, load, &loading));
    CHECK(!loading.row.asked.ptr);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    person(test, "prf_a", "");
    publish(test, "email_template", "welcome",
            "\"subject\":\"Hi\",\"html\":\"<body><p>Welcome</p></body>\"");
    test_address_alone(test);
    test_template(test);
    test_once(test);
    test_attachments(test);
    test_refusals(test);
    test_life(test);
    test_recipients(test);
    test_erasure(test);
    test_close(test);
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    test_room(NULL);
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
