/* A query, a line feed, a text: their words, how far they are apart, the text's terms and highlights; then the query against a
 * small index, with the text as filter, facet and locale. What the fuzzer makes up must be refused or answered, always the same. */
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "platform/text/words.h"
#include "services/search/analysis.h"
#include "services/search/entry.h"
#include "services/search/highlight.h"
#include "services/search/near.h"
#include "services/search/query.h"
#include "tests/fuzz/fuzz.h"

#define DOCUMENTS 60
#define HITS 7

static struct search_index *search_index;
static char folder[] = "/tmp/fanfare-fuzz-search-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

static const char *const names[] = { "Bush Somerset Bookcase", "Deluxe Fabric Chair",
                                     "Caf\u00e9 Phone", "\u65e5\u672c Lamp", "Chairs of wood" };

static void index_make(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    MUST(mkdtemp(folder) && (search_index = index_open(&ctx, folder)));
    MUST(index_event_store.begin(&ctx, search_index));
    for (int i = 0; i < DOCUMENTS; i++) {
        struct document document = { .document_id = arena_printf(arena, "prd_%d", i),
                                     .type = STR("product"),
                                     .title = str_of(names[i % COUNT(names)]),
                                     .category = arena_printf(arena, "C%d", i % 7) };
        MUST(index_put(&ctx, search_index, INDEX_PRODUCT, document.document_id, 1, &document));
    }
    MUST(index_event_store.commit(&ctx, search_index));
    nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS); /* it is open, and nothing is left behind */
}

static void check_words(struct arena *arena, struct str text)
{
    struct words words = words_of(text);
    struct word word;
    size_t at = 0;
    while (words_next(&words, &word)) {
        MUST(word.from >= at && word.from < word.to && word.to <= text.len);
        MUST(word.chars && word.chars <= WORD_MOST_CHARS && str_is_utf8(word.folded));
        MUST(str_utf8_length(word.folded) == word.chars);
        at = word.to;
    }
    size_t n;
    struct term *terms = analyse(arena, (struct str[]){ text, text, text }, &n);
    for (size_t i = 0; i < n; i++)
        MUST(terms[i].value && terms[i].key.len <= 1 + WORD_MOST_BYTES &&
             (i == 0 || str_cmp(terms[i - 1].key, terms[i].key) < 0));
}

static void check_distances(struct str a, struct str b)
{
    struct letters x = letters_of(a), y = letters_of(b);
    for (int edits = 0; edits <= 2; edits++) {
        int whole = distance(&x, &y, edits, false);
        MUST(whole == distance(&y, &x, edits, false));
        MUST(distance(&x, &y, edits, true) <= whole);
        MUST(whole > edits || may_be_near(x.mask, y.mask, edits, false));
    }
    MUST(distance(&x, &x, 0, false) == 0);
}

/* Gives the total, -1 where it is refused. */
static int64_t search(struct arena *arena, struct str text, struct str more, struct match_hit *hits,
                      size_t *n)
{
    static const struct match_weights weights = { .fields = { 1, 0.6, 0.3 } };
    static const struct str instead[] = { STR_INIT("deluxe fabric"), STR_INIT("lamp"),
                                          STR_INIT("somerset bush") };
    static const struct synonym_entry synonyms[] = { { STR_INIT("chair"), instead, 3 },
                                                     { STR_INIT("of wood"), instead, 2 } };
    static const struct str stop_words[] = { STR_INIT("of") };
    const struct snapshot snapshot = { .synonyms = synonyms,
                                       .n_synonyms = COUNT(synonyms),
                                       .stop_words = stop_words,
                                       .n_stop_words = COUNT(stop_words) };
    struct ctx ctx = { .arena = arena };
    struct lmdb_read read;
    struct query query;
    struct match match = { .weights = &weights, .hits = hits, .most = HITS };
    struct str locale = more.len && more.ptr[0] == 'l' ? more : STR("");
    MUST(index_read_begin(&ctx, search_index, &read));
    bool ok = filters_read(&ctx, &read, &more, more.len && !locale.len ? 1 : 0, locale, &match) &&
              facets_read(&ctx, &read, &text, text.len && text.ptr[0] == 'f' ? 1 : 0, &match);
    MUST(ok == !ctx_failed(&ctx) && (ok || ctx.error.code == ERR_INVALID));
    if (ok) {
        query_read(arena, text, &snapshot, &query);
        MUST(query.n <= QUERY_WORDS);
        query_run(&read, arena, &query, &match);
        MUST(match.total >= (int64_t)match.n_hits && match.total <= DOCUMENTS);
        for (size_t i = 1; i < match.n_hits; i++)
            MUST(match.hits[i - 1].score >= match.hits[i].score);
    }
    lmdb_read_end(&read);
    *n = match.n_hits;
    return ok ? match.total : -1;
}

/* Is the row of words in the text? As one sees it. */
static bool stands_in(struct arena *arena, struct str row, struct str text)
{
    size_t n;
    struct str folded = words_folded(arena, text, &n);
    return strstr(arena_printf(arena, " " STR_FMT " ", STR_ARG(folded)).ptr,
                  arena_printf(arena, " " STR_FMT " ", STR_ARG(row)).ptr) != NULL;
}

/* In quotes it finds what has it, and nothing else. */
static void check_phrase(struct arena *arena, struct str text)
{
    struct match_hit hits[HITS];
    size_t n, n_hits;
    int64_t wanted = 0;
    struct str row = words_folded(arena, text, &n);
    if (n == 0 || n > QUERY_WORDS)
        return;
    for (int i = 0; i < DOCUMENTS; i++)
        wanted += stands_in(arena, row, str_of(names[i % COUNT(names)])) ||
                  stands_in(arena, row, arena_printf(arena, "C%d", i % 7));
    struct str quoted = arena_printf(arena, "\"" STR_FMT "\"", STR_ARG(row));
    MUST(search(arena, quoted, STR(""), hits, &n_hits) == wanted);
    struct str without = arena_printf(arena, "-" STR_FMT, STR_ARG(quoted));
    MUST(search(arena, without, STR(""), hits, &n_hits) == DOCUMENTS - wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct str text, query = fuzz_cut(data, size, &text);
    struct match_hit hits[HITS], again[HITS];
    size_t n, n_again;
    if (!search_index)
        index_make();
    check_words(arena, query);
    check_words(arena, text);
    struct highlight_word words[] = { { query, true },
                                      { query, false },
                                      { STR("red chair"), false } };
    struct str marked = highlight(arena, text, words, COUNT(words)),
               part = highlight_part(arena, text, words, COUNT(words));
    MUST(marked.len >= text.len && (!str_is_utf8(text) || str_is_utf8(marked)));
    MUST(!part.ptr || !str_is_utf8(text) || str_is_utf8(part));
    if (str_is_utf8(query) && str_is_utf8(text))
        check_distances(query, text);
    struct ctx ctx = { .arena = arena };
    const struct json *document = json_parse(&ctx, text);
    MUST(str_is_utf8(entry_text(arena, document, query.len % 2)));
    check_phrase(arena, query);
    int64_t total = search(arena, query, text, hits, &n);
    MUST(search(arena, query, text, again, &n_again) == total && n == n_again);
    MUST(memcmp(hits, again, n * sizeof *hits) == 0);
    return 0;
}
