/* Postings against a plain row of values, through both shapes; distances against a plain table. */
#include <stdlib.h>

#include "base/tests/check.h"
#include "services/search/near.h"
#include "services/search/postings.h"

static uint16_t scores[256];

static void check_same(struct str postings, const uint8_t *values)
{
    uint16_t best[CHUNK_DOCS] = { 0 };
    uint8_t read[CHUNK_DOCS];
    size_t n = 0, wrong = 0;
    postings_best(postings, scores, best);
    postings_values(postings, read);
    CHECK(memcmp(read, values, sizeof read) == 0);
    for (size_t doc = 0; doc < CHUNK_DOCS; doc++) {
        n += values[doc] != 0;
        wrong += best[doc] != scores[values[doc]];
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(postings_count(postings), n);
}

/* Grows to many and shrinks to none again: through few, many, few. */
static void test_postings(struct arena *arena)
{
    uint8_t values[CHUNK_DOCS] = { 0 };
    struct str postings = STR("");
    bool many = false;
    srand(7);
    for (int round = 0; round < 120; round++) {
        struct posting changes[CHUNK_DOCS];
        size_t n = 0;
        int delta, wanted = 0, one_in = round < 60 ? 40 : 8;
        for (size_t doc = 0; doc < CHUNK_DOCS; doc++) {
            if (rand() % one_in)
                continue;
            uint8_t value = round < 60 ? (uint8_t)(rand() % 256) : 0;
            changes[n++] = (struct posting){ (uint16_t)doc, value };
            wanted += (value != 0) - (values[doc] != 0);
            values[doc] = value;
        }
        postings = postings_change(arena, postings, changes, n, &delta);
        CHECK_INT(delta, wanted);
        check_same(postings, values);
        many |= postings.len == CHUNK_DOCS;
    }
    CHECK(many);
    CHECK(postings_count(postings) < 10);
}

static const struct {
    const char *a, *b;
    int edits;
    bool prefix;
    int distance;
} cases[] = {
    { "chair", "chair", 1, false, 0 },
    { "chair", "chairs", 1, false, 1 },
    { "chair", "hcair", 1, false, 1 },
    { "chair", "chiar", 1, false, 1 },
    { "chair", "chaxr", 1, false, 1 },
    { "chair", "hair", 1, false, 1 },
    { "chair", "hairs", 1, false, 2 },
    { "bookcase", "bokcsae", 2, false, 2 },
    { "bookcase", "bkcsae", 2, false, 3 },
    { "chair", "chairmanship", 1, false, 2 },
    { "chair", "chairmanship", 1, true, 0 },
    { "chiar", "chairmanship", 1, true, 1 },
    { "chiar", "cha", 1, true, 2 },
    { "xhair", "chairmanship", 1, true, 1 },
    { "\u0438\u0433\u0440\u0430", "\u0438\u0433\u0440\u044b", 1, false, 1 },
    { "ab", "ba", 2, false, 1 },
    { "", "ab", 2, false, 2 },
};

static void test_distances(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct letters a = letters_of(str_of(cases[i].a)), b = letters_of(str_of(cases[i].b));
        int wanted = MIN(cases[i].distance, cases[i].edits + 1);
        CHECK_INT(distance(&a, &b, cases[i].edits, cases[i].prefix), wanted);
        CHECK(wanted > cases[i].edits ||
              may_be_near(a.mask, b.mask, cases[i].edits, cases[i].prefix));
    }
    CHECK_INT(edits_allowed(3), 0);
    CHECK_INT(edits_allowed(4), 1);
    CHECK_INT(edits_allowed(7), 1);
    CHECK_INT(edits_allowed(8), 2);
}

/* Optimal string alignment, as the books have it. */
static int plain(const struct letters *a, const struct letters *b)
{
    int d[WORD_MOST_CHARS + 1][WORD_MOST_CHARS + 1];
    for (size_t i = 0; i <= a->n; i++)
        for (size_t k = 0; k <= b->n; k++) {
            if (i == 0 || k == 0) {
                d[i][k] = (int)(i + k);
                continue;
            }
            d[i][k] = MIN(MIN(d[i - 1][k], d[i][k - 1]) + 1,
                          d[i - 1][k - 1] + (a->c[i - 1] != b->c[k - 1]));
            if (i > 1 && k > 1 && a->c[i - 1] == b->c[k - 2] && a->c[i - 2] == b->c[k - 1])
                d[i][k] = MIN(d[i][k], d[i - 2][k - 2] + 1);
        }
    return d[a->n][b->n];
}

static struct letters random_word(void)
{
    char word[13];
    size_t n = 1 + (size_t)(rand() % 12);
    for (size_t i = 0; i < n; i++)
        word[i] = (char)('a' + rand() % 3);
    return letters_of((struct str){ word, n });
}

static void test_random_distances(void)
{
    int near = 0;
    for (int i = 0; i < 20000; i++) {
        struct letters a = random_word(), b = random_word();
        int edits = 1 + rand() % 2, wanted = MIN(plain(&a, &b), edits + 1), nearest = edits + 1;
        struct letters part = b;
        for (part.n = 0; part.n <= b.n; part.n++)
            nearest = MIN(nearest, plain(&a, &part));
        if (distance(&a, &b, edits, false) != wanted || distance(&a, &b, edits, true) != nearest)
            CHECK(false);
        near += wanted <= edits;
    }
    CHECK(near > 100);
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    for (int value = 1; value < 256; value++)
        scores[value] = (uint16_t)(value * 7 + 1);
    test_postings(arena);
    test_distances();
    test_random_distances();
    return check_end();
}
