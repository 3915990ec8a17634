/* The index over documents: one projection in every instance, in LMDB. Changed by the consumer alone, read from any thread. */
#pragma once

#include "platform/lmdb/lmdb_store.h"
#include "services/search/columns.h"
#include "search_types.h"

struct search_index;

void *index_open(struct ctx *ctx, const char *folder);
void index_close(void *index); /* NULL-safe */

/* The store of the projection; its model is the struct search_index. */
extern const struct event_store index_event_store;

/* ---- in a reaction ---- */

#define INDEX_ID_BYTES 320 /* the longest id that an event may carry: 80 characters */

enum index_source { INDEX_PRODUCT = 'p', INDEX_ENTRY = 'e' }; /* ids of each are apart */

/* Shows the document in place of what was shown of this id, or (document NULL) nothing of it any more. `stamp`: of what was
 * told of one id the highest holds, whatever comes when. */
bool index_put(struct ctx *ctx, struct search_index *index, enum index_source source, struct str id,
               int64_t stamp, const struct document *document);

/* A product, or the pages under a slug, was looked at or bought; it may be shown later, or never. */
bool index_product_popular(struct ctx *ctx, struct search_index *index, struct str product_id,
                           double weight, int64_t at_us);
bool index_slug_popular(struct ctx *ctx, struct search_index *index, struct str slug, double weight,
                        int64_t at_us);

/* ---- reading, between index_read_begin and lmdb_read_end ---- */

bool index_read_begin(struct ctx *ctx, struct search_index *index, struct lmdb_read *read);

/* Numbers of documents are below this. */
uint32_t index_numbers(const struct lmdb_read *read);

/* The document of a number, or of an id of any source. False, and no error, when none is shown. */
bool index_document(struct ctx *ctx, const struct lmdb_read *read, uint32_t number,
                    struct document *out);
bool index_find(const struct lmdb_read *read, struct arena *arena, struct str id, uint32_t *number);

/* The words of a document in their order (sequence.h), in the map or the arena. */
struct str index_sequence(const struct lmdb_read *read, struct arena *arena, uint32_t number);

/* chunk, term: what comes in a row lies together, so that few pages are written for it */
struct str postings_key(struct arena *arena, struct str term, uint32_t chunk);
#define POSTINGS_TERM_AT 4 /* of a key */
