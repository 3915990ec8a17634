/* The room as a whole, on each engine. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/service/testing.h"
#include "services/crm/crm.h"
#include "services/crm/reactions.h"
#include "crm_contract.h"

#define ANN                                                                                        \
    "{\"email\":\"ann@example.com\",\"name\":\"Ann\",\"traits\":{\"segment\":\"Consumer\",\"age\":30}}"
#define PLACED(order, customer, cents)                                                             \
    "{\"order_id\":\"" order "\",\"customer_id\":\"" customer                                      \
    "\",\"placed_at\":\"2026-01-02T03:04:05Z\","                                                   \
    "\"total\":{\"amount\":" cents ",\"currency\":\"USD\"},"                                       \
    "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":" cents            \
    ",\"currency\":\"USD\"}}]}"
#define REFUNDED                                                                                   \
    "{\"order_id\":\"ord_1\",\"refund_id\":\"rfd_1\",\"customer_id\":\"prf_ann\","                 \
    "\"refund\":{\"amount\":200,\"currency\":\"USD\"},\"refunded_total\":{\"amount\":200,\"currency\":\"USD\"}," \
    "\"refunded_at\":\"2026-01-03T00:00:00Z\"}"
#define TIER                                                                                       \
    "{\"customer_id\":\"prf_ann\",\"tier\":\"gold\",\"previous_tier\":\"silver\",\"changed_at\":\"2026-01-04T00:00:00Z\"}"
#define TOLD(id, who)                                                                              \
    "{\"message_id\":\"" id "\",\"person_id\":\"x\"," who                                          \
    ",\"traits\":{\"plan\":\"pro\",\"age\":null,"                                                  \
    "\"name\":\"Ann B\"},\"told_at\":\"2026-01-05T00:00:00Z\"}"
#define SUPPRESSED(reason, at)                                                                     \
    "{\"person_id\":\"prf_ann\",\"reason\":\"" reason                                              \
    "\",\"scope\":\"marketing\",\"message_id\":\"msg_1\",\"added_at\":\"" at "\"}"
#define CONSENT(state, at)                                                                         \
    "{\"purpose\":\"marketing\",\"channel\":\"email\",\"state\":\"" state                          \
    "\",\"source\":\"form\",\"at\":\"" at "\"}"

static const struct json *get(struct test_service *test, const char *target)
{
    struct reply reply = test_call(test, "GET", target, "profiles:read consents:read", NULL, NULL);
    return reply.status == 200 ? test_json(test, reply) : NULL;
}

static int status(struct test_service *test, const char *method, const char *target,
                  const char *scope, const char *body)
{
    return test_call(test, method, target, scope, NULL, body).status;
}

static void test_profiles(struct test_service *test)
{
    CHECK_INT(status(test, "PUT", "/v1/profiles/prf_ann", "profiles:write", ANN), 200);
    CHECK_INT(status(test, "PUT", "/v1/profiles/prf_ann", "profiles:write", ANN), 200);
    CHECK_INT(test_published(test, &CRM_PROFILE_UPDATED_V1_TYPE),
              1); /* the same content tells nothing */
    CHECK_INT(
        status(test, "PUT", "/v1/profiles/prf_bob", "profiles:write", "{\"email\":\"no address\"}"),
        422);
    CHECK_INT(status(test, "PUT", "/v1/profiles/prf_bob", "profiles:write", "{\"nick\":\"b\"}"),
              422);
    CHECK_INT(status(test, "PUT", "/v1/profiles/bob", "profiles:write", "{}"), 422);
    CHECK_INT(status(test, "GET", "/v1/profiles/prf_none", "profiles:read", NULL), 404);
    CHECK_INT(json_size(json_get(get(test, "/v1/profiles?email=ann%40example.com"), "items")), 1);
    CHECK_INT(json_size(json_get(get(test, "/v1/profiles?email=eve%40example.com"), "items")), 0);
}

static void test_traits_have_a_limit(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    char *big = arena_alloc(arena, 40001);
    memset(big, 'x', 40000);
    struct str body = arena_printf(arena, "{\"traits\":{\"a\":\"%s\"}}", big);
    CHECK_INT(status(test, "PUT", "/v1/profiles/prf_big", "profiles:write", body.ptr), 422);
    CHECK_INT(status(test, "GET", "/v1/profiles/prf_big", "profiles:read", NULL), 404);
}

static void test_identities(struct test_service *test)
{
    const char *path = "/v1/profiles/prf_ann/identities";
    CHECK_INT(
        status(test, "POST", path, "profiles:write", "{\"kind\":\"external\",\"value\":\"u-7\"}"),
        200);
    CHECK_INT(
        status(test, "POST", path, "profiles:write", "{\"kind\":\"external\",\"value\":\"u-7\"}"),
        200);
    CHECK_INT(
        status(test, "POST", path, "profiles:write", "{\"kind\":\"shoe size\",\"value\":\"7\"}"),
        422);
    CHECK_INT(status(test, "PUT", "/v1/profiles/prf_eve", "profiles:write", "{}"), 200);
    CHECK_INT(status(test, "POST", "/v1/profiles/prf_eve/identities", "profiles:write",
                     "{\"kind\":\"external\",\"value\":\"u-7\"}"),
              409);
    CHECK_INT(status(test, "POST", "/v1/profiles/prf_none/identities", "profiles:write",
                     "{\"kind\":\"external\",\"value\":\"u-8\"}"),
              404);
    CHECK_STR(json_str(json_get(get(test, "/v1/identities?kind=external&value=u-7"), "profile_id")),
              "prf_ann");
    CHECK_INT(status(test, "GET", "/v1/identities?kind=external&value=u-9", "profiles:read", NULL),
              404);
}

static void test_consent_is_the_newest_word(struct test_service *test)
{
    const char *path = "/v1/profiles/prf_ann/consents";
    CHECK_INT(
        status(test, "POST", path, "consents:write", CONSENT("granted", "2026-01-02T00:00:00Z")),
        200);
    CHECK_INT(
        status(test, "POST", path, "consents:write", CONSENT("granted", "2026-01-03T00:00:00Z")),
        200);
    CHECK_INT(
        status(test, "POST", path, "consents:write", CONSENT("refused", "2026-01-01T00:00:00Z")),
        200);
    CHECK_INT(test_published(test, &CRM_CONSENT_CHANGED_V1_TYPE), 1);
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/state"))), "granted");
    CHECK_INT(
        status(test, "POST", path, "consents:write", CONSENT("refused", "2026-01-04T00:00:00Z")),
        200);
    CHECK_INT(test_published(test, &CRM_CONSENT_CHANGED_V1_TYPE), 2);
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/state"))), "refused");
    CHECK_INT(
        status(test, "POST", path, "consents:write", CONSENT("refused", "2999-01-04T00:00:00Z")),
        422);
    CHECK_INT(status(test, "POST", "/v1/profiles/prf_none/consents", "consents:write",
                     CONSENT("refused", "2026-01-04T00:00:00Z")),
              404);
}

static void test_unsubscribing_is_a_refusal(struct test_service *test)
{
    const char *path = "/v1/profiles/prf_ann/consents";
    CHECK_INT(
        status(test, "POST", path, "consents:write", CONSENT("granted", "2026-01-05T00:00:00Z")),
        200);
    size_t told = test_published(test, &CRM_CONSENT_CHANGED_V1_TYPE);
    CHECK_INT(test_event(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE, "s1",
                         SUPPRESSED("bounced", "2026-01-06T00:00:00Z")),
              DONE);
    CHECK_INT(test_published(test, &CRM_CONSENT_CHANGED_V1_TYPE), told);
    CHECK_INT(test_event(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE, "s2",
                         SUPPRESSED("unsubscribed", "2026-01-07T00:00:00Z")),
              DONE);
    CHECK_INT(test_event(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE, "s3",
                         SUPPRESSED("complained", "2026-01-08T00:00:00Z")),
              DONE);
    CHECK_INT(test_published(test, &CRM_CONSENT_CHANGED_V1_TYPE), told + 1);
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/state"))), "refused");
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/source"))), "message");
    CHECK_INT(
        status(test, "POST", path, "consents:write", CONSENT("granted", "2026-01-09T00:00:00Z")),
        200);
    CHECK_INT(test_event(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE, "s4",
                         SUPPRESSED("unsubscribed", "2026-01-07T12:00:00Z")),
              DONE);
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/state"))), "granted");
    CHECK_INT(test_event(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE, "s5",
                         SUPPRESSED("unsubscribed", "2026-01-10T00:00:00Z")),
              DONE);
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/state"))), "refused");
    CHECK_INT(test_event(test, &EMAIL_MESSAGE_RESUBSCRIBED_V1_TYPE, "s6",
                         "{\"message_id\":\"msg_1\",\"person_id\":\"prf_ann\",\"kind\":\"bulk\","
                         "\"resubscribed_at\":\"2026-01-10T00:00:01Z\"}"),
              DONE);
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/state"))), "granted");
    CHECK_STR(json_str(json_pointer(get(test, path), STR("/items/0/source"))), "message");
}

static void test_orders_on_the_timeline_once(struct test_service *test)
{
    CHECK_INT(
        test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e1", PLACED("ord_1", "prf_ann", "1000")),
        DONE);
    CHECK_INT(
        test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e1", PLACED("ord_1", "prf_ann", "1000")),
        DONE);
    CHECK_INT(
        test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e2", PLACED("ord_1", "prf_ann", "1000")),
        DONE);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE, "e3", REFUNDED), DONE);
    static const char changed[] =
        "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_ann\",\"change\":1,\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"changed_at\":\"2026-11-02T00:00:00Z\",\"total\":{\"amount\":1300,\"currency\":\"USD\"},"
        "\"total_before\":{\"amount\":1000,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":1300,\"currency\":\"USD\"}}]}";
    CHECK_INT(test_event(test, &COMMERCE_ORDER_CHANGED_V1_TYPE, "e3c", changed), DONE);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_CHANGED_V1_TYPE, "e3d", changed), DONE); /* once */
    CHECK_INT(test_event(test, &LOYALTY_TIER_CHANGED_V1_TYPE, "e4", TIER), DONE);
    CHECK_INT(
        test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e5", PLACED("ord_2", "prf_new", "500")),
        DONE);
    const struct json *profile = get(test, "/v1/profiles/prf_ann");
    CHECK_INT(json_int(json_get(profile, "orders")), 1);
    CHECK_INT(json_int(json_pointer(profile, STR("/spent/0/spent"))), 1300);
    CHECK_INT(json_int(json_pointer(profile, STR("/spent/0/refunded"))), 200);
    CHECK(get(test, "/v1/profiles/prf_new") != NULL); /* an order makes a bare profile */
    const struct json *timeline = get(test, "/v1/profiles/prf_ann/timeline?limit=2");
    CHECK_INT(json_size(json_get(timeline, "items")), 2);
    CHECK(json_get(timeline, "next_cursor") != NULL);
    CHECK_INT(json_int(json_pointer(get(test, "/v1/totals"), STR("/revenue/0/spent"))), 1800);
}

static void test_identify(struct test_service *test)
{
    CHECK_INT(test_event(test, &ANALYTICS_TRAITS_TOLD_V1_TYPE, "t1",
                         TOLD("m1", "\"user_id\":\"prf_ann\",\"anonymous_id\":\"vis_1\"")),
              DONE);
    const struct json *profile = get(test, "/v1/profiles/prf_ann");
    CHECK_STR(json_str(json_get(profile, "name")), "Ann B");
    CHECK_STR(json_str(json_pointer(profile, STR("/traits/plan"))), "pro");
    CHECK(!json_pointer(profile, STR("/traits/age"))); /* null takes away */
    CHECK_STR(json_str(json_pointer(profile, STR("/traits/segment"))), "Consumer");
    CHECK_STR(
        json_str(json_get(get(test, "/v1/identities?kind=anonymous&value=vis_1"), "profile_id")),
        "prf_ann");
    CHECK_INT(test_event(test, &ANALYTICS_TRAITS_TOLD_V1_TYPE, "t2",
                         TOLD("m2", "\"anonymous_id\":\"vis_9\"")),
              DONE);
    CHECK_INT(
        status(test, "GET", "/v1/identities?kind=anonymous&value=vis_9", "profiles:read", NULL),
        404);
    CHECK_INT(
        test_event(test, &ANALYTICS_TRAITS_TOLD_V1_TYPE, "t3", TOLD("m3", "\"user_id\":\"u-7\"")),
        DONE);
    CHECK_INT(json_int(json_get(get(test, "/v1/profiles/prf_ann"), "version")),
              2); /* the same again: no version */
}

static void test_erasing(struct test_service *test)
{
    struct reply first =
        test_call(test, "DELETE", "/v1/profiles/prf_ann", "profiles:erase", NULL, NULL);
    CHECK_INT(first.status, 202);
    struct reply again =
        test_call(test, "DELETE", "/v1/profiles/prf_ann", "profiles:erase", NULL, NULL);
    CHECK(again.status == 202 && str_eq(first.body, again.body));
    CHECK_INT(test_published(test, &CRM_PROFILE_ERASED_V1_TYPE), 1);
    CHECK_INT(status(test, "GET", "/v1/profiles/prf_ann", "profiles:read", NULL), 410);
    CHECK_INT(status(test, "GET", "/v1/profiles/prf_ann/timeline", "profiles:read", NULL), 410);
    CHECK_INT(status(test, "PUT", "/v1/profiles/prf_ann", "profiles:write", ANN), 410);
    CHECK_INT(
        status(test, "GET", "/v1/identities?kind=anonymous&value=vis_1", "profiles:read", NULL),
        404);
    CHECK_INT(
        test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e6", PLACED("ord_3", "prf_ann", "100")),
        DONE);
    CHECK_INT(test_event(test, &ANALYTICS_TRAITS_TOLD_V1_TYPE, "t4",
                         TOLD("m4", "\"user_id\":\"prf_ann\"")),
              DONE);
    CHECK_INT(test_event(test, &LOYALTY_TIER_CHANGED_V1_TYPE, "e7", TIER), DONE);
    CHECK_INT(status(test, "GET", "/v1/profiles/prf_ann", "profiles:read", NULL), 410);
    CHECK_INT(json_int(json_pointer(get(test, "/v1/totals"), STR("/revenue/0/spent"))), 1900);
    CHECK_INT(status(test, "DELETE", "/v1/profiles/prf_none", "profiles:erase", NULL), 404);
}

static void answer(struct test_service *test, const char *id, struct str request_id,
                   const char *service, const char *at)
{
    struct str data = arena_printf(test_ctx(test)->arena,
                                   "{\"request_id\":\"" STR_FMT
                                   "\",\"profile_id\":\"prf_ann\",\"service\":\"%s\","
                                   "\"erased_at\":\"%s\"}",
                                   STR_ARG(request_id), service, at);
    CHECK_INT(test_event(test, &CRM_ERASURE_DONE_V1_TYPE, id, data.ptr), DONE);
}

/* The request's answer as text: "open ads=open analytics=open ..." */
static struct str erasure(struct test_service *test, const char *target)
{
    const struct json *json = get(test, target);
    struct arena *arena = test_ctx(test)->arena;
    struct str text = json_str(json_get(json, "state"));
    for (size_t i = 0; i < json_size(json_get(json, "services")); i++) {
        const struct json *one = json_at(json_get(json, "services"), i);
        struct str at = json_str(json_get(one, "erased_at"));
        text = arena_printf(arena, STR_FMT " " STR_FMT "=" STR_FMT, STR_ARG(text),
                            STR_ARG(json_str(json_get(one, "service"))),
                            STR_ARG(at.len ? at : json_str(json_get(one, "state"))));
    }
    return text;
}

/* Ed25519 over what the certificate says, by the key that is told. */
static void check_signed(struct test_service *test, const struct json *told)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str text = json_str(json_get(told, "certificate")), rest = text, head, payload;
    REQUIRE(str_split(&rest, '.', &head) && str_split(&rest, '.', &payload));
    struct str signature = crypto_unbase64(arena, rest),
               key = crypto_unbase64(arena, json_str(json_get(told, "public_key")));
    REQUIRE(signature.len == 64 && key.len == 32);
    struct str signed_text = { text.ptr, head.len + 1 + payload.len };
    CHECK(crypto_ed25519_verify((const uint8_t *)key.ptr, signed_text,
                                (const uint8_t *)signature.ptr));
    const struct json *statement = json_parse(test_ctx(test), crypto_unbase64(arena, payload));
    CHECK_STR(json_str(json_get(statement, "state")), "complete");
    CHECK_INT(json_size(json_get(statement, "compacted")), 2);
    CHECK_INT(json_size(json_get(statement, "services")), 10);
    CHECK_STR(json_str(json_get(statement, "profile_id")), "prf_ann");
}

/* Only once another Kafka has had its time to compact. */
static void test_certificate(struct test_service *test, const char *request)
{
    char target[120], certificate[140];
    snprintf(target, sizeof target, "/v1/erasures/%s", request);
    snprintf(certificate, sizeof certificate, "%s/certificate", target);
    CHECK_INT(status(test, "GET", certificate, "profiles:read", NULL), 404);
    clock_hold_us(clock_now_us() + 2 * US_PER_S);
    test_work(test, "erasures");
    clock_hold_us(0);
    CHECK(str_starts(erasure(test, target), STR("complete ads=")));
    const struct json *told = get(test, certificate);
    REQUIRE(told);
    check_signed(test, told);
    CHECK_STR(json_str(json_get(get(test, "/v1/certificate-key"), "x")),
              arena_cstr(test_ctx(test)->arena, json_str(json_get(told, "public_key"))));
    CHECK_INT(json_size(json_get(get(test, "/v1/erasures"), "items")), 1);
    test_work(test, "erasures");
    CHECK_INT(test_published(test, &CRM_PROFILE_ERASED_V1_TYPE), 2);
}

static void test_erasures_are_answered(struct test_service *test)
{
    static const char *const others[] = { "ads", "analytics", "campaign", "commerce",
                                          "email", "personalization", "reporting" };
    struct reply asked =
        test_call(test, "DELETE", "/v1/profiles/prf_ann", "profiles:erase", NULL, NULL);
    char request[81], target[120];
    snprintf(request, sizeof request, STR_FMT,
             STR_ARG(json_str(json_get(test_json(test, asked), "request_id"))));
    snprintf(target, sizeof target, "/v1/erasures/%s", request);
    CHECK_STR(erasure(test, target),
              "open ads=open analytics=open campaign=open commerce=open crm=open email=open"
              " loyalty=open personalization=open reporting=open");
    CHECK_STR(json_str(json_pointer(test_published_data(test, &CRM_PROFILE_ERASED_V1_TYPE, 0),
                                    STR("/other_ids/0"))),
              "vis_1");
    CHECK_STR(json_str(json_get(get(test, target), "profile_id")), "prf_ann");
    answer(test, "d1", str_of(request), "loyalty", "2026-01-05T00:00:00Z");
    answer(test, "d2", str_of(request), "loyalty",
           "2026-01-06T00:00:00Z"); /* the first one holds */
    CHECK_STR(erasure(test, target),
              "open ads=open analytics=open campaign=open commerce=open crm=open email=open"
              " loyalty=2026-01-05T00:00:00Z personalization=open reporting=open");
    test_work(test, "erasures");
    CHECK_INT(test_published(test, &CRM_PROFILE_ERASED_V1_TYPE), 1); /* some have not answered */
    answer(test, "d3", STR("ers_of_nobody"), "ads", "2026-01-05T00:00:00Z");
    CHECK_INT(status(test, "GET", "/v1/erasures/ers_of_nobody", "profiles:read", NULL), 404);
    for (size_t i = 0; i < COUNT(others); i++)
        answer(test, arena_printf(test_ctx(test)->arena, "d4%zu", i).ptr, str_of(request),
               others[i], "2026-01-07T00:00:00Z");
    answer(test, "d5", str_of(request), "stock",
           "2026-01-08T00:00:00Z"); /* one we did not wait for */
    test_work(test, "erasures");
    test_work(test, "erasures");
    CHECK_INT(test_published(test, &CRM_PROFILE_ERASED_V1_TYPE), 2);
    const struct json *last = test_published_data(test, &CRM_PROFILE_ERASED_V1_TYPE, 1);
    CHECK(json_bool(json_get(last, "last")) && !json_get(last, "other_ids"));
    CHECK_INT(test_published(test, &CRM_ERASURE_DONE_V1_TYPE), 1);
    answer(test, "d6", str_of(request), "crm", "2026-01-04T00:00:00Z"); /* as it comes back */
    CHECK_STR(erasure(test, target),
              "answered ads=2026-01-07T00:00:00Z analytics=2026-01-07T00:00:00Z"
              " campaign=2026-01-07T00:00:00Z commerce=2026-01-07T00:00:00Z"
              " crm=2026-01-04T00:00:00Z email=2026-01-07T00:00:00Z"
              " loyalty=2026-01-05T00:00:00Z personalization=2026-01-07T00:00:00Z"
              " reporting=2026-01-07T00:00:00Z stock=2026-01-08T00:00:00Z");
    test_certificate(test, request);
}

static void test_room(const char *url)
{
    /* Beside another Kafka than the built-in one, which is quick. */
    static const char *const settings[] = { "broker_admin_url=", "compacted_within=1s", NULL };
    struct test_service *test = test_open(&crm_service, url, settings);
    test_profiles(test);
    test_traits_have_a_limit(test);
    test_identities(test);
    test_consent_is_the_newest_word(test);
    test_unsubscribing_is_a_refusal(test);
    test_orders_on_the_timeline_once(test);
    test_identify(test);
    test_reopen(test);
    test_erasing(test);
    test_erasures_are_answered(test);
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
