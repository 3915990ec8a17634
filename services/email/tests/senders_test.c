/* Senders, and the DKIM keys of their domains: published before they sign, and after; on each engine. */
#include <sys/stat.h>

#include "services/email/domains.h"
#include "services/email/email.h"
#include "services/email/tests/room.h"

#define SHOP "/v1/domains/news.shop.example"

static struct reply call(struct test_service *test, const char *method, const char *target,
                         const char *body)
{
    return test_call(test, method, target, "senders:read senders:write", NULL, body);
}

static struct reply put_sender(struct test_service *test, const char *body)
{
    return call(test, "PUT", "/v1/senders/snd_a", body);
}

static void test_senders(struct test_service *test)
{
    struct reply reply = put_sender(
        test,
        "{\"name\":\"Ann's Sh\\u00f6p\",\"address\":\"ann@shop.example\",\"is_default\":true}");
    CHECK_INT(reply.status, 200);
    CHECK_INT(call(test, "PUT", "/v1/senders/snd_b",
                   "{\"name\":\"B\",\"address\":\"b@shop.example\",\"reply_to\":\"c@d.example\","
                   "\"is_default\":true}")
                  .status,
              200);
    const struct json *first = test_json(test, call(test, "GET", "/v1/senders/snd_a", NULL));
    CHECK(!json_bool(json_get(first, "is_default"))); /* the other one is it now */
    const struct json *page = test_json(test, call(test, "GET", "/v1/senders?limit=1", NULL));
    CHECK_STR(json_str(json_pointer(page, STR("/items/0/sender_id"))), "snd_a");
    struct str next = arena_printf(test_ctx(test)->arena, "/v1/senders?limit=1&cursor=" STR_FMT,
                                   STR_ARG(json_str(json_get(page, "next_cursor"))));
    page = test_json(test, call(test, "GET", next.ptr, NULL));
    CHECK_STR(json_str(json_pointer(page, STR("/items/0/reply_to"))), "c@d.example");
    CHECK(!json_get(page, "next_cursor"));
    CHECK_INT(call(test, "DELETE", "/v1/senders/snd_b", NULL).status, 204);
    CHECK_INT(call(test, "DELETE", "/v1/senders/snd_b", NULL).status, 404);
    CHECK_INT(call(test, "GET", "/v1/senders/snd_b", NULL).status, 404);
}

static void test_bad_senders(struct test_service *test)
{
    static const char *const bad[] = {
        "{\"name\":\"A\",\"address\":\"a@b\"}",
        "{\"name\":\"A\",\"address\":\"a@b.example\\r\\nBcc: c@d.example\"}",
        "{\"name\":\"A\\r\\nBcc: c@d.example\",\"address\":\"a@b.example\"}",
        "{\"name\":\"A\\u0000\",\"address\":\"a@b.example\"}",
        "{\"name\":\"A\",\"address\":\"a@b.example\",\"reply_to\":\"nobody\"}",
        "{\"name\":\"\",\"address\":\"a@b.example\"}",
        "{\"address\":\"a@b.example\"}",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        int status = put_sender(test, bad[i]).status;
        CHECK(status == 422 || status == 400);
    }
}

/* How many keys sign now; their PEMs are those of files that nobody else may read. */
static size_t signing(struct test_service *test)
{
    struct domain_key_row keys[DKIM_MOST_KEYS];
    struct ctx *ctx = test_ctx(test);
    size_t n = 0;
    CHECK(domain_keys(ctx, STR("news.shop.example"), keys, &n));
    for (size_t i = 0; i < n; i++) {
        struct stat about;
        struct str path = arena_printf(ctx->arena, "%s/dkim-news.shop.example-" STR_FMT ".pem",
                                       email_of(ctx)->keys_folder, STR_ARG(keys[i].selector));
        CHECK(stat(path.ptr, &about) == 0);
        CHECK_INT(about.st_mode & 0777, 0600);
        struct dkim_key *key = dkim_key_load(ctx, keys[i].domain, keys[i].selector, keys[i].pem);
        CHECK(key);
        dkim_key_free(key);
    }
    return n;
}

static const struct json *shop(struct test_service *test)
{
    struct reply reply = call(test, "GET", SHOP, NULL);
    CHECK_INT(reply.status, 200);
    return test_json(test, reply);
}

static struct str state(struct test_service *test, int key)
{
    struct str pointer = arena_printf(test_ctx(test)->arena, "/keys/%d/state", key);
    struct str found = json_str(json_pointer(shop(test), pointer));
    return found.ptr ? found : STR("-");
}

static void test_records(struct test_service *test)
{
    const struct json *records = json_get(shop(test), "records");
    CHECK_STR(json_str(json_pointer(records, STR("/0/name"))),
              "ff20260301a-ed25519._domainkey.news.shop.example");
    CHECK(str_starts(json_str(json_pointer(records, STR("/0/value"))), STR("v=DKIM1;")));
    /* 2048 bits of RSA are more than one piece of a zone file holds. */
    struct str zone = json_str(json_pointer(records, STR("/1/zone"))), part;
    int quotes = 0;
    while (str_split(&zone, '"', &part))
        quotes++;
    CHECK_INT(quotes, 5);
    CHECK_STR(json_str(json_pointer(records, STR("/2/purpose"))), "spf");
    CHECK_STR(json_str(json_pointer(records, STR("/3/name"))), "_dmarc.news.shop.example");
}

static void test_rotation(struct test_service *test)
{
    int64_t version = -1;
    hold_clock("2026-03-01T12:00:00Z");
    CHECK(domain_version(test_ctx(test), STR("news.shop.example"), &version));
    CHECK_INT(version, 0);
    struct reply reply = call(test, "PUT", SHOP, "{\"keep_days\":10}");
    CHECK_INT(reply.status, 200);
    CHECK(!memmem(reply.body.ptr, reply.body.len, "PRIVATE", 7));
    CHECK_INT(signing(test), 0); /* the DNS does not show them yet */
    test_records(test);
    CHECK_INT(call(test, "POST", SHOP "/rotation", "{}").status, 200);
    CHECK_STR(state(test, 2), "-"); /* those that wait are enough */
    CHECK_INT(call(test, "POST", SHOP "/activation", NULL).status, 200);
    CHECK_INT(signing(test), 2);
    CHECK_INT(call(test, "POST", SHOP "/activation", NULL).status, 409);
    CHECK_INT(call(test, "POST", SHOP "/rotation", "{\"activate_after_hours\":72}").status, 200);
    CHECK_STR(state(test, 0), "active");
    CHECK_STR(state(test, 2), "next");
    work(test, "domains");
    CHECK_STR(state(test, 2), "next");
    hold_clock("2026-03-04T12:00:00Z");
    work(test, "domains");
    CHECK_STR(state(test, 0), "retired");
    CHECK_STR(state(test, 2), "active");
    CHECK_INT(signing(test), 2);
    hold_clock("2026-03-14T11:59:59Z");
    work(test, "domains");
    CHECK_STR(state(test, 2), "active");
    hold_clock("2026-03-14T12:00:00Z");
    work(test, "domains");
    CHECK_STR(state(test, 0), "active"); /* the retired ones are gone */
    CHECK_STR(state(test, 2), "-");
    test_reopen(test);
    CHECK_INT(signing(test), 2);
    CHECK(domain_version(test_ctx(test), STR("news.shop.example"), &version));
    CHECK(version > 1);
    CHECK_INT(call(test, "PUT", SHOP, "{\"keep_days\":20}").status, 200);
    CHECK_INT(json_int(json_get(shop(test), "keep_days")), 20);
    CHECK_STR(state(test, 2), "-");
}

static void test_ends(struct test_service *test)
{
    const struct json *page = test_json(test, call(test, "GET", "/v1/domains", NULL));
    CHECK_STR(json_str(json_pointer(page, STR("/items/0/domain"))), "news.shop.example");
    CHECK_INT(call(test, "DELETE", SHOP, NULL).status, 204);
    CHECK_INT(call(test, "DELETE", SHOP, NULL).status, 404);
    CHECK_INT(call(test, "POST", SHOP "/rotation", "{}").status, 404);
    CHECK_INT(signing(test), 0);
    CHECK_INT(call(test, "PUT", "/v1/domains/News.shop.example", "{}").status, 422);
    CHECK_INT(call(test, "PUT", "/v1/domains/nowhere", "{}").status, 422);
    CHECK_INT(call(test, "PUT", "/v1/domains/..%2F..%2Fetc", "{}").status, 422);
    CHECK_INT(call(test, "PUT", "/v1/domains/-a.example", "{}").status, 422);
    clock_hold_us(0);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    test_senders(test);
    test_bad_senders(test);
    test_rotation(test);
    test_ends(test);
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
