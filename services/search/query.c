#include "services/search/query.h"

#include "platform/text/words.h"
#include "services/search/analysis.h"
#include "services/search/gather.h"
#include "services/search/near.h"

_Static_assert(QUERY_WORDS <= PHRASE_WORDS, "a phrase is looked for as a whole");

/* Finding a phrase takes longest; what it gave serves once more. */
struct query_phrase {
    struct str words;
    struct match_group found;
    struct query_phrase *older;
};

/* ---- reading ---- */

/* Bytes of the quote that stands there, 0: none. */
static size_t quote_at(struct str text, size_t at)
{
    static const struct str quotes[] = { STR_INIT("\""),           STR_INIT("\xe2\x80\x9c"),
                                         STR_INIT("\xe2\x80\x9d"), STR_INIT("\xe2\x80\x9e"),
                                         STR_INIT("\xc2\xab"),     STR_INIT("\xc2\xbb") };
    struct str rest = { text.ptr + at, text.len - at };
    for (size_t i = 0; i < COUNT(quotes); i++)
        if (str_starts(rest, quotes[i]))
            return quotes[i].len;
    return 0;
}

/* Not one behind a letter or digit: 24" is no phrase. */
static bool quote_opens(struct str text, size_t at)
{
    unsigned char before = at ? (unsigned char)text.ptr[at - 1] : ' ';
    bool of_word = before >= 0x80 || (before >= '0' && before <= '9') ||
                   ((before | 0x20) >= 'a' && (before | 0x20) <= 'z');
    return quote_at(text, at) && !of_word;
}

struct piece {
    struct str text;
    bool quoted;
};

/* What stands before the next quotes, or in them. */
static bool piece_next(struct str *rest, struct piece *out)
{
    size_t from = 0, to;
    while (from < rest->len && !quote_opens(*rest, from))
        from++;
    size_t quote = from < rest->len ? quote_at(*rest, from) : 0;
    for (to = from + quote; to < rest->len && !quote_at(*rest, to);)
        to++;
    if (to == rest->len) /* it is not closed */
        from = rest->len;
    out->quoted = from == 0 && rest->len;
    out->text = out->quoted ? (struct str){ rest->ptr + quote, to - quote }
                            : (struct str){ rest->ptr, from };
    size_t used = out->quoted ? to + quote_at(*rest, to) : from;
    *rest = (struct str){ rest->ptr + used, rest->len - used };
    return used != 0;
}

/* Words as they were typed. */
struct typed {
    struct query_word words[QUERY_WORDS];
    bool kept[QUERY_WORDS];
    size_t n, room; /* room: words that may still come, those of phrases too */
    struct str without[QUERY_WORDS];
    size_t n_without;
    bool minus; /* it stands right before the next phrase */
};

static void phrase_add(struct arena *arena, struct str text, struct typed *typed)
{
    struct words words = words_of(text);
    struct word word;
    struct str phrase = STR("");
    for (; typed->room && words_next(&words, &word); typed->room--)
        phrase = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(phrase), phrase.len ? " " : "",
                              STR_ARG(word.folded));
    bool minus = typed->minus;
    typed->minus = false;
    if (phrase.len && minus)
        typed->without[typed->n_without++] = phrase;
    else if (phrase.len)
        typed->words[typed->n++] =
            (struct query_word){ .folded = phrase, .exact = true, .corrected = true };
}

/* "-t-shirt": without the phrase "t shirt". */
static void words_add(struct arena *arena, struct str text, struct typed *typed)
{
    struct str part;
    while (str_split(&text, ' ', &part)) {
        typed->minus = part.len && part.ptr[0] == '-';
        if (typed->minus && part.len > 1) {
            phrase_add(arena, (struct str){ part.ptr + 1, part.len - 1 }, typed);
            continue;
        }
        struct words words = words_of(part);
        struct word word;
        for (; typed->room && words_next(&words, &word); typed->room--)
            typed->words[typed->n++] =
                (struct query_word){ .folded = arena_str(arena, word.folded) };
    }
}

static void stop_words_drop(const struct snapshot *snapshot, struct typed *typed)
{
    bool any = false;
    for (size_t i = 0; i < typed->n; i++) {
        struct query_word *word = &typed->words[i];
        typed->kept[i] = word->exact || !snapshot_is_stop_word(snapshot, word->folded);
        any |= typed->kept[i];
    }
    for (size_t i = 0; i < typed->n && !any; i++)
        typed->kept[i] = true;
}

static void synonyms_add(struct query_word *words, size_t n, const struct synonym_entry *entry)
{
    for (size_t i = 0; i < n; i++)
        if (words[i].n_synonyms < QUERY_SYNONYMS)
            words[i].synonyms[words[i].n_synonyms++] = entry;
}

/* Of each word, and of all words in a row that begin with it. */
static void synonyms_find(struct arena *arena, const struct snapshot *snapshot, struct typed *typed)
{
    for (size_t from = 0; from < typed->n && snapshot->n_synonyms; from++) {
        struct str row = STR("");
        size_t most = MIN(typed->n, from + SYNONYM_WORDS);
        for (size_t to = from; to < most && !typed->words[to].exact; to++) {
            row = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(row), row.len ? " " : "",
                               STR_ARG(typed->words[to].folded));
            const struct synonym_entry *entry = snapshot_synonyms(snapshot, row);
            if (entry)
                synonyms_add(&typed->words[from], to + 1 - from, entry);
        }
    }
}

void query_read(struct arena *arena, struct str text, const struct snapshot *snapshot,
                struct query *out)
{
    struct typed *typed = ARENA_NEW(arena, struct typed);
    struct piece piece;
    typed->room = QUERY_WORDS;
    while (piece_next(&text, &piece))
        (piece.quoted ? phrase_add : words_add)(arena, piece.text, typed);
    stop_words_drop(snapshot, typed);
    synonyms_find(arena, snapshot, typed);
    if (typed->n)
        typed->words[typed->n - 1].begun = !typed->words[typed->n - 1].exact;
    memset(out, 0, sizeof *out);
    memcpy(out->without, typed->without, sizeof out->without);
    out->n_without = typed->n_without;
    for (size_t i = 0; i < typed->n; i++)
        if (typed->kept[i])
            out->words[out->n++] = typed->words[i];
}

/* ---- looking ---- */

static void gather(const struct lmdb_read *read, struct arena *arena, struct match_group *group,
                   char kind, struct str word, bool range, enum match_class class)
{
    struct str term = arena_printf(arena, "%c" STR_FMT, kind, STR_ARG(word));
    gather_term(read, arena, group, term, range, class);
}

static const struct query_phrase *phrase_found(const struct lmdb_read *read, struct arena *arena,
                                               struct query *query, struct str words)
{
    for (struct query_phrase *one = query->phrases; one; one = one->older)
        if (str_eq(one->words, words))
            return one;
    struct query_phrase *fresh = ARENA_NEW(arena, struct query_phrase);
    fresh->words = words;
    fresh->older = query->phrases;
    gather_phrase(read, arena, &fresh->found, words, MATCH_TYPED);
    return query->phrases = fresh;
}

/* A word, or some next to each other. */
static void gather_words(const struct lmdb_read *read, struct arena *arena, struct query *query,
                         struct match_group *group, struct str words, enum match_class class)
{
    if (str_find_char(words, ' ') < 0)
        gather(read, arena, group, TERM_WORD, words, false, class);
    else
        gather_again(arena, group, &phrase_found(read, arena, query, words)->found, class);
}

static void gather_typed(const struct lmdb_read *read, struct arena *arena, struct query *query,
                         struct match_group *group, const struct query_word *word)
{
    bool short_one = str_utf8_length(word->folded) <= PREFIX_MOST;
    gather_words(read, arena, query, group, word->folded, MATCH_TYPED);
    for (size_t i = 0; i < word->n_synonyms; i++)
        for (size_t k = 0; k < word->synonyms[i]->n; k++)
            gather_words(read, arena, query, group, word->synonyms[i]->words[k], MATCH_SYNONYM);
    if (word->begun)
        gather(read, arena, group, short_one ? TERM_PREFIX : TERM_WORD, word->folded, !short_one,
               MATCH_PREFIX);
}

static void gather_near(const struct lmdb_read *read, struct arena *arena,
                        struct match_group *group, struct query_word *word)
{
    if (!word->corrected)
        word->n_near = dictionary_near(read, word->folded, word->begun, word->near, QUERY_NEAR);
    word->corrected = true;
    for (size_t i = 0; i < word->n_near; i++)
        gather(read, arena, group, TERM_WORD, word->near[i].word, false,
               word->near[i].edits < 2 ? MATCH_ONE_EDIT : MATCH_TWO_EDITS);
}

static void run_with(const struct lmdb_read *read, struct arena *arena, struct query *query,
                     struct match *match, bool near)
{
    match->groups = ARENA_ARRAY(arena, struct match_group, query->n + 1);
    match->n_groups = query->n;
    for (size_t i = 0; i < query->n; i++) {
        gather_typed(read, arena, query, &match->groups[i], &query->words[i]);
        if (near || match->groups[i].n == 0)
            gather_near(read, arena, &match->groups[i], &query->words[i]);
    }
    if (query->n == 0) {
        gather(read, arena, &match->groups[0], TERM_ANY, STR(""), false, MATCH_TYPED);
        match->n_groups = 1;
    }
    match_run(read, arena, match);
}

void query_run(const struct lmdb_read *read, struct arena *arena, struct query *query,
               struct match *match)
{
    bool more = false;
    struct match_group *without = ARENA_ARRAY(arena, struct match_group, query->n_without);
    for (size_t i = 0; i < query->n_without; i++)
        gather_words(read, arena, query, &without[i], query->without[i], MATCH_TYPED);
    match->without = without;
    match->n_without = query->n_without;
    run_with(read, arena, query, match, false);
    for (size_t i = 0; i < query->n; i++)
        more |= !query->words[i].corrected;
    if (match->total == 0 && more && query->n && !match->seen)
        run_with(read, arena, query, match, true);
}
