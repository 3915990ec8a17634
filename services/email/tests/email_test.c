/* Whom email may write to: contacts, consent, suppressions, erasure; on each engine. */
#include "services/email/address.h"
#include "services/email/tests/room.h"

#define PROFILE(id, more, version)                                                                 \
    "{\"profile_id\":\"" id "\"," more ",\"version\":" version                                     \
    ",\"updated_at\":\"2026-01-01T00:00:00Z\"}"
#define CONSENT(id, channel, state, at)                                                            \
    "{\"profile_id\":\"" id "\",\"purpose\":\"marketing\",\"channel\":\"" channel                  \
    "\",\"state\":\"" state "\",\"changed_at\":\"" at "\"}"

static struct str why(struct test_service *test, const char *person, const char *purpose)
{
    struct arena *arena = test_ctx(test)->arena;
    struct reply reply = test_call(test, "GET", arena_printf(arena, "/v1/contacts/%s", person).ptr,
                                   "messages:read", NULL, NULL);
    CHECK_INT(reply.status, 200);
    const struct json *contact = test_json(test, reply);
    return json_bool(json_get(contact, purpose))
               ? STR("-")
               : json_str(json_get(contact, arena_printf(arena, "%s_why_not", purpose).ptr));
}

static struct reply post(struct test_service *test, const char *target, const char *body)
{
    return test_call(test, "POST", target, "suppressions:write", NULL, body);
}

static void test_addresses(void)
{
    static const char *const good[] = { "a@b.de", "first.last+tag@sub.example.com",
                                        "o'neil@xn--bcher-kva.example" };
    static const char *const bad[] = { "",
                                       "a",
                                       "a@b",
                                       "@b.de",
                                       "a@",
                                       "a@@b.de",
                                       "a b@c.de",
                                       "a@b..de",
                                       ".a@b.de",
                                       "a.@b.de",
                                       "a..b@c.de",
                                       "a@-b.de",
                                       "a@b.de\r\nBcc: x@y.de",
                                       "<a@b.de>",
                                       "a@b.de,c@d.de",
                                       "a@b.de.",
                                       "a\x01@b.de",
                                       "\"a\"@b.de",
                                       "a@[127.0.0.1]",
                                       "\xc3\xa9@b.de",
                                       "a@b\xc3\xbc.de" };
    for (size_t i = 0; i < COUNT(good); i++)
        CHECK(address_is_valid(str_of(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(!address_is_valid(str_of(bad[i])));
}

static void test_consent(struct test_service *test)
{
    CHECK_STR(why(test, "prf_ann", "marketing"), "no_address");
    hear(test, &CRM_PROFILE_UPDATED_V1_TYPE,
         PROFILE("prf_ann", "\"email\":\"ann@example.com\",\"name\":\"Ann\"", "2"));
    CHECK_STR(why(test, "prf_ann", "marketing"), "no_consent"); /* silence is none */
    CHECK_STR(why(test, "prf_ann", "service"), "-");
    hear(test, &CRM_CONSENT_CHANGED_V1_TYPE,
         CONSENT("prf_ann", "all", "granted", "2026-01-02T00:00:00Z"));
    CHECK_STR(why(test, "prf_ann", "marketing"), "-");
    hear(test, &CRM_CONSENT_CHANGED_V1_TYPE,
         CONSENT("prf_ann", "email", "refused", "2026-01-03T00:00:00Z"));
    CHECK_STR(why(test, "prf_ann", "marketing"), "no_consent"); /* the newer word */
    hear(test, &CRM_CONSENT_CHANGED_V1_TYPE,
         CONSENT("prf_ann", "email", "granted", "2026-01-01T00:00:00Z"));
    CHECK_STR(why(test, "prf_ann", "marketing"), "no_consent"); /* an older one comes late */
    hear(test, &CRM_CONSENT_CHANGED_V1_TYPE,
         CONSENT("prf_ann", "email", "granted", "2026-01-04T00:00:00Z"));
    hear(test, &CRM_PROFILE_UPDATED_V1_TYPE, PROFILE("prf_ann", "\"name\":\"Old\"", "1"));
    CHECK_STR(why(test, "prf_ann", "marketing"), "-"); /* an older state comes late */
}

static void test_suppressions(struct test_service *test)
{
    struct reply reply =
        post(test, "/v1/suppressions",
             "{\"person_id\":\"prf_ann\",\"scope\":\"marketing\",\"reason\":\"unsubscribed\"}");
    CHECK_INT(reply.status, 200);
    CHECK_STR(why(test, "prf_ann", "marketing"), "suppressed");
    CHECK_STR(why(test, "prf_ann", "service"), "-");
    CHECK_INT(test_published(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE), 1);
    CHECK_INT(
        post(test, "/v1/suppressions",
             "{\"person_id\":\"prf_ann\",\"scope\":\"marketing\",\"reason\":\"unsubscribed\"}")
            .status,
        200);
    CHECK_INT(test_published(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE), 1); /* told once */
    hear(test, &CRM_CONSENT_CHANGED_V1_TYPE,
         CONSENT("prf_ann", "email", "granted", "2026-01-05T00:00:00Z"));
    CHECK_STR(why(test, "prf_ann", "marketing"), "suppressed"); /* said before */
    hear(test, &CRM_CONSENT_CHANGED_V1_TYPE,
         CONSENT("prf_ann", "email", "granted", "2099-01-05T00:00:00Z"));
    CHECK_STR(why(test, "prf_ann", "marketing"), "-"); /* consented anew */
    CHECK_INT(test_published(test, &EMAIL_SUPPRESSION_REMOVED_V1_TYPE), 1);
    CHECK_INT(post(test, "/v1/suppressions", "{}").status, 422);
    CHECK_INT(post(test, "/v1/suppressions",
                   "{\"person_id\":\"prf_ann\",\"address\":\"ann@example.com\"}")
                  .status,
              422);
}

static void test_import(struct test_service *test)
{
    struct reply reply = post(
        test, "/v1/suppressions/import",
        "{\"addresses\":[\"ANN@example.com\",\" bob@example.com \",\"nobody\",\"ann@example.com\"]}");
    const struct json *told = test_json(test, reply);
    CHECK_INT(reply.status, 200);
    CHECK_INT(json_int(json_get(told, "added")), 2);
    CHECK_INT(json_int(json_get(told, "known")), 1);
    CHECK_INT(json_int(json_pointer(told, STR("/refused/0/index"))), 2);
    CHECK_STR(why(test, "prf_ann", "service"), "suppressed");
    /* Told for Ann alone: who has Bob's address is not known. It holds for whoever has it later. */
    CHECK_INT(test_published(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE), 2);
    hear(test, &CRM_PROFILE_UPDATED_V1_TYPE,
         PROFILE("prf_bob", "\"email\":\"Bob@Example.com\"", "1"));
    CHECK_STR(why(test, "prf_bob", "service"), "suppressed");
    reply = test_call(test, "GET", "/v1/suppressions?address=bob%40example.com",
                      "suppressions:read", NULL, NULL);
    const struct json *found = json_pointer(test_json(test, reply), STR("/items/0/suppression_id"));
    struct str target =
        arena_printf(test_ctx(test)->arena, "/v1/suppressions/" STR_FMT, STR_ARG(json_str(found)));
    CHECK_INT(test_call(test, "DELETE", target.ptr, "suppressions:write", NULL, NULL).status, 204);
    CHECK_INT(test_call(test, "DELETE", target.ptr, "suppressions:write", NULL, NULL).status, 404);
    CHECK_STR(why(test, "prf_bob", "service"), "-");
}

static bool count_person(struct ctx *ctx, void *argument)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT (SELECT count(*) FROM contacts WHERE person_id = 'prf_ann')"
                 " + (SELECT count(*) FROM consents WHERE person_id = 'prf_ann')"
                 " + (SELECT count(*) FROM memberships WHERE person_id = 'prf_ann')"
                 " + (SELECT count(*) FROM suppressions WHERE person_id = 'prf_ann')"))
        return false;
    *(int64_t *)argument = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

static void test_erasure(struct test_service *test)
{
    int64_t left = 0;
    hear(test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE,
         "{\"person_id\":\"prf_ann\",\"segment_id\":\"seg_a\",\"state\":\"entered\","
         "\"changed_at\":\"2026-01-01T00:00:00Z\"}");
    CHECK(test_read(test, count_person, &left));
    CHECK_INT(left, 5);
    hear(
        test, &CRM_PROFILE_ERASED_V1_TYPE,
        "{\"profile_id\":\"prf_ann\",\"request_id\":\"ers_1\",\"erased_at\":\"2026-02-01T00:00:00Z\"}");
    CHECK_INT(test_published(test, &CRM_ERASURE_DONE_V1_TYPE), 1);
    hear(test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE,
         "{\"person_id\":\"prf_ann\",\"segment_id\":\"seg_b\",\"state\":\"entered\","
         "\"changed_at\":\"2026-01-01T00:00:00Z\"}");
    CHECK(test_read(test, count_person, &left));
    CHECK_INT(left, 0);
    hear(test, &CRM_PROFILE_UPDATED_V1_TYPE,
         PROFILE("prf_anna", "\"email\":\"ann@example.com\"", "1"));
    CHECK_STR(why(test, "prf_anna", "service"), "suppressed"); /* the address still is */
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    test_consent(test);
    test_suppressions(test);
    test_import(test);
    test_erasure(test);
    test_close(test);
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    test_addresses();
    test_room(NULL);
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
