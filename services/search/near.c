#include "services/search/near.h"

/* One edit from 4 letters on, two from 8. */
#define ONE_FROM 4
#define TWO_FROM 8

static uint32_t next_char(struct str text, size_t *at)
{
    const unsigned char *c = (const unsigned char *)text.ptr + *at;
    int more = c[0] < 0x80 ? 0 : c[0] < 0xe0 ? 1 : c[0] < 0xf0 ? 2 : 3;
    uint32_t value = more == 0 ? c[0] : c[0] & (0x3fu >> more);
    for (int i = 1; i <= more && *at + (size_t)i < text.len; i++)
        value = value << 6 | (c[i] & 0x3f);
    *at += 1 + (size_t)more;
    return value;
}

struct letters letters_of(struct str word)
{
    struct letters letters = { .n = 0 };
    for (size_t at = 0; at < word.len && letters.n < WORD_MOST_CHARS;) {
        uint32_t c = next_char(word, &at);
        letters.c[letters.n++] = c;
        letters.mask |= 1u << (c % 32);
    }
    return letters;
}

int edits_allowed(size_t chars)
{
    return chars < ONE_FROM ? 0 : chars < TWO_FROM ? 1 : 2;
}

bool may_be_near(uint32_t a_mask, uint32_t b_mask, int edits, bool prefix)
{
    return __builtin_popcount(a_mask & ~b_mask) <= edits &&
           (prefix || __builtin_popcount(b_mask & ~a_mask) <= edits);
}

int distance(const struct letters *a, const struct letters *b, int edits, bool prefix)
{
    uint8_t rows[3][WORD_MOST_CHARS + 1];
    size_t width =
        MIN(b->n, a->n + (size_t)edits); /* what is beyond is too far, or need not be looked at */
    int nearest = 0;
    if (a->n > b->n + (size_t)edits || (!prefix && b->n > width))
        return edits + 1;
    for (size_t k = 0; k <= width; k++)
        rows[0][k] = (uint8_t)k;
    for (size_t i = 1; i <= a->n; i++) {
        uint8_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        row[0] = (uint8_t)i;
        nearest = row[0];
        for (size_t k = 1; k <= width; k++) {
            bool same = a->c[i - 1] == b->c[k - 1];
            int best = MIN(above[k] + 1, row[k - 1] + 1);
            best = MIN(best, above[k - 1] + !same);
            if (i > 1 && k > 1 && a->c[i - 1] == b->c[k - 2] && a->c[i - 2] == b->c[k - 1])
                best = MIN(best, before[k - 2] + 1);
            row[k] = (uint8_t)best;
            nearest = MIN(nearest, best);
        }
        if (nearest > edits)
            return edits + 1;
    }
    return MIN(prefix ? nearest : rows[a->n % 3][width], edits + 1);
}
