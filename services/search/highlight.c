#include "services/search/highlight.h"

#include "platform/text/words.h"

#define BEFORE_WORDS                                                                               \
    6 /* of a part: words before the first that was looked for, and how many in all */
#define PART_WORDS 30
#define MOST_WORDS 5000 /* looked at in search of the first */

struct html {
    struct arena *arena;
    char *ptr;
    size_t len, cap;
};

static void put(struct html *html, const char *bytes, size_t n)
{
    if (html->len + n + 1 > html->cap) {
        html->cap = (html->len + n + 1) * 2;
        char *more = arena_alloc_raw(html->arena, html->cap);
        if (html->len)
            memcpy(more, html->ptr, html->len);
        html->ptr = more;
    }
    if (n)
        memcpy(html->ptr + html->len, bytes, n);
    html->len += n;
    html->ptr[html->len] = '\0';
}

static void put_escaped(struct html *html, struct str text)
{
    static const struct {
        char c;
        struct str entity;
    } entities[] = { { '&', STR_INIT("&amp;") },
                     { '<', STR_INIT("&lt;") },
                     { '>', STR_INIT("&gt;") },
                     { '"', STR_INIT("&quot;") },
                     { '\'', STR_INIT("&#39;") } };
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++)
        for (size_t k = 0; k < COUNT(entities); k++)
            if (text.ptr[i] == entities[k].c) {
                put(html, text.ptr + from, i - from);
                put(html, entities[k].entity.ptr, entities[k].entity.len);
                from = i + 1;
            }
    put(html, text.ptr + from, text.len - from);
}

/* Where the row of words that begins with this one ends, 0: it does not stand here. */
static size_t row_end(const struct words *walk, const struct word *first, struct str row)
{
    if (!str_starts(row, first->folded))
        return 0;
    struct str part, rest = { row.ptr + first->folded.len, row.len - first->folded.len };
    if (rest.len == 0 || rest.ptr[0] != ' ')
        return rest.len ? 0 : first->to;
    struct words ahead = *walk;
    struct word word = *first;
    for (rest.ptr++, rest.len--; str_split(&rest, ' ', &part);)
        if (!words_next(&ahead, &word) || !str_eq(word.folded, part))
            return 0;
    return word.to;
}

/* Where the longest that was looked for and begins with this word ends, 0: none does. The walk goes on behind it. */
static size_t mark_end(struct words *walk, const struct word *word,
                       const struct highlight_word *words, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        bool begins = words[i].begun && str_starts(word->folded, words[i].folded);
        size_t to = begins ? word->to : row_end(walk, word, words[i].folded);
        longest = MAX(longest, to);
    }
    walk->at = MAX(walk->at, longest);
    return longest;
}

struct str highlight(struct arena *arena, struct str text, const struct highlight_word *words,
                     size_t n)
{
    struct html html = { .arena = arena };
    struct words walk = words_of(text);
    struct word word;
    size_t from = 0;
    if (text.len == 0)
        return STR("");
    while (words_next(&walk, &word)) {
        size_t to = mark_end(&walk, &word, words, n);
        if (!to)
            continue;
        put_escaped(&html, (struct str){ text.ptr + from, word.from - from });
        put(&html, "<mark>", 6);
        put_escaped(&html, (struct str){ text.ptr + word.from, to - word.from });
        put(&html, "</mark>", 7);
        from = to;
    }
    put_escaped(&html, (struct str){ text.ptr + from, text.len - from });
    return (struct str){ html.ptr, html.len };
}

struct str highlight_part(struct arena *arena, struct str text, const struct highlight_word *words,
                          size_t n)
{
    struct words walk = words_of(text);
    struct word word;
    size_t begins[BEFORE_WORDS + 1] = { 0 }, seen = 0, to = 0, more = 0;
    for (; !to && seen < MOST_WORDS && words_next(&walk, &word); seen++) {
        begins[seen % COUNT(begins)] = word.from;
        to = mark_end(&walk, &word, words, n);
    }
    if (!to)
        return (struct str){ NULL, 0 };
    size_t first = seen > COUNT(begins) ? begins[seen % COUNT(begins)] : 0;
    while (more < PART_WORDS - BEFORE_WORDS && words_next(&walk, &word)) {
        to = word.to;
        more++;
    }
    if (!words_next(&walk, &word))
        to = text.len;
    struct str part = highlight(arena, (struct str){ text.ptr + first, to - first }, words, n);
    return arena_printf(arena, "%s" STR_FMT "%s", first ? "\u2026" : "", STR_ARG(part),
                        to < text.len ? "\u2026" : "");
}
