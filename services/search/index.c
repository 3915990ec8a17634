#include "services/search/index.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "services/search/analysis.h"
#include "services/search/changes.h"
#include "services/search/popularity.h"
#include "services/search/sequence.h"
#include "services/search/tables.h"

static const char *const tables[] = {
#define X(name, text) [TABLE_##name] = text,
    TABLES(X)
#undef X
};

struct search_index {
    struct lmdb *db;
    struct changes *changes; /* the consumer's thread only */
};

/* What IDS holds of an id. */
struct known {
    int64_t stamp;
    uint32_t number;
    uint32_t shown;
};

void *index_open(struct ctx *ctx, const char *folder)
{
    struct search_index *index = mem_alloc(sizeof *index);
    index->changes = changes_new();
    index->db = lmdb_open(ctx, folder, tables, COUNT(tables), 0);
    if (index->db)
        return index;
    index_close(index);
    return NULL;
}

void index_close(void *argument)
{
    struct search_index *index = argument;
    if (!index)
        return;
    lmdb_close(index->db);
    changes_free(index->changes);
    free(index);
}

/* ---- keys and records ---- */

struct str postings_key(struct arena *arena, struct str term, uint32_t chunk)
{
    char *key = arena_alloc_raw(arena, POSTINGS_TERM_AT + term.len);
    for (int i = 0; i < POSTINGS_TERM_AT; i++)
        key[i] = (char)(chunk >> (24 - 8 * i));
    memcpy(key + POSTINGS_TERM_AT, term.ptr, term.len);
    return (struct str){ key, POSTINGS_TERM_AT + term.len };
}

static struct str with_source(struct arena *arena, char source, struct str id)
{
    return arena_printf(arena, "%c" STR_FMT, source, STR_ARG(id));
}

/* LMDB's keys are short; pages whose slugs differ only after so much share their popularity. */
#define SLUG_BYTES 400

static struct str slug_key(struct str slug)
{
    return (struct str){ slug.ptr, MIN(slug.len, SLUG_BYTES) };
}

static struct str number_key(char key[4], uint32_t number)
{
    for (int i = 0; i < 4; i++)
        key[i] = (char)(number >> (24 - 8 * i));
    return (struct str){ key, 4 };
}

static bool known_read(struct str record, struct known *out)
{
    if (record.len != sizeof *out)
        return false;
    memcpy(out, record.ptr, sizeof *out);
    return true;
}

static struct str bytes_of(const void *value, size_t bytes)
{
    return (struct str){ value, bytes };
}

/* ---- reading ---- */

bool index_read_begin(struct ctx *ctx, struct search_index *index, struct lmdb_read *read)
{
    return lmdb_read_begin(ctx, index->db, read);
}

static uint32_t numbers_of(struct str record)
{
    uint32_t n = 0;
    if (record.len == sizeof n)
        memcpy(&n, record.ptr, sizeof n);
    return n;
}

uint32_t index_numbers(const struct lmdb_read *read)
{
    return numbers_of(lmdb_get(read, TABLE_META, STR("n")));
}

static bool document_of(struct ctx *ctx, struct str record, struct document *out)
{
    const struct json *json = record.ptr ? json_parse(ctx, record) : NULL;
    return json && document_read(ctx, json, out);
}

bool index_document(struct ctx *ctx, const struct lmdb_read *read, uint32_t number,
                    struct document *out)
{
    char key[4];
    return document_of(ctx, lmdb_get(read, TABLE_DOCUMENTS, number_key(key, number)), out);
}

bool index_find(const struct lmdb_read *read, struct arena *arena, struct str id, uint32_t *number)
{
    static const char sources[] = { INDEX_PRODUCT, INDEX_ENTRY };
    struct known known;
    for (size_t i = 0; i < sizeof sources; i++)
        if (known_read(lmdb_get(read, TABLE_IDS, with_source(arena, sources[i], id)), &known) &&
            known.shown) {
            *number = known.number;
            return true;
        }
    return false;
}

static struct str sequence_of(struct arena *arena, const struct document *document)
{
    const struct sequence_text texts[] = { { FIELD_OF_TITLE, document->title },
                                           { FIELD_OF_KEYWORDS, document->category },
                                           { FIELD_OF_KEYWORDS, document->subcategory },
                                           { FIELD_OF_KEYWORDS, document->slug },
                                           { FIELD_OF_TEXT, document->text } };
    return sequence_make(arena, texts, COUNT(texts));
}

static uint32_t crc_of(struct str record)
{
    return hash_crc32c(0, record.ptr, record.len);
}

struct str index_sequence(const struct lmdb_read *read, struct arena *arena, uint32_t number)
{
    char key[4];
    struct ctx ctx = { .arena = arena };
    struct document document;
    struct str json = lmdb_get(read, TABLE_DOCUMENTS, number_key(key, number)),
               kept = lmdb_get(read, TABLE_SEQUENCES, number_key(key, number));
    uint32_t crc;
    if (kept.len >= sizeof crc) {
        memcpy(&crc, kept.ptr, sizeof crc);
        if (crc == crc_of(json))
            return (struct str){ kept.ptr + sizeof crc, kept.len - sizeof crc };
    }
    return document_of(&ctx, json, &document) ? sequence_of(arena, &document) : STR("");
}

/* ---- documents ---- */

static struct term *terms_of(struct arena *arena, const struct document *document, size_t *n)
{
    struct str fields[N_ANALYSIS_FIELDS] = {
        [FIELD_OF_TITLE] = document->title,
        [FIELD_OF_KEYWORDS] = arena_printf(arena, STR_FMT " " STR_FMT " " STR_FMT,
                                           STR_ARG(document->category),
                                           STR_ARG(document->subcategory), STR_ARG(document->slug)),
        [FIELD_OF_TEXT] = document->text,
    };
    return analyse(arena, fields, n);
}

/* Both are sorted: notes what differs. */
static void note_terms(struct changes *changes, uint32_t number, const struct term *old,
                       size_t n_old, const struct term *new, size_t n_new)
{
    size_t i = 0, k = 0;
    while (i < n_old || k < n_new) {
        int order = i == n_old ? 1 : k == n_new ? -1 : str_cmp(old[i].key, new[k].key);
        if (order < 0)
            changes_posting(changes, old[i].key, number, 0);
        else if (order > 0 || old[i].value != new[k].value)
            changes_posting(changes, new[k].key, number, new[k].value);
        i += order <= 0;
        k += order >= 0;
    }
}

static double views_of(struct ctx *ctx, struct search_index *index, struct str key)
{
    struct str record = lmdb_get_for_update(ctx, index->db, TABLE_VIEWS, key);
    double sum = 0;
    if (record.len == sizeof sum)
        memcpy(&sum, record.ptr, sizeof sum);
    return sum;
}

static struct str views_key(struct arena *arena, enum index_source source, struct str id,
                            struct str slug)
{
    return source == INDEX_PRODUCT ? with_source(arena, 'p', id)
                                   : with_source(arena, 's', slug_key(slug));
}

static bool note_columns(struct ctx *ctx, struct search_index *index, uint32_t number,
                         enum index_source source, const struct document *document)
{
    const struct str facets[] = { [COLUMN_TYPE] = document->type,
                                  [COLUMN_CATEGORY] = document->category,
                                  [COLUMN_SUBCATEGORY] = document->subcategory,
                                  [COLUMN_LOCALE] = document->locale };
    for (size_t i = 0; i < COUNT(facets); i++) {
        uint32_t ordinal;
        if (!facet_ordinal_make(ctx, index->db, (enum column)i, facets[i], &ordinal))
            return false;
        changes_column(index->changes, (enum column)i, number, ordinal);
    }
    int64_t price = document->price ? MAX(document->price->amount, 0) + 1 : 0;
    struct str views = views_key(ctx->arena, source, document->document_id, document->slug);
    changes_column(index->changes, COLUMN_PRICE, number, (uint32_t)MIN(price, (int64_t)UINT32_MAX));
    changes_column(index->changes, COLUMN_DAY, number,
                   (uint32_t)MAX(document->updated_at / US_PER_DAY, 0));
    changes_column(index->changes, COLUMN_POPULARITY, number,
                   popularity_level(views_of(ctx, index, views)));
    return !ctx_failed(ctx);
}

/* The numbers under a slug, with (or, not `there`, without) this one. */
static bool slug_change(struct ctx *ctx, struct search_index *index, struct str slug,
                        uint32_t number, bool there)
{
    if (slug.len == 0)
        return true;
    struct str record = lmdb_get_for_update(ctx, index->db, TABLE_SLUGS, slug_key(slug));
    if (ctx_failed(ctx))
        return false;
    size_t n = record.len / sizeof number, kept = 0;
    uint32_t *numbers = ARENA_ARRAY(ctx->arena, uint32_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        memcpy(&numbers[kept], record.ptr + i * sizeof number, sizeof number);
        kept += numbers[kept] != number;
    }
    if (there)
        numbers[kept++] = number;
    return kept ? lmdb_put(ctx, index->db, TABLE_SLUGS, slug_key(slug),
                           bytes_of(numbers, kept * sizeof number))
                : lmdb_delete(ctx, index->db, TABLE_SLUGS, slug_key(slug));
}

static bool number_new(struct ctx *ctx, struct search_index *index, uint32_t *out)
{
    *out = numbers_of(lmdb_get_for_update(ctx, index->db, TABLE_META, STR("n")));
    uint32_t next = *out + 1;
    return !ctx_failed(ctx) &&
           lmdb_put(ctx, index->db, TABLE_META, STR("n"), bytes_of(&next, sizeof next));
}

static bool document_put(struct ctx *ctx, struct search_index *index, uint32_t number,
                         const struct document *document)
{
    char key[4];
    struct str json = document_encode(ctx, document), sequence = sequence_of(ctx->arena, document);
    uint32_t crc = crc_of(json);
    char *record = arena_alloc_raw(ctx->arena, sizeof crc + sequence.len);
    memcpy(record, &crc, sizeof crc);
    memcpy(record + sizeof crc, sequence.ptr, sequence.len);
    return lmdb_put(ctx, index->db, TABLE_DOCUMENTS, number_key(key, number), json) &&
           lmdb_put(ctx, index->db, TABLE_SEQUENCES, number_key(key, number),
                    (struct str){ record, sizeof crc + sequence.len });
}

static bool document_delete(struct ctx *ctx, struct search_index *index, uint32_t number)
{
    char key[4];
    return lmdb_delete(ctx, index->db, TABLE_DOCUMENTS, number_key(key, number)) &&
           lmdb_delete(ctx, index->db, TABLE_SEQUENCES, number_key(key, number));
}

/* Puts the new document (NULL: none) in the place of the old one (NULL: none). */
static bool replace(struct ctx *ctx, struct search_index *index, enum index_source source,
                    uint32_t number, const struct document *old, const struct document *new)
{
    size_t n_old = 0, n_new = 0;
    struct term *old_terms = old ? terms_of(ctx->arena, old, &n_old) : NULL;
    struct term *new_terms = new ? terms_of(ctx->arena, new, &n_new) : NULL;
    note_terms(index->changes, number, old_terms, n_old, new_terms, n_new);
    if (source == INDEX_ENTRY && ((old && !slug_change(ctx, index, old->slug, number, false)) ||
                                  (new && !slug_change(ctx, index, new->slug, number, true))))
        return false;
    return new ? note_columns(ctx, index, number, source, new) &&
                     document_put(ctx, index, number, new)
               : document_delete(ctx, index, number);
}

bool index_put(struct ctx *ctx, struct search_index *index, enum index_source source, struct str id,
               int64_t stamp, const struct document *document)
{
    char key[4];
    struct str id_key = with_source(ctx->arena, (char)source, id);
    struct known known = { 0 };
    struct document old;
    bool heard = known_read(lmdb_get_for_update(ctx, index->db, TABLE_IDS, id_key), &known);
    if (ctx_failed(ctx) || (heard && stamp < known.stamp))
        return !ctx_failed(ctx);
    if (!heard && !number_new(ctx, index, &known.number))
        return false;
    if (known.shown && !document_of(ctx,
                                    lmdb_get_for_update(ctx, index->db, TABLE_DOCUMENTS,
                                                        number_key(key, known.number)),
                                    &old))
        return ctx_fail(ctx, ERR_INTERNAL, "reading what is indexed of " STR_FMT, STR_ARG(id));
    bool shown = known.shown;
    known = (struct known){ stamp, known.number, document != NULL };
    return ((!shown && !document) ||
            replace(ctx, index, source, known.number, shown ? &old : NULL, document)) &&
           lmdb_put(ctx, index->db, TABLE_IDS, id_key, bytes_of(&known, sizeof known));
}

/* ---- popularity ---- */

static bool views_add(struct ctx *ctx, struct search_index *index, struct str key, double weight,
                      int64_t at_us, uint32_t *level)
{
    double sum = views_of(ctx, index, key) + popularity_of(weight, at_us);
    *level = popularity_level(sum);
    return !ctx_failed(ctx) &&
           lmdb_put(ctx, index->db, TABLE_VIEWS, key, bytes_of(&sum, sizeof sum));
}

bool index_product_popular(struct ctx *ctx, struct search_index *index, struct str product_id,
                           double weight, int64_t at_us)
{
    struct str key = with_source(ctx->arena, INDEX_PRODUCT, product_id);
    struct known known;
    uint32_t level;
    if (!views_add(ctx, index, key, weight, at_us, &level))
        return false;
    if (known_read(lmdb_get_for_update(ctx, index->db, TABLE_IDS, key), &known))
        changes_column(index->changes, COLUMN_POPULARITY, known.number, level);
    return !ctx_failed(ctx);
}

bool index_slug_popular(struct ctx *ctx, struct search_index *index, struct str slug, double weight,
                        int64_t at_us)
{
    uint32_t level;
    if (!views_add(ctx, index, with_source(ctx->arena, 's', slug_key(slug)), weight, at_us, &level))
        return false;
    struct str record = lmdb_get_for_update(ctx, index->db, TABLE_SLUGS, slug_key(slug));
    for (size_t i = 0; i + sizeof(uint32_t) <= record.len; i += sizeof(uint32_t)) {
        uint32_t number;
        memcpy(&number, record.ptr + i, sizeof number);
        changes_column(index->changes, COLUMN_POPULARITY, number, level);
    }
    return !ctx_failed(ctx);
}

/* ---- the consumer's store: LMDB's, with the changes written before the commit ---- */

static bool store_begin(struct ctx *ctx, void *store)
{
    struct search_index *index = store;
    changes_forget(index->changes);
    return lmdb_event_store.begin(ctx, index->db);
}

static bool store_position(struct ctx *ctx, void *store, struct str log, struct str topic,
                           int partition, int64_t *next)
{
    return lmdb_event_store.position(ctx, ((struct search_index *)store)->db, log, topic, partition,
                                     next);
}

static bool store_move(struct ctx *ctx, void *store, struct str log, struct str topic,
                       int partition, int64_t was, int64_t next)
{
    return lmdb_event_store.move(ctx, ((struct search_index *)store)->db, log, topic, partition,
                                 was, next);
}

static bool store_commit(struct ctx *ctx, void *store)
{
    struct search_index *index = store;
    if (changes_write(ctx, index->changes, index->db))
        return lmdb_event_store.commit(ctx, index->db);
    lmdb_event_store.undo(ctx, index->db);
    return false;
}

static void store_undo(struct ctx *ctx, void *store)
{
    struct search_index *index = store;
    changes_forget(index->changes);
    lmdb_event_store.undo(ctx, index->db);
}

static bool store_seen(struct ctx *ctx, void *store, struct str id, bool *already)
{
    return lmdb_event_store.seen(ctx, ((struct search_index *)store)->db, id, already);
}

static bool store_sync(struct ctx *ctx, void *store)
{
    return lmdb_event_store.sync(ctx, ((struct search_index *)store)->db);
}

const struct event_store index_event_store = {
    .begin = store_begin,
    .position = store_position,
    .move = store_move,
    .commit = store_commit,
    .undo = store_undo,
    .seen = store_seen,
    .sync = store_sync,
};
