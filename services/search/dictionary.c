#include "services/search/dictionary.h"

#include "services/search/near.h"
#include "services/search/tables.h"

/* SPELLING: to look through all words of a length in a row, faster than through WORDS. A block holds, for each word, its
 * mask (4 bytes), its length in bytes, and it. */
#define BLOCK_BYTES 3900 /* with its key it fills a page of LMDB */
#define HEAD_BYTES 5
#define KEY_BYTES 5

/* ---- counting ---- */

static int64_t count_of(struct str record)
{
    int64_t count = 0;
    if (record.len == sizeof count)
        memcpy(&count, record.ptr, sizeof count);
    return count;
}

static struct str spelling_key(char key[KEY_BYTES], size_t chars, uint32_t block)
{
    key[0] = (char)chars;
    for (int i = 0; i < 4; i++)
        key[1 + i] = (char)(block >> (24 - 8 * i));
    return (struct str){ key, KEY_BYTES };
}

static bool spelling_add(struct ctx *ctx, struct lmdb *db, struct str word)
{
    struct letters letters = letters_of(word);
    char key[KEY_BYTES], last[] = { 's', (char)letters.n };
    struct str counter = { last, sizeof last };
    int64_t block = count_of(lmdb_get_for_update(ctx, db, TABLE_META, counter));
    struct str before =
        lmdb_get_for_update(ctx, db, TABLE_SPELLING, spelling_key(key, letters.n, (uint32_t)block));
    if (before.len + HEAD_BYTES + word.len > BLOCK_BYTES) {
        block++;
        before.len = 0;
    }
    if (ctx_failed(ctx) ||
        !lmdb_put(ctx, db, TABLE_META, counter, (struct str){ (const char *)&block, sizeof block }))
        return false;
    size_t bytes = before.len + HEAD_BYTES + word.len;
    char *after = arena_alloc_raw(ctx->arena, bytes);
    if (before.len)
        memcpy(after, before.ptr, before.len);
    memcpy(after + before.len, &letters.mask, sizeof letters.mask);
    after[before.len + 4] = (char)word.len;
    memcpy(after + before.len + HEAD_BYTES, word.ptr, word.len);
    return lmdb_put(ctx, db, TABLE_SPELLING, spelling_key(key, letters.n, (uint32_t)block),
                    (struct str){ after, bytes });
}

bool dictionary_count(struct ctx *ctx, struct lmdb *db, struct str word, int delta)
{
    struct str record = lmdb_get_for_update(ctx, db, TABLE_WORDS, word);
    int64_t count = count_of(record) + delta;
    if (ctx_failed(ctx) || (!record.ptr && !spelling_add(ctx, db, word)))
        return false;
    return lmdb_put(ctx, db, TABLE_WORDS, word, (struct str){ (const char *)&count, sizeof count });
}

int64_t dictionary_documents(const struct lmdb_read *read, struct str word)
{
    return count_of(lmdb_get(read, TABLE_WORDS, word));
}

/* ---- the best of many ---- */

struct best {
    struct near_word *words;
    size_t n, most;
};

static bool is_better(const struct near_word *a, const struct near_word *b)
{
    if (a->edits != b->edits)
        return a->edits < b->edits;
    if (a->goes_on != b->goes_on)
        return b->goes_on;
    return a->documents > b->documents;
}

static void best_add(struct best *best, struct near_word word)
{
    size_t at = best->n;
    if (word.documents <= 0)
        return;
    if (at == best->most) {
        if (at == 0 || !is_better(&word, &best->words[at - 1]))
            return;
        at--;
    } else {
        best->n++;
    }
    for (; at > 0 && is_better(&word, &best->words[at - 1]); at--)
        best->words[at] = best->words[at - 1];
    best->words[at] = word;
}

/* ---- near ones ---- */

struct looking {
    const struct lmdb_read *read;
    struct letters letters;
    struct str word;
    int edits;
    bool prefix;
    size_t most_chars; /* of words that may be near */
    struct best best;
};

static void look_at(struct looking *looking, struct str word)
{
    struct letters letters = letters_of(word);
    int edits = distance(&looking->letters, &letters, looking->edits, looking->prefix);
    if (edits > looking->edits || str_eq(word, looking->word))
        return;
    bool goes_on = looking->prefix && distance(&looking->letters, &letters, edits, false) > edits;
    best_add(&looking->best,
             (struct near_word){ word, edits, goes_on, dictionary_documents(looking->read, word) });
}

static bool look_through(struct str key, struct str block, void *argument)
{
    struct looking *looking = argument;
    if ((size_t)key.ptr[0] > looking->most_chars)
        return false;
    for (size_t at = 0; at + HEAD_BYTES <= block.len;) {
        uint32_t mask;
        memcpy(&mask, block.ptr + at, sizeof mask);
        size_t bytes = (unsigned char)block.ptr[at + 4];
        if (at + HEAD_BYTES + bytes > block.len)
            break;
        if (may_be_near(looking->letters.mask, mask, looking->edits, looking->prefix))
            look_at(looking, (struct str){ block.ptr + at + HEAD_BYTES, bytes });
        at += HEAD_BYTES + bytes;
    }
    return true;
}

size_t dictionary_near(const struct lmdb_read *read, struct str word, bool prefix,
                       struct near_word *out, size_t most)
{
    struct looking looking = { .read = read,
                               .letters = letters_of(word),
                               .word = word,
                               .prefix = prefix,
                               .best = { out, 0, most } };
    looking.edits = edits_allowed(looking.letters.n);
    looking.most_chars = prefix ? WORD_MOST_CHARS : looking.letters.n + (size_t)looking.edits;
    if (looking.edits == 0)
        return 0;
    char key[KEY_BYTES];
    size_t least = looking.letters.n - (size_t)looking.edits;
    lmdb_scan(read, TABLE_SPELLING, spelling_key(key, least, 0), look_through, &looking);
    return looking.best.n;
}

/* ---- completions ---- */

struct completing {
    struct str prefix;
    struct best best;
};

static bool complete(struct str word, struct str record, void *argument)
{
    struct completing *completing = argument;
    if (!str_starts(word, completing->prefix))
        return false;
    best_add(&completing->best, (struct near_word){ .word = word, .documents = count_of(record) });
    return true;
}

size_t dictionary_completions(const struct lmdb_read *read, struct str prefix,
                              struct near_word *out, size_t most)
{
    struct completing completing = { prefix, { out, 0, most } };
    lmdb_scan(read, TABLE_WORDS, prefix, complete, &completing);
    return completing.best.n;
}
