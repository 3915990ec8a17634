/* Highlights, and what can be read in a document of content. */
#include "base/tests/check.h"
#include "services/search/entry.h"
#include "services/search/highlight.h"

static const struct highlight_word words[] = { { STR_INIT("cafe"), false },
                                               { STR_INIT("bo"), true },
                                               { STR_INIT("red chair"), false },
                                               { STR_INIT("red chair leg"), false } };

static const struct {
    const char *text, *html;
} cases[] = {
    { "", "" },
    { "Caf\u00e9 & Books", "<mark>Caf\u00e9</mark> &amp; <mark>Books</mark>" },
    { "cafes <b>about</b>", "cafes &lt;b&gt;about&lt;/b&gt;" },
    { "\"bo\" 'x'", "&quot;<mark>bo</mark>&quot; &#39;x&#39;" },
    { "\xff"
      "bo\xff",
      "\xff<mark>bo</mark>\xff" },
    { "Red & chair, red. Red book", "<mark>Red &amp; chair</mark>, red. Red <mark>book</mark>" },
    { "red red chair leg", "red <mark>red chair leg</mark>" },
    { "red chairs chair red", "red chairs chair red" },
};

static void test_highlights(struct arena *arena)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(highlight(arena, str_of(cases[i].text), words, COUNT(words)), cases[i].html);
    CHECK_STR(highlight(arena, (struct str){ NULL, 0 }, words, COUNT(words)),
              ""); /* no text at all */
}

static void test_parts(struct arena *arena)
{
    struct str text = STR(""), part;
    for (int i = 1; i <= 100; i++)
        text = arena_printf(arena, STR_FMT "%s%s%d", STR_ARG(text), i > 1 ? " " : "",
                            i == 50 ? "book" : "w", i);
    part = highlight_part(arena, text, words, COUNT(words));
    CHECK(str_starts(part, STR("\u2026w44 w45 w46 w47 w48 w49 <mark>book50</mark> w51")));
    CHECK(str_ends(part, STR("w74\u2026")));
    CHECK_STR(highlight_part(arena, STR("one book & more"), words, COUNT(words)),
              "one <mark>book</mark> &amp; more");
    CHECK_STR(highlight_part(arena, STR("a red red chair"), words, COUNT(words)),
              "a red <mark>red chair</mark>");
    CHECK(!highlight_part(arena, STR("nothing, a red one"), words, COUNT(words)).ptr);
    CHECK(!highlight_part(arena, (struct str){ NULL, 0 }, words, COUNT(words)).ptr);
}

static void test_entries(struct arena *arena)
{
    struct ctx ctx = { .arena = arena };
    const struct json *page = json_parse(
        &ctx,
        STR("{\"blocks\":[{\"id\":\"hero\",\"content\":{\"a\":\"<p class=x>Hi</p>there\",\"n\":5},"
            "\"variants\":{\"v\":{\"a\":\"no\"}}},{\"content\":{\"b\":[\"2 < 3\",{\"$entry\":\"ent_x\"}]}}]}"));
    CHECK_STR(entry_text(arena, page, true), " Hi there 2 < 3");
    const struct json *item = json_parse(
        &ctx, STR("{\"body\":\"Text\",\"$media\":\"med_1\",\"deep\":{\"er\":[\"more\"]}}"));
    CHECK_STR(entry_text(arena, item, false), "Text more");
    CHECK_STR(entry_text(arena, NULL, true), "");
    char *many = arena_alloc(arena, ENTRY_TEXT_BYTES * 2);
    memset(many, 0xc3, ENTRY_TEXT_BYTES * 2);
    for (size_t i = 2; i < ENTRY_TEXT_BYTES * 2; i += 2)
        many[i] = (char)0xa9; /* each character has two bytes, the last that fits is cut */
    many[0] = '"';
    many[ENTRY_TEXT_BYTES + 101] = '"';
    const struct json *large = json_parse(&ctx, (struct str){ many, ENTRY_TEXT_BYTES + 102 });
    REQUIRE(large);
    struct str text = entry_text(arena, large, false);
    CHECK(str_is_utf8(text) && text.len > ENTRY_TEXT_BYTES - 4 && text.len <= ENTRY_TEXT_BYTES);
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    test_highlights(arena);
    test_parts(arena);
    test_entries(arena);
    return check_end();
}
