/* Threads verify while keys come and go and the signing key changes: what is good all along is never refused. */
#include <stdlib.h>
#include <unistd.h>

#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/token/keyset.h"

#define THREADS 4
#define ROUNDS 300

static char folder[] = "/tmp/fanfare-threads-XXXXXX";
static struct token_keys *keys;
static struct str token;
static atomic_bool over;

static struct issued_change change(const char *id, const char *secret, bool revoked)
{
    struct issued_change change = { .key = { .key_id = str_of(id),
                                             .name = STR("shop"),
                                             .scopes = STR("orders:read"),
                                             .write = str_starts(str_of(secret), STR("wk_")) },
                                    .revoked = revoked };
    crypto_sha256(secret, strlen(secret), change.key.hash);
    return change;
}

static void *verify(void *argument)
{
    struct arena *arena = arena_new(0);
    while (!atomic_load(&over)) {
        struct ctx ctx = { .arena = arena };
        struct principal who;
        CHECK(token_verify(&ctx, keys, STR("ffk_stays"), NULL, &who));
        CHECK_STR(who.subject, "key_stays");
        CHECK(token_write_key(&ctx, keys, STR("wk_stays"), &who));
        CHECK(token_verify(&ctx, keys, token, NULL, &who));
        if (token_verify(&ctx, keys, STR("ffk_goes"), NULL, &who))
            CHECK_STR(who.scopes, "orders:read");
        arena_clear(arena);
    }
    arena_free(arena);
    return NULL;
}

static void keep(struct ctx *ctx)
{
    struct issued_place place = { STR("log"), 1 };
    struct token_rotation next;
    CHECK(token_issued_save(ctx, keys, folder, "issued.json", &place));
    CHECK(token_key_rotate(ctx, folder, 0, &next)); /* the one before stays good */
    CHECK(token_keys_refresh(ctx, keys));
}

int main(void)
{
    pthread_t threads[THREADS];
    struct ctx ctx = { .arena = arena_new(0) };
    REQUIRE(mkdtemp(folder) && token_keys_create(&ctx, folder, NULL));
    keys = token_keys_open(&ctx, folder);
    token = token_mint(&ctx, folder, STR("ann"), STR("x"), STR(""), TOKEN_LONGEST_S);
    REQUIRE(keys && token.ptr);
    struct issued_change stay[] = { change("key_stays", "ffk_stays", false),
                                    change("key_write", "wk_stays", false) };
    token_issued_change(keys, stay, COUNT(stay));
    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, verify, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct issued_change both[] = { change("key_goes", "ffk_goes", i % 2), stay[0] };
        token_issued_change(keys, both, COUNT(both));
        if (i % 30 == 0)
            keep(&ctx);
        usleep(200);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    token_keys_close(keys);
    static const char *const files[] = { SIGNING_FILE, NEXT_FILE, KEY_SET_FILE, "issued.json" };
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(arena_printf(ctx.arena, "%s/%s", folder, files[i]).ptr);
    CHECK(rmdir(folder) == 0);
    arena_free(ctx.arena);
    return check_end();
}
