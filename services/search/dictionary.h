/* All words of the index: in how many documents, which begin like this, which are spelled almost like this. */
#pragma once

#include "platform/lmdb/lmdb_store.h"

/* In a transaction: `delta` more documents have the word. */
bool dictionary_count(struct ctx *ctx, struct lmdb *db, struct str word, int delta);

int64_t dictionary_documents(const struct lmdb_read *read, struct str word);

struct near_word {
    struct str word; /* in the map */
    int edits;
    bool goes_on; /* only its beginning is so near */
    int64_t documents;
};

/* Words that some document has and that are some edits away from this one (edits_allowed()), not the word itself; nearest
 * first, then whole words, then those of most documents. `prefix`: or that begin with what is so near. Gives how many, at most `most`. */
size_t dictionary_near(const struct lmdb_read *read, struct str word, bool prefix,
                       struct near_word *out, size_t most);

/* Words that begin like this, those of most documents first. */
size_t dictionary_completions(const struct lmdb_read *read, struct str prefix,
                              struct near_word *out, size_t most);
