/* Signatures, and the rules by which calls are made again. That they are made is shown where they are owed: campaign, ads. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/webhook/signature.h"
#include "platform/webhook/webhooks.h"

static struct arena *arena;

static bool secret_of(const char *text, struct str *out)
{
    struct ctx ctx = { .arena = arena };
    return webhook_secret_read(&ctx, str_of(text), out);
}

/* The example that the authors of Standard Webhooks publish with their libraries. */
static void test_signature(void)
{
    struct str secret;
    REQUIRE(secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", &secret));
    CHECK_STR(webhook_signature(arena, secret, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                                STR("{\"test\": 2432232314}")),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void test_verify(void)
{
    static const char good[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    static const struct {
        const char *id, *timestamp, *signatures, *body;
        int64_t now_s;
        bool verified;
    } cases[] = {
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", good, "{\"test\": 2432232314}", 1614265330,
          true },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
          "v1,b3RoZXI= v1a,eA== v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
          "{\"test\": 2432232314}", 1614265330, true },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", good, "{\"test\": 2432232314}", 1614265630,
          true },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", good, "{\"test\": 2432232314}", 1614265631,
          false },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", good, "{\"test\": 2432232314}", 1614265029,
          false },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", good, "{\"test\": 2432232315}", 1614265330,
          false },
        { "msg_p5jXN8AQM9LWM0D4loKWxJel", "1614265330", good, "{\"test\": 2432232314}", 1614265330,
          false },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265331", good, "{\"test\": 2432232314}", 1614265330,
          false },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "now", good, "{\"test\": 2432232314}", 1614265330,
          false },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
          "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "{\"test\": 2432232314}", 1614265330,
          false },
        { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "", "{\"test\": 2432232314}", 1614265330,
          false },
    };
    struct str secret;
    REQUIRE(secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &secret));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ctx ctx = { .arena = arena };
        struct webhook_head head = { str_of(cases[i].id), str_of(cases[i].timestamp),
                                     str_of(cases[i].signatures) };
        CHECK_INT(webhook_verify(&ctx, secret, &head, str_of(cases[i].body), cases[i].now_s),
                  cases[i].verified);
    }
}

static void test_bad_secrets(void)
{
    static const char *const bad[] = { "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                       "whsec_c2hvcnQ=", "whsec_***" };
    struct str secret;
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(!secret_of(bad[i], &secret));
}

static void test_hosts(void)
{
    static const struct {
        const char *url, *hosts;
        bool fits;
    } cases[] = {
        { "https://crm.example.com/x", "*", true },
        { "https://CRM.example.com:8443/x", "a.example, crm.example.com", true },
        { "https://crm.example.com?x=/y", "crm.example.com", true },
        { "http://crm.example.com", "crm.example.com", true },
        { "http://[::1]:80/x", "[::1]", true },
        { "https://evil.example/crm.example.com", "crm.example.com", false },
        { "https://crm.example.com.evil.example/", "crm.example.com", false },
        { "https://crm.example.com/", "", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_INT(webhook_host_fits(str_of(cases[i].url), str_of(cases[i].hosts)), cases[i].fits);
}

static void test_again(void)
{
    CHECK_INT(webhook_again_us(1), 5 * US_PER_S);
    CHECK_INT(webhook_again_us(9), 86400 * US_PER_S);
    CHECK_INT(webhook_again_us(10), 0);
}

int main(void)
{
    arena = arena_new(0);
    test_signature();
    test_verify();
    test_bad_secrets();
    test_hosts();
    test_again();
    arena_free(arena);
    return check_end();
}
