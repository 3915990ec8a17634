#include "services/personalization/columns.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

#define FIRST_SLOTS 16

/* ---- bits ---- */

/* Makes room for the chunk, which is empty memory. */
static void *chunk_of(void ***chunks, size_t *n_chunks, uint32_t row, size_t bytes)
{
    size_t at = row / ROWS_PER_CHUNK;
    if (at >= *n_chunks) {
        *chunks = mem_realloc(*chunks, (at + 1) * sizeof(void *));
        memset(*chunks + *n_chunks, 0, (at + 1 - *n_chunks) * sizeof(void *));
        *n_chunks = at + 1;
    }
    if (!(*chunks)[at])
        (*chunks)[at] = mem_alloc(bytes);
    return (*chunks)[at];
}

static void chunks_free(void **chunks, size_t n_chunks)
{
    for (size_t i = 0; i < n_chunks; i++)
        free(chunks[i]);
    free(chunks);
}

bool bits_get(const struct bits *bits, uint32_t row)
{
    size_t at = row / ROWS_PER_CHUNK;
    return at < bits->n_chunks && bits->chunks[at] &&
           bits->chunks[at][row % ROWS_PER_CHUNK / 64] >> (row % 64) & 1;
}

void bits_set(struct bits *bits, uint32_t row, bool on)
{
    if (bits_get(bits, row) == on)
        return;
    uint64_t *chunk =
        chunk_of((void ***)&bits->chunks, &bits->n_chunks, row, WORDS_PER_CHUNK * sizeof(uint64_t));
    chunk[row % ROWS_PER_CHUNK / 64] ^= (uint64_t)1 << (row % 64);
    bits->n_set += on ? 1 : -1;
}

void bits_done(struct bits *bits)
{
    chunks_free((void **)bits->chunks, bits->n_chunks);
    *bits = (struct bits){ 0 };
}

/* ---- values by number ---- */

static bool value_same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_NUMBER:
        return a->number == b->number;
    case VALUE_STRING:
        return str_eq(a->str, b->str);
    case VALUE_JSON:
        return json_equal(a->json, b->json);
    default:
        return true;
    }
}

/* Lists and objects by their size alone: they are few, and the same in another order is the same value. */
static uint32_t value_hash(const struct value *value)
{
    if (value->kind == VALUE_STRING)
        return (uint32_t)hash_fnv1a(value->str.ptr, value->str.len);
    if (value->kind == VALUE_NUMBER)
        return (uint32_t)hash_fnv1a(&value->number, sizeof value->number);
    if (value->kind == VALUE_JSON)
        return (uint32_t)json_size(value->json);
    return (uint32_t)value->kind * 2 + value->boolean;
}

static struct value value_keep(struct arena *arena, const struct value *value)
{
    struct value kept = *value;
    struct ctx ctx = { .arena = arena };
    if (value->kind == VALUE_STRING)
        kept.str = arena_str(arena, value->str);
    if (value->kind == VALUE_JSON)
        kept.json = json_parse(&ctx, json_text(arena, value->json));
    return kept;
}

static void slots_double(struct column *column)
{
    uint32_t n = column->n_slots ? 2 * column->n_slots : FIRST_SLOTS;
    free(column->slots);
    column->slots = mem_alloc(n * sizeof(uint32_t));
    column->n_slots = n;
    column->values = mem_realloc(column->values, n / 2 * sizeof(struct value));
    for (uint32_t code = 1; code < column->n_values; code++) {
        uint32_t at = value_hash(&column->values[code]) % n;
        while (column->slots[at])
            at = (at + 1) % n;
        column->slots[at] = code;
    }
}

static uint32_t value_code(struct column *column, const struct value *value)
{
    if (value->kind == VALUE_NULL || value->kind == VALUE_ARRAY)
        return 0;
    uint32_t at = value_hash(value) % column->n_slots;
    for (uint32_t code; (code = column->slots[at]); at = (at + 1) % column->n_slots)
        if (value_same(&column->values[code], value))
            return code;
    if (column->n_values == column->n_slots / 2) {
        slots_double(column);
        return value_code(column, value);
    }
    column->slots[at] = column->n_values;
    column->values[column->n_values] = value_keep(column->texts, value);
    return column->n_values++;
}

/* ---- columns ---- */

struct column *column_new(struct str name, enum column_kind kind)
{
    struct column *column = mem_alloc(sizeof *column);
    column->texts = arena_new(0);
    column->name = arena_str(column->texts, name);
    column->kind = kind;
    column->used_us = clock_mono_us();
    if (kind == COLUMN_VALUE) {
        slots_double(column);
        column->values[0] = (struct value){ .kind = VALUE_NULL };
        column->n_values = 1;
    }
    return column;
}

void column_fill_begin(struct column *column)
{
    column->fresh = mem_alloc(sizeof(struct bits));
}

void column_fill_end(struct column *column)
{
    if (column->fresh)
        bits_done(column->fresh);
    free(column->fresh);
    column->fresh = NULL;
}

void column_free(struct column *column)
{
    if (!column)
        return;
    column_fill_end(column);
    chunks_free(column->chunks, column->n_chunks);
    arena_free(column->texts);
    free(column->values);
    free(column->slots);
    free(column);
}

static uint32_t number_of(const struct value *value)
{
    if (value->kind != VALUE_NUMBER)
        return NUMBER_NULL;
    return value->number < 0                  ? 0
           : value->number >= NUMBER_NULL - 1 ? NUMBER_NULL - 1
                                              : (uint32_t)value->number;
}

void column_set(struct column *column, uint32_t row, const struct value *value, bool filling)
{
    if (column->fresh) {
        if (filling && bits_get(column->fresh, row))
            return;
        if (!filling)
            bits_set(column->fresh, row, true);
    }
    bool wide = column->kind == COLUMN_AMOUNT;
    void *chunk = chunk_of(&column->chunks, &column->n_chunks, row,
                           ROWS_PER_CHUNK * (wide ? sizeof(double) : sizeof(uint32_t)));
    if (wide)
        ((double *)chunk)[row % ROWS_PER_CHUNK] = value->number;
    else
        ((uint32_t *)chunk)[row % ROWS_PER_CHUNK] =
            column->kind == COLUMN_NUMBER ? number_of(value) : value_code(column, value);
}

struct value column_get(const struct column *column, uint32_t row)
{
    size_t chunk = row / ROWS_PER_CHUNK, at = row % ROWS_PER_CHUNK;
    if (chunk >= column->n_chunks || !column->chunks[chunk])
        return (struct value){ .kind = VALUE_NULL };
    if (column->kind == COLUMN_AMOUNT)
        return (struct value){ .kind = VALUE_NUMBER, .number = column->amounts[chunk][at] };
    uint32_t number = column->numbers[chunk][at];
    if (column->kind == COLUMN_VALUE)
        return column->values[number];
    return number == NUMBER_NULL ? (struct value){ .kind = VALUE_NULL }
                                 : (struct value){ .kind = VALUE_NUMBER, .number = number };
}
