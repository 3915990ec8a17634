#include "services/search/postings.h"

/* Sparse: the documents (two bytes each), then their values: 3 bytes a document. Dense: CHUNK_DOCS values. A length that
 * is no multiple of 3 tells them apart. */
#define SPARSE_BYTES 3
#define SPARSE_MOST (CHUNK_DOCS / SPARSE_BYTES)

_Static_assert(CHUNK_DOCS % SPARSE_BYTES != 0, "dense and sparse are told apart by their length");

static bool is_dense(struct str postings)
{
    return postings.len == CHUNK_DOCS;
}

static size_t sparse_count(struct str postings)
{
    return postings.len / SPARSE_BYTES;
}

static struct posting sparse_at(struct str postings, size_t n, size_t i)
{
    struct posting posting;
    memcpy(&posting.doc, postings.ptr + 2 * i, sizeof posting.doc);
    posting.value = (uint8_t)postings.ptr[2 * n + i];
    return posting;
}

static struct str sparse_make(struct arena *arena, const struct posting *postings, size_t n)
{
    char *out = arena_alloc_raw(arena, n * SPARSE_BYTES + 1);
    for (size_t i = 0; i < n; i++) {
        memcpy(out + 2 * i, &postings[i].doc, sizeof postings[i].doc);
        out[2 * n + i] = (char)postings[i].value;
    }
    return (struct str){ out, n * SPARSE_BYTES };
}

static struct str dense_make(struct arena *arena, const struct posting *postings, size_t n)
{
    char *out = arena_alloc(arena, CHUNK_DOCS);
    for (size_t i = 0; i < n; i++)
        out[postings[i].doc] = (char)postings[i].value;
    return (struct str){ out, CHUNK_DOCS };
}

static struct str change_sparse(struct arena *arena, struct str before,
                                const struct posting *changes, size_t n_changes, int *delta)
{
    size_t n_before = sparse_count(before), n = 0, i = 0, k = 0;
    struct posting *merged =
        arena_alloc_raw(arena, (n_before + n_changes + 1) * sizeof(struct posting));
    while (i < n_before || k < n_changes) {
        struct posting old = { 0 };
        if (i < n_before)
            old = sparse_at(before, n_before, i);
        if (k == n_changes || (i < n_before && old.doc < changes[k].doc)) {
            merged[n++] = old;
            i++;
            continue;
        }
        i += i < n_before && old.doc == changes[k].doc;
        if (changes[k].value)
            merged[n++] = changes[k];
        k++;
    }
    *delta = (int)n - (int)n_before;
    return n > SPARSE_MOST ? dense_make(arena, merged, n) : sparse_make(arena, merged, n);
}

static struct str change_dense(struct arena *arena, struct str before,
                               const struct posting *changes, size_t n_changes, int *delta)
{
    uint8_t *values = arena_copy(arena, before.ptr, CHUNK_DOCS);
    for (size_t k = 0; k < n_changes; k++)
        values[changes[k].doc] = changes[k].value;
    struct str after = { (char *)values, CHUNK_DOCS };
    size_t n = postings_count(after);
    *delta = (int)n - (int)postings_count(before);
    if (n > SPARSE_MOST)
        return after;
    struct posting *left = ARENA_ARRAY(arena, struct posting, n + 1);
    for (size_t doc = 0, i = 0; doc < CHUNK_DOCS; doc++)
        if (values[doc])
            left[i++] = (struct posting){ (uint16_t)doc, values[doc] };
    return sparse_make(arena, left, n);
}

struct str postings_change(struct arena *arena, struct str postings, const struct posting *changes,
                           size_t n, int *delta)
{
    return (is_dense(postings) ? change_dense : change_sparse)(arena, postings, changes, n, delta);
}

size_t postings_count(struct str postings)
{
    if (!is_dense(postings))
        return sparse_count(postings);
    size_t n = 0;
    for (size_t doc = 0; doc < CHUNK_DOCS; doc++)
        n += postings.ptr[doc] != 0;
    return n;
}

void postings_best(struct str postings, const uint16_t scores[256], uint16_t best[CHUNK_DOCS])
{
    const uint8_t *values = (const uint8_t *)postings.ptr;
    if (is_dense(postings)) {
        for (size_t doc = 0; doc < CHUNK_DOCS; doc++) {
            uint16_t score = scores[values[doc]];
            best[doc] = MAX(best[doc], score);
        }
        return;
    }
    size_t n = sparse_count(postings);
    for (size_t i = 0; i < n; i++) {
        struct posting posting = sparse_at(postings, n, i);
        uint16_t score = scores[posting.value];
        uint16_t *at = &best[posting.doc % CHUNK_DOCS];
        *at = MAX(*at, score);
    }
}

void postings_values(struct str postings, uint8_t values[CHUNK_DOCS])
{
    if (is_dense(postings)) {
        memcpy(values, postings.ptr, CHUNK_DOCS);
        return;
    }
    size_t n = sparse_count(postings);
    memset(values, 0, CHUNK_DOCS);
    for (size_t i = 0; i < n; i++) {
        struct posting posting = sparse_at(postings, n, i);
        values[posting.doc % CHUNK_DOCS] = posting.value;
    }
}
