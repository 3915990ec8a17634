/* Signatures, and the rules by which calls are made again. That they are made is shown by the crash test of journeys. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "services/campaign/webhook_sign.h"
#include "services/campaign/webhooks.h"

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
    test_bad_secrets();
    test_hosts();
    test_again();
    arena_free(arena);
    return check_end();
}
