#include "services/search/columns.h"

#include "services/search/tables.h"

const struct column_info columns[N_COLUMNS] = {
#define X(name, text, facet) [COLUMN_##name] = { text, facet },
    COLUMN_TABLE(X)
#undef X
};

/* ---- facets ---- */

static struct str value_key(struct arena *arena, enum column column, struct str value)
{
    return arena_printf(arena, "o%c" STR_FMT, 'A' + (int)column, STR_ARG(value));
}

static struct str ordinal_key(struct arena *arena, enum column column, uint32_t ordinal)
{
    return arena_printf(arena, "v%c%05u", 'A' + (int)column, ordinal);
}

static struct str count_key(struct arena *arena, enum column column)
{
    return arena_printf(arena, "n%c", 'A' + (int)column);
}

static uint32_t number_of(struct str record)
{
    uint32_t number = 0;
    if (record.len == sizeof number)
        memcpy(&number, record.ptr, sizeof number);
    return number;
}

static struct str number_text(const uint32_t *number)
{
    return (struct str){ (const char *)number, sizeof *number };
}

uint32_t facet_ordinal(const struct lmdb_read *read, struct arena *arena, enum column column,
                       struct str value)
{
    return number_of(lmdb_get(read, TABLE_FACETS, value_key(arena, column, value)));
}

struct str facet_value(const struct lmdb_read *read, struct arena *arena, enum column column,
                       uint32_t ordinal)
{
    return arena_str(arena, lmdb_get(read, TABLE_FACETS, ordinal_key(arena, column, ordinal)));
}

uint32_t facet_count(const struct lmdb_read *read, struct arena *arena, enum column column)
{
    return number_of(lmdb_get(read, TABLE_FACETS, count_key(arena, column)));
}

bool facet_ordinal_make(struct ctx *ctx, struct lmdb *db, enum column column, struct str value,
                        uint32_t *out)
{
    struct str key = value_key(ctx->arena, column, value), count = count_key(ctx->arena, column);
    *out = 0;
    if (value.len == 0)
        return true;
    *out = number_of(lmdb_get_for_update(ctx, db, TABLE_FACETS, key));
    if (*out || ctx_failed(ctx))
        return !ctx_failed(ctx);
    uint32_t next = number_of(lmdb_get_for_update(ctx, db, TABLE_FACETS, count)) + 1;
    if (ctx_failed(ctx) || next > FACET_MOST)
        return !ctx_failed(ctx);
    *out = next;
    return lmdb_put(ctx, db, TABLE_FACETS, key, number_text(&next)) &&
           lmdb_put(ctx, db, TABLE_FACETS, count, number_text(&next)) &&
           lmdb_put(ctx, db, TABLE_FACETS, ordinal_key(ctx->arena, column, next), value);
}

/* ---- columns ---- */

#define KEY_BYTES 5

static struct str part_key(char key[KEY_BYTES], enum column column, uint32_t chunk)
{
    key[0] = (char)('A' + column);
    for (int i = 0; i < 4; i++)
        key[1 + i] = (char)(chunk >> (24 - 8 * i));
    return (struct str){ key, KEY_BYTES };
}

struct column_part column_part(const struct lmdb_read *read, enum column column, uint32_t chunk)
{
    char key[KEY_BYTES];
    struct str bytes = lmdb_get(read, TABLE_COLUMNS, part_key(key, column, chunk));
    return (struct column_part){ bytes.ptr, bytes.len / sizeof(uint32_t) };
}

bool column_write(struct ctx *ctx, struct lmdb *db, enum column column, uint32_t chunk,
                  const struct column_change *changes, size_t n)
{
    char key[KEY_BYTES];
    struct str at = part_key(key, column, chunk),
               before = lmdb_get_for_update(ctx, db, TABLE_COLUMNS, at);
    size_t bytes = before.len;
    if (ctx_failed(ctx))
        return false;
    for (size_t i = 0; i < n; i++)
        bytes = MAX(bytes, (changes[i].doc + 1u) * sizeof(uint32_t));
    char *after = arena_alloc(ctx->arena, bytes);
    if (before.len)
        memcpy(after, before.ptr, before.len);
    for (size_t i = 0; i < n; i++)
        memcpy(after + changes[i].doc * sizeof(uint32_t), &changes[i].value, sizeof(uint32_t));
    return lmdb_put(ctx, db, TABLE_COLUMNS, at, (struct str){ after, bytes });
}
