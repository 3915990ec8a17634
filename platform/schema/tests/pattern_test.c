#include "base/tests/check.h"
#include "platform/schema/pattern.h"

static struct arena *arena;

static struct pattern *compile(struct str text)
{
    struct ctx ctx = { .arena = arena };
    struct pattern *pattern = pattern_compile(&ctx, text);
    if (!CHECK(pattern != NULL))
        fprintf(stderr, "  " STR_FMT ": " STR_FMT "\n", STR_ARG(text), STR_ARG(ctx.error.detail));
    return pattern;
}

static void test_matching(void)
{
    static const struct {
        const char *pattern, *yes, *no;
    } cases[] = {
        { "a+", "xaay", "xyz" },
        { "^[a-z]+_[0-9a-f-]{4,}$", "ord_00-ff", "ord_00f" },
        { "^\\d+$", "123", "\xD9\xA1" /* ARABIC-INDIC DIGIT ONE */ },
        { "^\\D$", "\xD9\xA1", "1" },
        { "^\\w+$", "a_1", "\xC3\xA9" },
        { "^\\W$", "\xC3\xA9", "e" },
        { "^\\s$", "\xC2\xA0", "a" },
        { "^\\s$", "\xE2\x80\x89", "\xE2\x80\x8B" },
        { "^\\S+$", "\xC3\xA9x", "a\xC2\xA0" },
        { "^[\\s]$", "\xEF\xBB\xBF", "x" },
        { "^[^\\s]$", "x", "\xE3\x80\x80" },
        { "^[\\S]$", "\xF0\x9F\x98\x80", " " },
        { "^[\\s\\S]$", "\n", "" },
        { "^[^]$", "\n", "ab" },
        { "^a[]?$", "a", "ab" },
        { "^a.b$",
          "a\xC2\x85"
          "b",
          "a\nb" },
        { "^a.b$",
          "a\xF0\x9F\x98\x80"
          "b",
          "a\xE2\x80\xA8"
          "b" },
        { "^a$", "a", "a\n" },
        { "^\\p{Letter}+$", "\xCF\x80h", "a1" },
        { "^\\p{L}\\P{L}$", "a1", "aa" },
        { "^\\p{Script=Greek}+$", "\xCF\x80", "p" },
        { "^\\p{scx=Grek}$", "\xCF\x80", "p" },
        { "^[\\p{General_Category=Decimal_Number}x]$", "\xD9\xA1", "y" },
        { "^\\p{Emoji_Presentation}$", "\xF0\x9F\x98\x80", "a" },
        { "^\\p{ASCII}+$", "az", "\xC3\xA9" },
        { "^\\P{ASCII}$", "\xC3\xA9", "a" },
        { "^\\p{Assigned}$", "a", "\xCD\xB8" },
        { "^\\x41\\u0042\\u{1F600}$", "AB\xF0\x9F\x98\x80", "AB" },
        { "^\\ud83d\\ude00$", "\xF0\x9F\x98\x80", "?" },
        { "^[\\u{1F600}-\\u{1F601}]$", "\xF0\x9F\x98\x81", "\xF0\x9F\x98\x82" },
        { "^[\xF0\x9F\x98\x80-\xF0\x9F\x98\x81]$", "\xF0\x9F\x98\x81", "\xF0\x9F\x98\x82" },
        { "^\\cA\\t\\n\\v\\f\\r$", "\x01\t\n\v\f\r", "A" },
        { "^[\\b]$", "\b", "b" },
        { "\\bcat\\b", "a cat", "cats" },
        { "^[[:alpha:]]$", "a]", "1]" },
        { "^[a-]$", "-", "b" },
        { "^[\\w.-]+$", "a.b-c", "a b" },
        { "^[\\w-.]+$", "a.b-c", "a b" },
        { "^[a\\-z]$", "-", "b" },
        { "^a{2,3}$", "aaa", "a" },
        { "^a{,3}$", "a{,3}", "aa" },
        { "^{a}$", "{a}", "a" },
        { "^\\/\\@\\#$", "/@#", "/@" },
        { "^(a)(b)\\2\\1$", "abba", "abab" },
        { "^(?<year>\\d{4})-\\k<year>$", "2026-2026", "2026-2025" },
        { "^(?:(a)|b)\\1$", "b", "ab" },
        { "^(?!ab)a", "ac", "ab" },
        { "(?<=\\$)\\d+", "$5", "5" },
        { "^a+?b*?c$", "aac", "c" },
        { "^#( )x$", "# x", "#x" },
        { "", "", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pattern *pattern = compile(str_of(cases[i].pattern));
        if (pattern && pattern_find(pattern, str_of(cases[i].yes)) != PATTERN_MATCHES)
            CHECK_STR(STR("does not match"), cases[i].pattern);
        if (pattern && cases[i].no && pattern_find(pattern, str_of(cases[i].no)) != PATTERN_DIFFERS)
            CHECK_STR(STR("matches"), cases[i].pattern);
        pattern_free(pattern);
    }
}

static void test_empty_class(void)
{
    struct pattern *pattern = compile(STR("^[]a]"));
    CHECK_INT(pattern_find(pattern, STR("a]")), PATTERN_DIFFERS);
    CHECK_INT(pattern_find(pattern, STR("]a")), PATTERN_DIFFERS);
    pattern_free(pattern);
}

static void test_nul(void)
{
    struct pattern *pattern = compile(STR("^a\\0b$"));
    CHECK_INT(pattern_find(pattern, STR("a\0b")), PATTERN_MATCHES);
    CHECK_INT(pattern_find(pattern, STR("a")), PATTERN_DIFFERS);
    pattern_free(pattern);
    pattern = compile(STR("^a\0b$"));
    CHECK_INT(pattern_find(pattern, STR("a\0b")), PATTERN_MATCHES);
    CHECK_INT(pattern_find(pattern, (struct str){ NULL, 0 }), PATTERN_DIFFERS);
    pattern_free(pattern);
}

static void test_refused(void)
{
    static const char *const patterns[] = {
        "(",
        "a)",
        "[a",
        "*a",
        "a**",
        "a*+",
        "a++",
        "(*UTF)a",
        "(?i)a",
        "(?#x)",
        "(?>a)",
        "(?P<n>a)",
        "\\",
        "[\\",
        "\\q",
        "\\A",
        "\\Z",
        "\\h",
        "\\K",
        "\\Q",
        "\\G",
        "\\X",
        "\\C",
        "\\01",
        "\\1",
        "\\k<n>",
        "\\p",
        "\\pL",
        "\\p{",
        "\\p{No such}",
        "\\p{sc=Nowhere}",
        "\\p{blk=Thai}",
        "\\x4",
        "\\u12",
        "\\u{110000}",
        "\\ud800",
        "\\udc00",
        "[z-a]",
        "a{2,1}",
        "[\\B]",
        "[\\1]",
        "\\c1",
        "(?<1>a)",
        "(?<=a+)b",
        "a{99999}",
    };
    for (size_t i = 0; i < COUNT(patterns); i++) {
        struct ctx ctx = { .arena = arena };
        struct pattern *pattern = pattern_compile(&ctx, str_of(patterns[i]));
        if (pattern || ctx.error.code != ERR_INVALID)
            CHECK_STR(STR("taken"), patterns[i]);
        pattern_free(pattern);
    }
    struct ctx ctx = { .arena = arena };
    CHECK(pattern_compile(&ctx, STR("ab\\q")) == NULL);
    CHECK_STR(ctx.error.detail, "the pattern is wrong at byte 3: an unknown escape");
    pattern_free(NULL);
}

/* Patterns that double their work with each character, and long honest texts. */
static void test_effort(void)
{
    size_t n = 100000;
    char *text = mem_alloc(n + 1);
    memset(text, 'a', n);
    struct pattern *evil = compile(STR("^(a+)+$"));
    text[40] = 'b';
    CHECK_INT(pattern_find(evil, (struct str){ text, 41 }), PATTERN_TOO_COSTLY);
    text[40] = 'a';
    CHECK_INT(pattern_find(evil, (struct str){ text, 30 }), PATTERN_MATCHES);
    pattern_free(evil);
    struct pattern *honest = compile(STR("^(?:a|b)*$"));
    CHECK_INT(pattern_find(honest, (struct str){ text, n }), PATTERN_MATCHES);
    pattern_free(honest);
    honest = compile(STR("^[a-z]+$"));
    CHECK_INT(pattern_find(honest, (struct str){ text, n }), PATTERN_MATCHES);
    pattern_free(honest);
    free(text);
}

int main(void)
{
    arena = arena_new(0);
    test_matching();
    test_empty_class();
    test_nul();
    test_refused();
    test_effort();
    arena_free(arena);
    return check_end();
}
