#include "services/search/query.h"

#include "platform/text/words.h"
#include "services/search/analysis.h"
#include "services/search/near.h"

void query_read(struct arena *arena, struct str text, const struct snapshot *snapshot,
                struct query *out)
{
    struct words words = words_of(text);
    struct word word;
    size_t n = 0, kept = 0;
    memset(out, 0, sizeof *out);
    while (n < QUERY_WORDS && words_next(&words, &word))
        out->words[n++] = (struct query_word){ .folded = arena_str(arena, word.folded) };
    for (size_t i = 0; i < n; i++)
        kept += !snapshot_is_stop_word(snapshot, out->words[i].folded);
    for (size_t i = 0; i < n; i++) {
        struct query_word *at = &out->words[i];
        if (kept && snapshot_is_stop_word(snapshot, at->folded))
            continue;
        at->synonyms = snapshot_synonyms(snapshot, at->folded);
        at->begun = i + 1 == n;
        out->words[out->n++] = *at;
    }
}

static void gather(const struct lmdb_read *read, struct arena *arena, struct match_group *group,
                   char kind, struct str word, bool range, enum match_class class)
{
    struct str term = arena_printf(arena, "%c" STR_FMT, kind, STR_ARG(word));
    match_gather(read, arena, group, term, range, class);
}

static void gather_typed(const struct lmdb_read *read, struct arena *arena,
                         struct match_group *group, const struct query_word *word)
{
    bool short_one = str_utf8_length(word->folded) <= PREFIX_MOST;
    gather(read, arena, group, TERM_WORD, word->folded, false, MATCH_TYPED);
    for (size_t i = 0; word->synonyms && i < word->synonyms->n; i++)
        gather(read, arena, group, TERM_WORD, word->synonyms->words[i], false, MATCH_SYNONYM);
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
        gather_typed(read, arena, &match->groups[i], &query->words[i]);
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
    run_with(read, arena, query, match, false);
    for (size_t i = 0; i < query->n; i++)
        more |= !query->words[i].corrected;
    if (match->total == 0 && more && query->n && !match->seen)
        run_with(read, arena, query, match, true);
}
