/* What services say of themselves, and the catalog that is made of it; on each engine. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/registry/registry.h"
#include "registry_contract.h"

#define OLD "1111111111111111111111111111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222222222222222222222222222"
#define READER "3333333333333333333333333333333333333333333333333333333333333333"
#define LEVEL "fanfare.stock.level.changed.v1"
#define NOON (1700000000 * US_PER_S)
#define SCOPES "services:write catalog:read schemas:read"

/* One event on a topic that is compacted; `properties` and `more` are of its schema. */
#define CONTRACT(properties, more)                                                                 \
    "{\"openapi\":{\"openapi\":\"3.1.0\",\"paths\":{\"/v1/levels\":{}}},\"calls\":[\"commerce\"],\"reads\":[]," \
    "\"publishes\":[{\"type\":\"" LEVEL                                                            \
    "\",\"topic\":\"fanfare.stock.level\",\"subject\":\"product_id\","                             \
    "\"key\":\"product_id\",\"keeping\":\"compacted\",\"partitions\":6,\"erasable\":true,\"command\":false,"    \
    "\"schema\":{\"title\":\"Level changed\",\"type\":\"object\",\"additionalProperties\":false,"  \
    "\"properties\":{\"product_id\":{\"type\":\"string\"}" properties                              \
    "},\"required\":[\"product_id\"" more "],"                                                     \
    "\"examples\":[{\"product_id\":\"prd_1\"}],\"$defs\":{\"Keeper\":{\"type\":\"object\",\"properties\":{"     \
    "\"name\":{\"type\":\"string\",\"x-personal\":true},\"shift\":{\"type\":\"integer\"}}}}}}]}"
#define KEEPERS ",\"keepers\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/Keeper\"}}"
#define LISTENS                                                                                    \
    "{\"openapi\":{},\"calls\":[],\"publishes\":[],\"reads\":[{\"type\":\"" LEVEL                  \
    "\",\"consumer\":\"shop.view\","                                                               \
    "\"sharing\":\"local\",\"members\":[\"product_id\",\"keepers\"]}]}"
#define INSTANCE(version, digest)                                                                  \
    "{\"version\":\"" version "\",\"contract\":\"" digest                                          \
    "\",\"started_at\":\"2023-11-14T00:00:00Z\"}"

static const struct json *put(struct test_service *test, const char *target, const char *body,
                              int wanted)
{
    struct reply reply = test_call(test, "PUT", target, SCOPES, NULL, body);
    if (!CHECK_INT(reply.status, wanted))
        fprintf(stderr, "  %s: " STR_FMT "\n", target, STR_ARG(reply.body));
    return test_json(test, reply);
}

static const struct json *get(struct test_service *test, const char *target)
{
    struct reply reply = test_call(test, "GET", target, SCOPES, NULL, NULL);
    CHECK_INT(reply.status, 200);
    return test_json(test, reply);
}

static const struct json *at(const struct json *value, const char *pointer)
{
    return json_pointer(value, str_of(pointer));
}

static void test_contract_comes_first(struct test_service *test)
{
    put(test, "/v1/services/stock/instances/host-1", INSTANCE("1.0.0", OLD), 404);
    const struct json *told =
        put(test, "/v1/services/stock/contracts/" OLD, CONTRACT(KEEPERS, ""), 200);
    CHECK_STR(json_str(at(told, "/events/0/type")), LEVEL);
    CHECK_INT(json_int(at(told, "/events/0/version")), 1);
    CHECK(!at(told, "/events/0/refused"));
    put(test, "/v1/services/stock/contracts/" OLD, CONTRACT(KEEPERS, ""),
        200); /* again: nothing new */
    CHECK_INT(test_published(test, &REGISTRY_SCHEMA_REGISTERED_V1_TYPE), 1);
    put(test, "/v1/services/stock/instances/host-1", INSTANCE("1.0.0", OLD), 200);
    const struct json *contract = get(test, "/v1/services/stock/contracts/" OLD);
    CHECK(at(contract, "/openapi/paths/~1v1~1levels") != NULL);
    CHECK_STR(json_str(at(contract, "/publishes/0/schema/title")), "Level changed");
    CHECK_STR(json_str(at(contract, "/calls/0")), "commerce");
    CHECK_INT(
        test_call(test, "GET", "/v1/services/stock/contracts/" NEW, SCOPES, NULL, NULL).status,
        404);
    CHECK_INT(test_call(test, "GET", "/v1/services/shop/contracts/" OLD, SCOPES, NULL, NULL).status,
              404);
}

static void test_catalog(struct test_service *test)
{
    put(test, "/v1/services/shop/contracts/" READER, LISTENS, 200);
    put(test, "/v1/services/shop/instances/host-9", INSTANCE("3.0.0", READER), 200);
    const struct json *catalog = get(test, "/v1/catalog"), *event = at(catalog, "/events/0");
    CHECK_INT(json_size(json_get(catalog, "events")), 1);
    CHECK_STR(json_str(json_get(event, "type")), LEVEL);
    CHECK_STR(json_str(json_get(event, "owner")), "stock");
    CHECK_STR(json_str(json_get(event, "title")), "Level changed");
    CHECK_STR(json_str(json_get(event, "topic")), "fanfare.stock.level");
    CHECK_STR(json_str(json_get(event, "keeping")), "compacted");
    CHECK_STR(json_str(json_get(event, "key")), "product_id");
    CHECK_STR(json_str(json_get(event, "level")), "BACKWARD");
    CHECK_STR(json_str(at(event, "/running/0")), "1.0.0");
    CHECK_STR(json_str(at(event, "/example/product_id")), "prd_1");
    CHECK_INT(json_size(json_get(event, "personal")), 1);
    CHECK_STR(json_str(at(event, "/personal/0")), "/keepers/*/name"); /* by way of a $ref */
    CHECK_INT(json_int(at(event, "/versions/0/version")), 1);
    CHECK_STR(json_str(at(event, "/readers/0/service")), "shop");
    CHECK_STR(json_str(at(event, "/readers/0/consumer")), "shop.view");
    CHECK_STR(json_str(at(event, "/readers/0/sharing")), "local");
    CHECK_STR(json_str(at(event, "/readers/0/members/1")), "keepers");
    CHECK_STR(json_str(at(event, "/readers/0/running/0")), "3.0.0");
    CHECK_STR(json_str(at(catalog, "/services/0/service")), "shop");
    CHECK_STR(json_str(at(catalog, "/services/0/reads/0")), LEVEL);
    CHECK_STR(json_str(at(catalog, "/services/1/publishes/0")), LEVEL);
    CHECK_INT(json_size(json_get(catalog, "subjects")), 0); /* the only subject is an event */
}

/* It runs whatever the registry says; so that is told, and shown. */
static void test_breaking_schema_is_refused_and_shown(struct test_service *test)
{
    clock_hold_us(NOON + 60 * US_PER_S);
    const struct json *told = put(test, "/v1/services/stock/contracts/" NEW,
                                  CONTRACT(",\"shelf\":{\"type\":\"string\"}", ",\"shelf\""), 200);
    CHECK(json_size(at(told, "/events/0/refused")) >= 1);
    CHECK(!at(told, "/events/0/version"));
    put(test, "/v1/services/stock/instances/host-2", INSTANCE("2.0.0", NEW), 200);
    const struct json *event = at(get(test, "/v1/catalog"), "/events/0");
    CHECK_INT(json_size(json_get(event, "running")), 2); /* the old and the new one, side by side */
    CHECK_INT(json_size(json_get(event, "versions")), 1);
    CHECK(json_size(json_get(event, "refused")) >= 1);
    CHECK_INT(test_published(test, &REGISTRY_SCHEMA_REGISTERED_V1_TYPE), 1);
}

/* After three minutes of silence; of a service that is silent altogether, what ran last counts. */
static void test_silence(struct test_service *test)
{
    clock_hold_us(NOON + 200 * US_PER_S);
    const struct json *catalog = get(test, "/v1/catalog");
    CHECK_INT(json_size(at(catalog, "/events/0/running")), 1);
    CHECK_STR(json_str(at(catalog, "/events/0/running/0")), "2.0.0");
    CHECK_INT(json_size(at(catalog, "/events/0/readers/0/running")), 0);
    CHECK(!json_bool(at(catalog, "/services/1/instances/0/running")));
    CHECK(json_bool(at(catalog, "/services/1/instances/1/running")));
    clock_hold_us(NOON + 3600 * US_PER_S);
    CHECK_STR(json_str(at(get(test, "/v1/catalog"), "/events/0/owner")), "stock");
    clock_hold_us(NOON + 8 * US_PER_DAY); /* and then nobody remembers who ran a week ago */
    put(test, "/v1/services/shop/instances/host-9", INSTANCE("3.0.1", READER), 200);
    const struct json *services = get(test, "/v1/services");
    CHECK_INT(json_size(json_get(services, "items")), 1);
    CHECK_STR(json_str(at(services, "/items/0/instances/0/version")), "3.0.1");
    clock_hold_us(NOON);
    put(test, "/v1/services/stock/instances/host-1", INSTANCE("1.0.0", OLD), 200);
}

static void test_subjects_of_others(struct test_service *test)
{
    const char *body = "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}";
    CHECK_INT(
        test_call(test, "POST", "/subjects/theirs-value/versions", "schemas:write", NULL, body)
            .status,
        200);
    const struct json *catalog = get(test, "/v1/catalog");
    CHECK_INT(json_size(json_get(catalog, "subjects")), 1);
    CHECK_STR(json_str(at(catalog, "/subjects/0/subject")), "theirs-value");
    CHECK_INT(json_int(at(catalog, "/subjects/0/versions/0/version")), 1);
}

static void test_asyncapi(struct test_service *test)
{
    const struct json *document = get(test, "/v1/catalog/asyncapi");
    CHECK_STR(json_str(json_get(document, "asyncapi")), "3.0.0");
    CHECK_STR(json_str(at(document, "/servers/log/host")), "127.0.0.1:1");
    const struct json *channel = at(document, "/channels/fanfare.stock.level");
    CHECK_STR(json_str(json_get(channel, "address")), "fanfare.stock.level");
    CHECK_STR(json_str(at(channel, "/bindings/kafka/topicConfiguration/cleanup.policy/0")),
              "compact");
    CHECK_STR(json_str(at(document, "/operations/stock.send." LEVEL "/action")), "send");
    const struct json *reads = at(document, "/operations/shop.view.receive." LEVEL);
    CHECK_STR(json_str(json_get(reads, "action")), "receive");
    CHECK_STR(json_str(at(reads, "/x-reads/1")), "keepers");
    /* every reference leads somewhere in the document */
    struct str ref =
        json_str(at(document, "/components/schemas/" LEVEL "/properties/keepers/items/$ref"));
    CHECK_STR(ref, "#/components/schemas/" LEVEL "/$defs/Keeper");
    CHECK(json_pointer(document, (struct str){ ref.ptr + 1, ref.len - 1 }) != NULL);
    ref = json_str(at(reads, "/messages/0/$ref"));
    ref = json_str(
        json_get(json_pointer(document, (struct str){ ref.ptr + 1, ref.len - 1 }), "$ref"));
    const struct json *message = json_pointer(document, (struct str){ ref.ptr + 1, ref.len - 1 });
    CHECK_STR(json_str(json_get(message, "x-owner")), "stock");
    CHECK_STR(json_str(at(message, "/examples/0/payload/product_id")), "prd_1");
}

static void test_who_may(struct test_service *test)
{
    const char *body = INSTANCE("1.0.0", OLD);
    CHECK_INT(
        test_call(test, "PUT", "/v1/services/stock/instances/host-1", "catalog:read", NULL, body)
            .status,
        403);
    CHECK_INT(test_call(test, "GET", "/v1/services", "services:write", NULL, NULL).status, 403);
    CHECK_INT(
        test_call(test, "PUT", "/v1/services/Stock/instances/host-1", SCOPES, NULL, body).status,
        422);
    CHECK_INT(test_call(test, "PUT", "/v1/services/stock/instances/-", SCOPES, NULL, body).status,
              422);
}

static void test_room(const char *url)
{
    clock_hold_us(NOON);
    struct test_service *test = test_open(&registry_service, url, NULL);
    test_contract_comes_first(test);
    test_catalog(test);
    test_breaking_schema_is_refused_and_shown(test);
    test_silence(test);
    test_reopen(test);
    test_subjects_of_others(test);
    test_asyncapi(test);
    test_who_may(test);
    test_close(test);
    clock_hold_us(0);
}

int main(void)
{
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
