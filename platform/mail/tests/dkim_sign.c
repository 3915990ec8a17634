/* Signs files as they are, with a new key of each kind: dkim_sign FILE... gives FILE.signed, and the records that the keys
 * need in the DNS on standard output. */
#include "platform/mail/dkim.h"

#include "base/tests/check.h"

static struct str read_all(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL);
    char *bytes = arena_alloc(arena, 1 << 20);
    size_t n = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return (struct str){ bytes, n };
}

int main(int argc, char **argv)
{
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct dkim_key *keys[2];
    for (int i = 0; i < 2; i++) {
        struct str pem = dkim_generate(&ctx, i ? DKIM_ED25519 : DKIM_RSA);
        keys[i] = dkim_key_load(&ctx, STR("example.com"), i ? STR("ed") : STR("rsa"), pem);
        REQUIRE(keys[i] != NULL);
        printf(STR_FMT " " STR_FMT "\n", STR_ARG(dkim_key_name(keys[i], arena)),
               STR_ARG(dkim_key_text(keys[i], arena)));
    }
    for (int i = 1; i < argc; i++) {
        struct str out;
        REQUIRE(dkim_sign(&ctx, keys, 2, 1764009320000000, read_all(arena, argv[i]), &out));
        FILE *file = fopen(arena_printf(arena, "%s.signed", argv[i]).ptr, "wb");
        REQUIRE(file && fwrite(out.ptr, 1, out.len, file) == out.len && fclose(file) == 0);
    }
    dkim_key_free(keys[0]);
    dkim_key_free(keys[1]);
    arena_free(arena);
    return checks_failed > 0;
}
