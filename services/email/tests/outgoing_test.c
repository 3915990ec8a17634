/* A queued message becomes the bytes that are handed over: who writes to whom, what is in it, and why it cannot be. */
#include "services/email/messages.h"
#include "services/email/outgoing.h"
#include "services/email/tests/room.h"

struct composing {
    struct outgoing *outgoing;
    struct message_row message;
    struct outgoing_letter letter;
};

static bool compose(struct test_service *test, struct composing *composing)
{
    struct ctx *ctx = test_ctx(test);
    composing->outgoing = outgoing_new();
    bool ok = outgoing_compose(ctx, composing->outgoing, &composing->message, &composing->letter);
    outgoing_free(composing->outgoing);
    ctx_clear(ctx);
    return ok;
}

#define ASKED(person, template)                                                                    \
    STR("{\"command_id\":\"cmd_1\",\"message_key\":\"k\",\"person_id\":\"" person                  \
        "\",\"template\":\"" template "\",\"purpose\":\"marketing\",\"data\":{\"code\":\"X7\"},"   \
        "\"expires_at\":\"2099-01-01T00:00:00Z\"}")

static struct composing single(const char *person, struct str asked)
{
    return (struct composing){ .message = { .message_id = STR("msg_1"),
                                            .queue = STR(QUEUE_SINGLE),
                                            .person_id = str_of(person),
                                            .campaign_id = STR("jny_cart"),
                                            .asked = asked,
                                            .marketing = true } };
}

static bool has(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void test_letter(struct test_service *test)
{
    struct composing one = single("prf_a", ASKED("prf_a", "welcome"));
    CHECK(compose(test, &one));
    CHECK_STR(one.letter.from, "fanfare@example.com");
    CHECK_STR(one.letter.to, "prf_a@example.com");
    CHECK_STR(one.letter.subject, "Hello prf_a");
    CHECK(has(one.letter.text, "\r\nMessage-ID: <msg_1@example.com>\r\n"));
    CHECK(has(one.letter.text, " <prf_a@example.com>\r\n"));
    CHECK(has(one.letter.text, "\r\nList-Id: <jny_cart.example.com>\r\n"));
    CHECK(has(one.letter.text, "Code X7"));
    CHECK(has(one.letter.text, "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    CHECK(has(one.letter.text, "<img")); /* the picture of one point */
    ptrdiff_t body = str_find_char(one.letter.html, '>');
    CHECK(body > 0 && has(one.letter.text, "In short</div><p>"));
    one = single("prf_a", ASKED("prf_a", "welcome"));
    one.message.address = STR("other@example.org");
    CHECK(compose(test, &one));
    CHECK_STR(one.letter.to, "other@example.org");
}

static void test_reasons(struct test_service *test)
{
    struct composing one = single("prf_stranger", ASKED("prf_stranger", "welcome"));
    CHECK(!compose(test, &one));
    CHECK_STR(str_of(one.letter.withheld), "no_address");
    one = single("prf_a", ASKED("prf_a", "none"));
    CHECK(!compose(test, &one));
    CHECK_STR(str_of(one.letter.failed), "template");
    one = single("prf_a", (struct str){ NULL, 0 });
    CHECK(!compose(test, &one));
    CHECK_STR(str_of(one.letter.failed), "template");
    one = single("prf_injected", ASKED("prf_injected", "welcome"));
    CHECK(!compose(test, &one));
    CHECK_STR(str_of(one.letter.failed), "address");
    one = single("prf_a", ASKED("prf_a", "injected"));
    CHECK(!compose(test, &one));
    CHECK_STR(str_of(one.letter.failed), "template");
}

static void test_launch(struct test_service *test)
{
    ASK("lch_1", ",\"template\":\"welcome\",\"audience\":{\"everyone\":true},\"variants\":["
                 "{\"name\":\"b\",\"weight\":1,\"subject\":\"Hi {{ person.name }}\"}]");
    struct composing one = { .message = { .message_id = STR("msg_2"),
                                          .queue = STR("lch_1"),
                                          .person_id = STR("prf_a"),
                                          .campaign_id = STR("cmp_a"),
                                          .variant = STR("b") } };
    CHECK(compose(test, &one));
    CHECK_STR(one.letter.subject, "Hi prf_a Doe");
    CHECK(!has(one.letter.text, "Precedence: bulk")); /* it is not marketing */
    one.message.queue = STR("lch_none");
    CHECK(!compose(test, &one));
    CHECK_STR(str_of(one.letter.failed), "template");
}

/* Where a launch or whoever asked says so, nothing of a mail is tracked; a provider's header is put in by setting. */
static void test_untracked(void)
{
    static const char *const settings[] = { "provider=postmark", NULL };
    struct test_service *test = test_open(&email_service, NULL, settings);
    person(test, "prf_a", "");
    publish(test, "email_template", "welcome",
            "\"subject\":\"Hi\",\"html\":\"<p><a href=https://x.example/>Hi</a></p>\"");
    struct composing one = single("prf_a", ASKED("prf_a", "welcome"));
    CHECK(compose(test, &one));
    CHECK(has(one.letter.text, "<img") && !has(one.letter.text, "https://x.example/"));
    CHECK(has(one.letter.text, "\r\nX-PM-Metadata-fanfare-message: msg_1\r\n"));
    one = single("prf_a",
                 STR("{\"command_id\":\"cmd_1\",\"message_key\":\"k\",\"person_id\":\"prf_a\","
                     "\"template\":\"welcome\",\"purpose\":\"service\",\"tracking\":false,"
                     "\"expires_at\":\"2099-01-01T00:00:00Z\"}"));
    CHECK(compose(test, &one));
    CHECK(!has(one.letter.text, "<img") && has(one.letter.text, "https://x.example/"));
    ASK("lch_2", ",\"template\":\"welcome\",\"audience\":{\"everyone\":true},\"tracking\":false");
    one = (struct composing){ .message = { .message_id = STR("msg_3"),
                                           .queue = STR("lch_2"),
                                           .person_id = STR("prf_a"),
                                           .campaign_id = STR("cmp_a") } };
    CHECK(compose(test, &one));
    CHECK(!has(one.letter.text, "<img") && has(one.letter.text, "https://x.example/"));
    test_close(test);
}

static void test_return_path(void)
{
    static const char *const settings[] = { "return_domain=back.example.com", NULL };
    struct test_service *test = test_open(&email_service, NULL, settings);
    person(test, "prf_a", "");
    publish(test, "email_template", "welcome", "\"subject\":\"Hi\",\"html\":\"<p>Hi</p>\"");
    struct composing one = single("prf_a", ASKED("prf_a", "welcome"));
    CHECK(compose(test, &one));
    CHECK(str_starts(one.letter.from, STR("b-msg_1-")));
    CHECK(str_ends(one.letter.from, STR("@back.example.com")));
    test_close(test);
}

static struct reply domain(struct test_service *test, const char *method, const char *rest,
                           const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/domains/example.com%s", rest);
    return test_call(test, method, target.ptr, "senders:write", NULL, body);
}

/* By both keys, once they sign; with those of the mail's own thread kept meanwhile. */
static void test_signatures(struct test_service *test)
{
    struct composing one = single("prf_a", ASKED("prf_a", "welcome"));
    CHECK_INT(domain(test, "PUT", "", "{}").status, 200);
    CHECK(compose(test, &one));
    CHECK(!has(one.letter.text, "DKIM-Signature"));
    CHECK_INT(domain(test, "POST", "/activation", NULL).status, 200);
    CHECK(compose(test, &one));
    CHECK(has(one.letter.text, "a=rsa-sha256"));
    CHECK(has(one.letter.text, "a=ed25519-sha256"));
    CHECK(has(one.letter.text, "d=example.com"));
    CHECK_INT(domain(test, "DELETE", "", NULL).status, 204);
    CHECK(compose(test, &one));
    CHECK(!has(one.letter.text, "DKIM-Signature"));
}

int main(void)
{
    static const char *const settings[] = { "public_url=https://mail.example.com", NULL };
    struct test_service *test = test_open(&email_service, NULL, settings);
    person(test, "prf_a", "");
    HEAR(CRM_PROFILE_UPDATED, "{\"profile_id\":\"prf_injected\",\"email\":\"i@example.com\","
                              "\"name\":\"Eve\\r\\nBcc: all@example.com\",\"version\":1,"
                              "\"updated_at\":\"2026-01-01T00:00:00Z\"}");
    publish(test, "email_template", "welcome",
            "\"subject\":\"Hello {{ person.first_name }}\",\"preheader\":\"In short\","
            "\"html\":\"<html><body class=a><p>Code {{ data.code }}</p></body></html>\"");
    publish(test, "email_template", "injected",
            "\"subject\":\"Hi\\r\\nBcc: all@example.com\",\"html\":\"<p>Hi</p>\"");
    test_letter(test);
    test_reasons(test);
    test_launch(test);
    test_signatures(test);
    test_close(test);
    test_untracked();
    test_return_path();
    return check_end();
}
