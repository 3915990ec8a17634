#include "platform/mail/dkim.h"

#include "base/tests/check.h"

static struct ctx ctx;

static void refused(const char *domain, const char *selector, struct str pem)
{
    ctx_clear(&ctx);
    CHECK(dkim_key_load(&ctx, str_of(domain), str_of(selector), pem) == NULL);
    CHECK_INT(ctx.error.code, ERR_INVALID);
}

static void check_keys(void)
{
    struct str pem = dkim_generate(&ctx, DKIM_ED25519);
    CHECK(str_starts(pem, STR("-----BEGIN PRIVATE KEY-----\n")));
    refused("example.com", "s", STR(""));
    refused("example.com", "s",
            STR("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    refused("example", "s", pem);
    refused("example.com\r\nX: y", "s", pem);
    refused("example.com", "", pem);
    refused("example.com", "a b", pem);
    refused("example.com", "a;b", pem);
    /* X25519: an agreement key, which signs nothing (RFC 8410 section 10.3's shape). */
    refused("example.com", "s",
            STR("-----BEGIN PRIVATE KEY-----\n"
                "MC4CAQAwBQYDK2VuBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n"
                "-----END PRIVATE KEY-----\n"));
}

static void check_refused_messages(void)
{
    ctx_clear(&ctx);
    struct str pem = dkim_generate(&ctx, DKIM_ED25519), out;
    struct dkim_key *key = dkim_key_load(&ctx, STR("example.com"), STR("a.b"), pem);
    REQUIRE(key != NULL);
    CHECK_INT(dkim_key_algorithm(key), DKIM_ED25519);
    CHECK_STR(dkim_key_name(key, ctx.arena), "a.b._domainkey.example.com");
    static const char *bad[] = { "", "Subject: a\r\n\r\nb\r\n", "From: a@example.com\n\nb\n",
                                 "From: a@example.com\r\n\r\nb\rc\r\n" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        ctx_clear(&ctx);
        CHECK(!dkim_sign(&ctx, &key, 1, 0, str_of(bad[i]), &out));
        CHECK_INT(ctx.error.code, ERR_INVALID);
    }
    ctx_clear(&ctx);
    struct dkim_key *five[] = { key, key, key, key, key };
    struct str good = STR("From: a@example.com\r\n\r\nb\r\n"), again;
    CHECK(!dkim_sign(&ctx, five, COUNT(five), 0, good, &out));
    ctx_clear(&ctx);
    CHECK(dkim_sign(&ctx, five, 1, 0, good, &out) && dkim_sign(&ctx, five, 1, 0, good, &again));
    CHECK(str_eq(out, again) && str_ends(out, good));
    dkim_key_free(key);
}

int main(void)
{
    ctx.arena = arena_new(0);
    check_keys();
    check_refused_messages();
    arena_free(ctx.arena);
    return check_end();
}
