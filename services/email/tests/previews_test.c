/* What a mail will look like: to somebody who is known or made up, with what is wrong with it; and sent as a test, which counts
 * nowhere. */
#include "services/email/email.h"
#include "services/email/feedback.h"
#include "services/email/messages.h"
#include "services/email/outgoing.h"
#include "services/email/tests/room.h"

static bool has(struct str text, const char *part)
{
    return text.ptr && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static struct reply preview(struct test_service *test, const char *body)
{
    return test_call(test, "POST", "/v1/previews", "messages:preview", NULL, body);
}

/* "kind: detail" of all, with commas between. */
static struct str warnings(struct test_service *test, const char *body)
{
    struct reply reply = preview(test, body);
    struct arena *arena = test_ctx(test)->arena;
    struct str all = STR("");
    CHECK_INT(reply.status, 200);
    for (struct json_iter it = json_iter(json_get(test_json(test, reply), "warnings"));
         json_next(&it);)
        all = arena_printf(arena, STR_FMT "%s" STR_FMT ": " STR_FMT, STR_ARG(all),
                           it.index ? ", " : "", STR_ARG(json_str(json_get(it.value, "kind"))),
                           STR_ARG(json_str(json_get(it.value, "detail"))));
    return all;
}

static void test_as_person(struct test_service *test)
{
    const struct json *shown = test_json(
        test, preview(test, "{\"template\":\"welcome\",\"person_id\":\"prf_a\",\"subject\":"
                            "\"Hey {{ person.first_name }}\",\"data\":{\"code\":\"X7\"}}"));
    CHECK_STR(json_str(json_get(shown, "subject")), "Hey prf_a");
    CHECK_STR(json_str(json_get(shown, "preheader")), "In short");
    CHECK(has(json_str(json_get(shown, "html")), "Code X7"));
    CHECK(has(json_str(json_get(shown, "text")), "Code X7"));
    CHECK(json_int(json_get(shown, "bytes")) > json_int(json_get(shown, "html_bytes")));
    shown =
        test_json(test, preview(test, "{\"template\":\"welcome\",\"person\":{\"name\":\"Zo\\u00eb "
                                      "Z\",\"traits\":{\"plan\":\"gold\"}}}"));
    CHECK_STR(json_str(json_get(shown, "subject")), "Hello Zo\xc3\xab");
    CHECK(has(json_str(json_get(shown, "html")), "plan gold"));
}

static void test_warnings(struct test_service *test)
{
    CHECK_STR(warnings(test, "{\"template\":\"welcome\",\"person_id\":\"prf_a\"}"),
              "missing: data.code, missing: person.traits.plan, no_text: the text is made of the "
              "HTML");
    CHECK_STR(warnings(test, "{\"subject\":\"S\",\"text\":\"T\",\"purpose\":\"service\"}"), "");
    CHECK_STR(
        warnings(test, "{\"subject\":\"S\",\"text\":\"T\",\"html\":\"<a href='https://a.example/'>"
                       "</a><a href='#'>x</a><img src='cid:a'><a href='/b'><img alt='B'></a>\"}"),
        "link_without_text: https://a.example/, link_without_address: a link leads nowhere, "
        "picture_without_alt: cid:a, no_unsubscribe: {{ unsubscribe_url }} is not in the HTML");
    CHECK_STR(warnings(test,
                       "{\"subject\":\"S\",\"text\":\"{{ data.a | default: 'x' }}{{data.b}}\","
                       "\"data\":{\"b\":0},\"purpose\":\"service\"}"),
              "");
    char *large = arena_alloc(test_ctx(test)->arena, 120000);
    memset(large, 'x', 119999);
    struct str body = arena_printf(test_ctx(test)->arena,
                                   "{\"subject\":\"S\",\"text\":\"T\",\"purpose\":\"service\","
                                   "\"html\":\"<p>%s</p>\"}",
                                   large);
    CHECK(str_starts(warnings(test, body.ptr), STR("clipped: ")));
}

static void test_refusals(struct test_service *test)
{
    static const char *const bad[] = {
        "{}",
        "{\"template\":\"none\"}",
        "{\"subject\":\"S\",\"html\":\"{{ 1 | divided_by: 0 }}\"}",
        "{\"subject\":\"S\\r\\nBcc: a@b.example\",\"text\":\"T\"}",
        "{\"subject\":\"{{ data.a }}\",\"text\":\"T\",\"data\":{\"a\":\"x\\nBcc: a@b.example\"}}",
        "{\"subject\":\"S\",\"text\":\"T\",\"sender_id\":\"snd_none\"}",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(preview(test, bad[i]).status, 422);
}

static struct reply send(struct test_service *test, const char *body)
{
    return test_call(test, "POST", "/v1/tests", "messages:test", NULL, body);
}

struct trial {
    struct str message_id;
    struct message_row row;
};

/* It goes its whole way, and comes back; nothing of that is told. */
static bool live(struct ctx *ctx, void *argument)
{
    struct trial *trial = argument;
    bool moved;
    return store_message(ctx, trial->message_id, &trial->row) &&
           message_doubt(ctx, &trial->row, &moved) &&
           message_sent(ctx, &trial->row, STR("250 OK"), &moved) &&
           feedback_opened(ctx, &trial->row, false) && feedback_unsubscribed(ctx, &trial->row);
}

static void test_trial(struct test_service *test)
{
    struct reply reply =
        send(test, "{\"addresses\":[\"me@shop.example\",\"you@shop.example\"],\"template\":"
                   "\"welcome\",\"person_id\":\"prf_a\"}");
    CHECK_INT(reply.status, 202);
    const struct json *ids = json_get(test_json(test, reply), "message_ids");
    struct trial trial = { .message_id = json_str(json_at(ids, 1)) };
    CHECK(str_starts(trial.message_id, STR("tst_")));
    CHECK(test_write(test, live, &trial));
    CHECK_INT(test_published(test, &EMAIL_MESSAGE_SENT_V1_TYPE), 0);
    CHECK_INT(test_published(test, &EMAIL_MESSAGE_OPENED_V1_TYPE), 0);
    CHECK_INT(test_published(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE), 0);
    struct outgoing *outgoing = outgoing_new();
    struct outgoing_letter letter;
    CHECK(outgoing_compose(test_ctx(test), outgoing, &trial.row, &letter));
    outgoing_free(outgoing);
    CHECK_STR(letter.to, "you@shop.example");
    CHECK_STR(letter.subject, "[Test] Hello prf_a");
    CHECK(has(letter.text, "\r\nTo: you@shop.example\r\n")); /* without the person's name */
    CHECK_INT(send(test, "{\"addresses\":[\"nobody\"],\"template\":\"welcome\"}").status, 422);
    CHECK_INT(send(test, "{\"addresses\":[],\"template\":\"welcome\"}").status, 422);
    CHECK_INT(test_call(test, "POST", "/v1/tests", "messages:write", NULL,
                        "{\"addresses\":[\"me@shop.example\"],\"template\":\"welcome\"}")
                  .status,
              403);
    int status = 202;
    for (int i = 0; i < 101 && status == 202; i++)
        status =
            send(test, "{\"addresses\":[\"me@shop.example\"],\"template\":\"welcome\"}").status;
    CHECK_INT(status, 422); /* enough for an hour */
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    person(test, "prf_a", "");
    publish(test, "email_template", "welcome",
            "\"subject\":\"Hello {{ person.first_name }}\",\"preheader\":\"In short\","
            "\"html\":\"<body><p>Code {{ data.code }}, plan {{ person.traits.plan }}</p>"
            "<a href='{{ unsubscribe_url }}'>Out</a></body>\"");
    test_as_person(test);
    test_warnings(test);
    test_refusals(test);
    test_trial(test);
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
