#include "base/arena.h"
#include "base/clock.h"
#include "base/ctx.h"
#include "base/sixteen.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/library.h"
#include "base/money.h"
#include "base/tests/check.h"

static void test_arena(void)
{
    struct arena *arena = arena_new(64);
    for (size_t n = 1; n < 5000; n += 37) {
        char *p = arena_alloc(arena, n);
        CHECK(((uintptr_t)p & 15) == 0 && p[0] == 0 && p[n - 1] == 0);
        memset(p, 1, n);
    }
    CHECK_STR(arena_printf(arena, "%s-%d", "a", 7), "a-7");
    CHECK_INT(arena_printf(arena, "%0*d", 1000, 1).len, 1000);
    arena_clear(arena);
    CHECK_INT(arena_bytes(arena), 65536); /* the largest of its blocks that is worth keeping */
    memset(arena_alloc(arena, 60000), 1, 60000);
    CHECK_INT(arena_bytes(arena), 65536);
    arena_alloc(arena, 200000);
    arena_clear(arena);
    CHECK_INT(arena_bytes(arena), 65536);
    arena_free(arena);
    arena = arena_new(200000); /* a large first block is kept when there is nothing smaller */
    arena_clear(arena);
    CHECK_INT(arena_bytes(arena), 200000);
    arena_free(arena);
    arena_free(NULL);
}

static void test_str(void)
{
    int64_t n = 0;
    CHECK(str_to_int(STR("-9223372036854775808"), &n) && n == INT64_MIN);
    CHECK(!str_to_int(STR("9223372036854775808"), &n));
    char room[24];
    CHECK_STR(str_of_int(INT64_MIN, room), "-9223372036854775808");
    CHECK_STR(str_of_int(INT64_MAX, room), "9223372036854775807");
    CHECK_STR(str_of_int(0, room), "0");
    CHECK(str_to_int(STR("9223372036854775807"), &n) && n == INT64_MAX);
    CHECK(!str_to_int(STR("-"), &n) && !str_to_int(STR(""), &n) && !str_to_int(STR("1 "), &n));
    struct str rest = STR("a,,b"), part;
    CHECK(str_split(&rest, ',', &part) && str_is(part, "a"));
    CHECK(str_split(&rest, ',', &part) && part.len == 0);
    CHECK(str_split(&rest, ',', &part) && str_is(part, "b"));
    CHECK(!str_split(&rest, ',', &part));
    CHECK(str_is_utf8(STR("caf\xC3\xA9 \xF0\x9F\x98\x80")));
    CHECK(!str_is_utf8(STR("\xC0\xAF")) && !str_is_utf8(STR("\xED\xA0\x80")) &&
          !str_is_utf8(STR("\xE2\x82")));
    CHECK(!str_is_utf8(STR("\xF4\x90\x80\x80")));
    struct arena *arena = arena_new(0);
    struct str parts[] = { STR("a"), { NULL, 0 }, STR(""), STR("bc") };
    CHECK_STR(arena_join(arena, parts, COUNT(parts)), "abc");
    CHECK_STR(arena_join(arena, NULL, 0), "");
    arena_free(arena);
}

/* Every byte at every place, beside neighbours that differ from it by one. */
static void test_sixteen(void)
{
    for (int c = 0; c < 256; c++)
        for (size_t place = 0; place < 16; place++) {
            char text[16];
            size_t small = 0;
            for (size_t i = 0; i < 16; i++)
                text[i] = (char)(i % 2 ? c + 1 : c - 1);
            text[place] = (char)c;
            sixteen bytes = sixteen_load(text);
            CHECK_INT(sixteen_first((sixteen)(bytes == (uint8_t)c)), place);
            while (small < 16 && (unsigned char)text[small] >= ' ')
                small++;
            CHECK_INT(sixteen_first((sixteen)(bytes < ' ')), small);
        }
}

static void test_clock(void)
{
    static const struct {
        const char *text;
        int64_t us;
    } moments[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-01-31T12:00:00.5+02:00", 1769853600500000 },
        { "1969-12-31T23:59:59.999999Z", -1 },
        { "2000-02-29t00:00:00z", 951782400000000 },
    };
    for (size_t i = 0; i < COUNT(moments); i++) {
        int64_t us = 42;
        CHECK(clock_parse(str_of(moments[i].text), false, &us));
        CHECK_INT(us, moments[i].us);
        char text[CLOCK_TEXT_BYTES];
        clock_format(us, text);
        int64_t again;
        CHECK(clock_parse(str_of(text), false, &again) && again == us);
    }
    int64_t us = 42;
    static const char *wrong[] = { "2026-02-29T00:00:00Z",
                                   "2026-01-01",
                                   "2026-01-01T00:00:00",
                                   "2026-13-01T00:00:00Z",
                                   "2026-01-01T24:00:00Z",
                                   "2026-01-01T00:00:00.Z",
                                   "x",
                                   "" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        CHECK(!clock_parse(str_of(wrong[i]), false, &us));
    CHECK_INT(us, 42);
    for (int64_t day = -200000; day < 200000; day += 97) {
        int y, m, d;
        clock_civil(day, &y, &m, &d);
        CHECK(clock_days(y, m, d) == day);
    }
}

static void test_id(void)
{
    char a[ID_UUID_BYTES], b[ID_UUID_BYTES];
    id_uuid7(a);
    for (int i = 0; i < 10000; i++) {
        id_uuid7(b);
        CHECK(strcmp(a, b) < 0);
        memcpy(a, b, sizeof(a));
    }
    CHECK(a[14] == '7' && strlen(a) == 36);
    CHECK(id_has_prefix(STR("ord_CA-2014"), "ord") && !id_has_prefix(STR("ord_"), "ord") &&
          !id_has_prefix(STR("prf_1"), "ord") && !id_has_prefix(STR("ord_a/b"), "ord"));
}

static void test_hash(void)
{
    CHECK_INT(hash_crc32c(0, "123456789", 9), 0xE3069283);
    CHECK_INT(hash_crc32c(hash_crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
    static const uint8_t sip_of_15[] = { 0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11,
                                         0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9 },
                         sip_of_8[] = { 0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61,
                                        0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14, 0x97, 0xb4 };
    uint8_t counting[16], sip[16]; /* the vectors of the reference */
    for (uint8_t i = 0; i < 16; i++)
        counting[i] = i;
    hash_sip128(counting, counting, 15, sip);
    CHECK(memcmp(sip, sip_of_15, 16) == 0);
    hash_sip128(counting, counting, 8, sip);
    CHECK(memcmp(sip, sip_of_8, 16) == 0);
    CHECK_INT(hash_murmur3_32("", 0, 0), 0);
    CHECK_INT(hash_murmur3_32("hello", 5, 0), 0x248bfa47);
    CHECK_INT(hash_murmur3_32("hello, world", 12, 0), 0x149bbb7f);
    CHECK_INT(hash_murmur2("21", 2), (uint32_t)-973932308 & 0x7fffffff);
    CHECK_INT(hash_murmur2("foobar", 6), (uint32_t)-790332482 & 0x7fffffff);
    CHECK_INT(hash_murmur2("a-little-bit-long-string", 24), (uint32_t)-985981536 & 0x7fffffff);
}

static void test_money(void)
{
    static const struct {
        const char *text;
        int64_t cents;
    } amounts[] = {
        { "261.96", 26196 },   { "0.125", 12 },    { "0.135", 14 }, { "-0.125", -12 },
        { "0.1251", 13 },      { "22.368", 2237 }, { "7", 700 },    { "1.2", 120 },
        { "957.5775", 95758 }, { ".5", 50 },
    };
    for (size_t i = 0; i < COUNT(amounts); i++) {
        int64_t cents = -1;
        CHECK(money_parse(str_of(amounts[i].text), 2, &cents));
        CHECK_INT(cents, amounts[i].cents);
    }
    int64_t cents;
    CHECK(!money_parse(STR(""), 2, &cents) && !money_parse(STR("-"), 2, &cents) &&
          !money_parse(STR("1e3"), 2, &cents));
    struct money share, tenth = { 125, "USD" };
    CHECK(money_share(tenth, 1, 10, &share) && share.amount == 12);
    tenth.amount = 135;
    CHECK(money_share(tenth, 1, 10, &share) && share.amount == 14);
    CHECK(money_exponent("JPY") == 0 && money_exponent("XXX") == -1);
}

static void test_error(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    CHECK(!ctx_fail(&ctx, ERR_UNAVAILABLE, "disk %d is full", 3));
    CHECK(!ctx_fail(&ctx, ERR_INTERNAL, "storing the order"));
    CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
    CHECK_STR(ctx.error.detail, "storing the order: disk 3 is full");
    CHECK(outcome_of(&ctx) == RETRY && error_status(ERR_CONFLICT) == 409);
    CHECK(error_of_status(404) == ERR_NOT_FOUND && error_of_status(599) == ERR_BAD_GATEWAY);
}

static void test_library(void)
{
    static const struct library_function right[] = { { "strlen", 0 } },
                                         wrong[] = { { "strlen", 0 }, { "no_such_function", 0 } };
    struct {
        size_t (*length)(const char *);
    } functions = { NULL };
    char why[200] = "";
    CHECK(!library_load("libnone.so.9", right, 1, &functions, why));
    CHECK(strstr(why, "libnone.so.9"));
    CHECK(!library_load("libc.so.6", wrong, 2, &functions, why));
    CHECK_STR(str_of(why), "libc.so.6 has no no_such_function");
    REQUIRE(library_load("libc.so.6", right, 1, &functions, why));
    CHECK(functions.length("four") == 4);
}

int main(void)
{
    test_arena();
    test_str();
    test_sixteen();
    test_clock();
    test_id();
    test_hash();
    test_money();
    test_error();
    test_library();
    return check_end();
}
