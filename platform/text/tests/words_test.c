#include "base/tests/check.h"
#include "platform/text/words.h"

static struct str all(struct arena *arena, struct str text)
{
    struct words words = words_of(text);
    struct word word;
    struct str out = STR("");
    while (words_next(&words, &word)) {
        CHECK(word.from < word.to && word.to <= text.len);
        CHECK_INT(word.chars, str_utf8_length(word.folded));
        out = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(out), out.len ? "|" : "",
                           STR_ARG(word.folded));
    }
    return out;
}

static const struct {
    const char *text, *words;
} cases[] = {
    { "", "" },
    { " ,;\t", "" },
    { "Bush Somerset", "bush|somerset" },
    { "wi-fi 802.11ac", "wi|fi|802|11ac" },
    { "Caf\u00e9 CR\u00c8ME", "cafe|creme" },
    { "Cafe\u0301", "cafe" },
    { "Stra\u00dfe", "strasse" },
    { "men's women\u2019s 'quoted' ' x", "mens|womens|quoted|x" },
    { "\u0418\u0433\u0440\u0443\u0448\u043a\u0438", "\u0438\u0433\u0440\u0443\u0448\u043a\u0438" },
    { "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1", "\u03b5\u03bb\u03bb\u03b1\u03b4\u03b1" },
    { "\u65e5\u672c\u8a9e abc", "\u65e5|\u672c|\u8a9e|abc" },
    { "abc\u65e5def", "abc|\u65e5|def" },
    { "\ufb01ne \u2460", "fine|1" },
    { "a\xff"
      "b \xc3",
      "a|b" },
    { "\u0301", "" },
    { "<b>bold</b>", "b|bold|b" },
};

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(all(arena, str_of(cases[i].text)), cases[i].words);
    char many[1000];
    memset(many, 'x', sizeof many);
    CHECK_INT(all(arena, (struct str){ many, sizeof many }).len, WORD_MOST_CHARS);
    return check_end();
}
