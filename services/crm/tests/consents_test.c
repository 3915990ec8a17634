/* Consent with its proof, and double opt-in, on each engine. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/crm/crm.h"
#include "crm_contract.h"
#include "email_events.h"

#define NOON 1767268800000000 /* 2026-01-01T12:00:00Z */
#define ASK "{\"purpose\":\"marketing\",\"source\":\"sign-up\",\"wording\":\"Offers <by> mail\"}"

static const struct json *call(struct test_service *test, const char *method, const char *target,
                               const char *body, int wanted)
{
    struct reply reply = test_call(
        test, method, target,
        "profiles:read profiles:write profiles:erase consents:read consents:write", NULL, body);
    CHECK_INT(reply.status, wanted);
    return reply.status == wanted && reply.body.len ? test_json(test, reply) : NULL;
}

/* A page, asked for without a token. */
static struct reply page(struct test_service *test, const char *method, struct str token)
{
    return test_call(
        test, method,
        arena_printf(test_ctx(test)->arena, "/v1/confirm/" STR_FMT, STR_ARG(token)).ptr, NULL,
        "User-Agent: Firefox", NULL);
}

static struct str text_at(const struct json *json, const char *pointer)
{
    return json_str(json_pointer(json, str_of(pointer)));
}

static struct str token_of(struct test_service *test, struct str confirmation_id)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/confirmations/" STR_FMT "/link",
                                     STR_ARG(confirmation_id));
    return json_str(json_get(call(test, "GET", target.ptr, NULL, 200), "token"));
}

static const struct json *history(struct test_service *test, const char *profile, const char *query)
{
    return call(
        test, "GET",
        arena_printf(test_ctx(test)->arena, "/v1/profiles/%s/consents/history%s", profile, query)
            .ptr,
        NULL, 200);
}

static void test_history(struct test_service *test)
{
    const char *path = "/v1/profiles/prf_ann/consents";
    static const char *const words[] = {
        "{\"purpose\":\"marketing\",\"channel\":\"email\",\"state\":\"granted\",\"source\":\"form\","
        "\"wording\":\"Offers\",\"proof\":\"from 192.0.2.1\",\"at\":\"2025-12-01T00:00:00Z\"}",
        "{\"purpose\":\"marketing\",\"channel\":\"sms\",\"state\":\"refused\",\"source\":\"desk\","
        "\"at\":\"2025-12-02T00:00:00Z\"}",
    };
    call(test, "PUT", "/v1/profiles/prf_ann", "{\"email\":\"ann@example.com\"}", 200);
    for (size_t i = 0; i < 2 * COUNT(words); i++) /* each twice: the same word is noted once */
        call(test, "POST", path, words[i % COUNT(words)], 200);
    const struct json *first = history(test, "prf_ann", "?limit=1");
    CHECK_INT(json_size(json_get(first, "items")), 1);
    CHECK_STR(text_at(first, "/items/0/channel"), "sms");
    struct str cursor = json_str(json_get(first, "next_cursor"));
    REQUIRE(cursor.len);
    const struct json *second = history(
        test, "prf_ann",
        arena_printf(test_ctx(test)->arena, "?limit=1&cursor=" STR_FMT, STR_ARG(cursor)).ptr);
    CHECK_STR(text_at(second, "/items/0/wording"), "Offers");
    CHECK_STR(text_at(second, "/items/0/proof"), "from 192.0.2.1");
    CHECK_STR(text_at(second, "/items/0/at"), "2025-12-01T00:00:00Z");
    CHECK_STR(text_at(second, "/items/0/noted_at"), "2026-01-01T12:00:00Z");
    CHECK(text_at(second, "/items/0/actor").len > 0);
    CHECK(!json_get(second, "next_cursor"));
    call(test, "GET", "/v1/profiles/prf_ann/consents/history?cursor=x", NULL, 422);
}

/* The mail is asked for once email has had time to hear of the address; the data says no more than the link. */
static void test_mail_is_asked_for(struct test_service *test, struct str id)
{
    test_work(test, "confirmations");
    CHECK_INT(test_published(test, &EMAIL_MESSAGE_ASKED_V1_TYPE), 0);
    clock_hold_us(NOON + 2 * US_PER_S);
    test_work(test, "confirmations");
    test_work(test, "confirmations");
    REQUIRE(test_published(test, &EMAIL_MESSAGE_ASKED_V1_TYPE) == 1);
    const struct json *asked = test_published_data(test, &EMAIL_MESSAGE_ASKED_V1_TYPE, 0);
    struct str url = text_at(asked, "/data/confirm_url");
    CHECK_STR(text_at(asked, "/template"), "welcome-in");
    CHECK_STR(text_at(asked, "/purpose"), "service");
    CHECK_STR(text_at(asked, "/person_id"), "prf_ann");
    CHECK(str_starts(url, STR("https://shop.example/v1/confirm/")));
    CHECK(str_ends(url, token_of(test, id)));
}

static void test_limits(struct test_service *test)
{
    const char *path = "/v1/profiles/prf_ann/confirmations";
    call(test, "POST", path, ASK, 429); /* too soon */
    clock_hold_us(NOON + 61 * US_PER_S);
    CHECK_INT(json_int(json_get(call(test, "POST", path, ASK, 200), "mails")), 2);
    test_work(test, "confirmations");
    CHECK_INT(test_published(test, &EMAIL_MESSAGE_ASKED_V1_TYPE), 2);
    clock_hold_us(NOON + 200 * US_PER_S);
    call(test, "POST", path, ASK, 429); /* too often */
    CHECK_INT(json_size(json_get(call(test, "GET", path, NULL, 200), "items")), 1);
    call(test, "PUT", "/v1/profiles/prf_bare", "{}", 200);
    call(test, "POST", "/v1/profiles/prf_bare/confirmations", ASK, 409);
    call(test, "POST", "/v1/profiles/prf_none/confirmations", ASK, 404);
}

static void test_the_link_confirms_once(struct test_service *test, struct str token)
{
    size_t words = json_size(json_get(history(test, "prf_ann", ""), "items"));
    struct reply shown = page(test, "GET", token);
    CHECK_INT(shown.status, 200);
    CHECK(memmem(shown.body.ptr, shown.body.len, "Offers &lt;by&gt; mail", 22) != NULL);
    CHECK_INT(page(test, "HEAD", token).status, 200);
    CHECK_INT((int64_t)json_size(json_get(history(test, "prf_ann", ""), "items")), (int64_t)words);
    CHECK_INT(page(test, "POST", token).status, 200);
    CHECK_INT(page(test, "POST", token).status, 200);
    CHECK_INT(page(test, "GET", token).status, 200);
    const struct json *told = history(test, "prf_ann", "");
    CHECK_INT((int64_t)json_size(json_get(told, "items")), (int64_t)words + 1);
    CHECK_STR(text_at(told, "/items/0/state"), "granted");
    CHECK_STR(text_at(told, "/items/0/actor"), "person");
    CHECK_STR(text_at(told, "/items/0/wording"), "Offers <by> mail");
    struct str proof = text_at(told, "/items/0/proof");
    CHECK(str_ends(proof, STR("in 2 mails; with Firefox")));
    CHECK_STR(text_at(call(test, "GET", "/v1/profiles/prf_ann/confirmations", NULL, 200),
                      "/items/0/state"),
              "confirmed");
}

static void test_links_that_are_none(struct test_service *test, struct str token)
{
    char *bent = arena_cstr(test_ctx(test)->arena, token);
    CHECK_INT(page(test, "POST", STR("cnf_1.x")).status, 404);
    CHECK_INT(page(test, "POST", STR("x")).status, 404);
    bent[token.len - 3] ^= 1;
    CHECK_INT(page(test, "POST", str_of(bent)).status, 404);
    CHECK_INT(page(test, "POST", (struct str){ token.ptr, token.len - 1 }).status, 404);
}

/* One that has expired, and one to an address that is another's by now. */
static void test_links_that_are_too_old(struct test_service *test)
{
    const char *path = "/v1/profiles/prf_bob/confirmations";
    call(test, "PUT", "/v1/profiles/prf_bob", "{\"email\":\"bob@example.com\"}", 200);
    struct str id = text_at(call(test, "POST", path, ASK, 200), "/confirmation_id"),
               token = token_of(test, id);
    call(test, "PUT", "/v1/profiles/prf_bob", "{\"email\":\"bob@elsewhere.example\"}", 200);
    CHECK_INT(page(test, "GET", token).status, 410);
    struct str next = text_at(call(test, "POST", path, ASK, 200), "/confirmation_id");
    CHECK(!str_eq(id, next));
    clock_hold_us(NOON + 3 * US_PER_DAY);
    CHECK_INT(page(test, "POST", token_of(test, next)).status, 410);
    CHECK_STR(text_at(call(test, "GET", path, NULL, 200), "/items/0/state"), "expired");
    CHECK_INT(json_size(json_get(history(test, "prf_bob", ""), "items")), 0);
}

static void test_erased_with_all_else(struct test_service *test, struct str token)
{
    CHECK_INT(
        test_call(test, "DELETE", "/v1/profiles/prf_ann", "profiles:erase", NULL, NULL).status,
        202);
    CHECK_INT(page(test, "GET", token).status, 404);
    call(test, "GET", "/v1/profiles/prf_ann/consents/history", NULL, 410);
}

static void test_room(const char *url)
{
    static const char *const settings[] = {
        "confirmation_again=1m",           "confirmation_mails=2",
        "confirmation_lives=24h",          "confirmation_template=welcome-in",
        "public_url=https://shop.example", NULL
    };
    struct test_service *test = test_open(&crm_service, url, settings);
    clock_hold_us(NOON);
    test_history(test);
    const struct json *asked = call(test, "POST", "/v1/profiles/prf_ann/confirmations", ASK, 200);
    struct str id = text_at(asked, "/confirmation_id");
    CHECK_STR(text_at(asked, "/state"), "pending");
    test_mail_is_asked_for(test, id);
    test_limits(test);
    struct str token = token_of(test, id);
    test_links_that_are_none(test, token);
    test_the_link_confirms_once(test, token);
    test_links_that_are_too_old(test);
    test_erased_with_all_else(test, token);
    clock_hold_us(0);
    test_close(test);
}

int main(void)
{
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
