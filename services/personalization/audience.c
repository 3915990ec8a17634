#include "services/personalization/audience.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

#define MOST_COLUMNS 256
#define LONGEST_COUNT_US (5 * US_PER_S)

struct members {
    char *segment_id;
    struct bits bits;
};

struct audience {
    pthread_mutex_t lock;
    const struct percentile *percentile;
    atomic_int waiting; /* who counts lets these go first, chunk by chunk */
    struct bits stands;
    struct members **segments;
    size_t n_segments;
    struct column *columns[MOST_COLUMNS];
    size_t n_columns;
    int counts; /* under way: no column is dropped */
};

struct audience *audience_new(const struct percentile *percentile)
{
    struct audience *audience = mem_alloc(sizeof *audience);
    audience->percentile = percentile;
    pthread_mutex_init(&audience->lock, NULL);
    return audience;
}

void audience_free(struct audience *audience)
{
    if (!audience)
        return;
    bits_done(&audience->stands);
    for (size_t i = 0; i < audience->n_segments; i++) {
        bits_done(&audience->segments[i]->bits);
        free(audience->segments[i]->segment_id);
        free(audience->segments[i]);
    }
    for (size_t i = 0; i < audience->n_columns; i++)
        column_free(audience->columns[i]);
    free(audience->segments);
    pthread_mutex_destroy(&audience->lock);
    free(audience);
}

static void enter(struct audience *audience)
{
    atomic_fetch_add(&audience->waiting, 1);
    pthread_mutex_lock(&audience->lock);
    atomic_fetch_sub(&audience->waiting, 1);
}

static void leave(struct audience *audience)
{
    pthread_mutex_unlock(&audience->lock);
}

/* Of who works long: a mutex goes to whoever asks first, and that would always be the one that has just let go. */
static void let_others(struct audience *audience)
{
    leave(audience);
    while (atomic_load(&audience->waiting))
        sched_yield();
    pthread_mutex_lock(&audience->lock);
}

/* ---- who is where ---- */

static struct members *members_find(const struct audience *audience, struct str segment_id)
{
    for (size_t i = 0; i < audience->n_segments; i++)
        if (str_is(segment_id, audience->segments[i]->segment_id))
            return audience->segments[i];
    return NULL;
}

static struct members *members_of(struct audience *audience, struct str segment_id)
{
    struct members *found = members_find(audience, segment_id);
    if (found)
        return found;
    audience->segments =
        mem_realloc(audience->segments, (audience->n_segments + 1) * sizeof(struct members *));
    found = mem_alloc(sizeof *found);
    found->segment_id = mem_alloc(segment_id.len + 1);
    memcpy(found->segment_id, segment_id.ptr, segment_id.len);
    return audience->segments[audience->n_segments++] = found;
}

static void put_row(struct audience *audience, const struct audience_row *row)
{
    bits_set(&audience->stands, row->row, row->stands);
    for (size_t i = 0; i < row->n_segments; i++)
        bits_set(&members_of(audience, row->segment_ids[i])->bits, row->row, true);
    for (size_t i = 0; i < audience->n_segments; i++) {
        struct members *members = audience->segments[i];
        bool in = false;
        if (!bits_get(&members->bits, row->row))
            continue;
        for (size_t k = 0; k < row->n_segments && !in; k++)
            in = str_is(row->segment_ids[k], members->segment_id);
        bits_set(&members->bits, row->row, in);
    }
    for (size_t i = 0; row->values && i < audience->n_columns; i++)
        column_set(audience->columns[i], row->row, &row->values[i], false);
}

void audience_put(struct audience *audience, const struct audience_row *rows, size_t n)
{
    enter(audience);
    for (size_t i = 0; i < n; i++)
        put_row(audience, &rows[i]);
    leave(audience);
}

int64_t audience_people(struct audience *audience)
{
    enter(audience);
    int64_t n = audience->stands.n_set;
    leave(audience);
    return n;
}

int64_t audience_size(struct audience *audience, struct str segment_id)
{
    enter(audience);
    const struct members *members = members_find(audience, segment_id);
    int64_t n = members ? members->bits.n_set : 0;
    leave(audience);
    return n;
}

size_t audience_members(struct audience *audience, struct str segment_id, uint32_t from,
                        uint32_t *rows, size_t n)
{
    enter(audience);
    const struct members *members = members_find(audience, segment_id);
    uint64_t end = members ? members->bits.n_chunks * (uint64_t)ROWS_PER_CHUNK : 0;
    size_t found = 0;
    for (uint64_t row = from; row < end && found < n; row++) {
        const uint64_t *chunk = members->bits.chunks[row / ROWS_PER_CHUNK];
        if (!chunk)
            row |= ROWS_PER_CHUNK - 1;
        else if (row % 64 == 0 && !chunk[row % ROWS_PER_CHUNK / 64])
            row |= 63;
        else if (bits_get(&members->bits, (uint32_t)row))
            rows[found++] = (uint32_t)row;
    }
    leave(audience);
    return found;
}

/* ---- columns ---- */

size_t audience_columns(const struct audience *audience, struct column *const **columns)
{
    *columns = audience->columns;
    return audience->n_columns;
}

static struct column *column_find(void *argument, struct str name)
{
    struct audience *audience = argument;
    for (size_t i = 0; i < audience->n_columns; i++)
        if (str_eq(audience->columns[i]->name, name)) {
            audience->columns[i]->used_us = clock_mono_us();
            return audience->columns[i];
        }
    return NULL;
}

static bool want(void *argument, struct str name, bool segment)
{
    struct audience *audience = argument;
    if (segment || column_find(audience, name))
        return true;
    if (audience->n_columns == MOST_COLUMNS)
        return false;
    struct column *column = column_new(name, feature_kind(name));
    column_fill_begin(column);
    audience->columns[audience->n_columns++] = column;
    return true;
}

size_t audience_want(struct audience *audience, const struct program *program)
{
    enter(audience);
    size_t before = audience->n_columns;
    program_names(program, want, audience);
    size_t n = audience->n_columns - before;
    leave(audience);
    return n;
}

void audience_fill(struct audience *audience, uint32_t row, const struct value *values)
{
    enter(audience);
    for (size_t i = 0; i < audience->n_columns; i++)
        if (audience->columns[i]->fresh)
            column_set(audience->columns[i], row, values++, true);
    leave(audience);
}

void audience_filled(struct audience *audience)
{
    enter(audience);
    for (size_t i = 0; i < audience->n_columns; i++)
        column_fill_end(audience->columns[i]);
    leave(audience);
}

static void drop(struct audience *audience, bool unfilled, int64_t before_us)
{
    size_t kept = 0;
    enter(audience);
    for (size_t i = 0; i < audience->n_columns; i++) {
        struct column *column = audience->columns[i];
        if (audience->counts && !unfilled)
            audience->columns[kept++] = column;
        else if (unfilled ? column->fresh != NULL : column->used_us < before_us)
            column_free(column);
        else
            audience->columns[kept++] = column;
    }
    audience->n_columns = kept;
    leave(audience);
}

void audience_forget(struct audience *audience, int64_t before_us)
{
    drop(audience, false, before_us);
}

void audience_unfill(struct audience *audience)
{
    drop(audience, true, 0);
}

/* ---- counting ---- */

static const struct bits *segment_find(void *argument, struct str segment_id)
{
    const struct members *members = members_find(argument, segment_id);
    return members ? &members->bits : NULL;
}

static void pause_count(void *argument)
{
    let_others(argument);
}

static struct bound *count_begin(struct ctx *ctx, struct audience *audience,
                                 const struct program *program, struct program_input *input,
                                 int64_t until_us)
{
    *input = (struct program_input){ .column = column_find,
                                     .segment = segment_find,
                                     .pause = pause_count,
                                     .argument = audience,
                                     .now_us = clock_now_us(),
                                     .percentile = audience->percentile,
                                     .until_us = until_us };
    enter(audience);
    struct bound *bound = program_bind(ctx, program, input);
    if (bound) {
        audience->counts++;
        return bound;
    }
    leave(audience);
    ctx_fail_openly(ctx, ERR_UNAVAILABLE, "too many features are asked for at once");
    return NULL;
}

static void count_end(struct audience *audience)
{
    audience->counts--;
    leave(audience);
}

static void note_rows(const uint64_t *words, size_t chunk, uint32_t from, uint32_t *rows, size_t *n,
                      size_t room)
{
    for (size_t w = 0; w < WORDS_PER_CHUNK && *n < room; w++)
        for (uint64_t left = words[w]; left && *n < room; left &= left - 1) {
            size_t row = chunk * ROWS_PER_CHUNK + w * 64 + (size_t)__builtin_ctzll(left);
            if (row >= from)
                rows[(*n)++] = (uint32_t)row;
        }
}

bool audience_count(struct ctx *ctx, struct audience *audience, const struct program *program,
                    int64_t *size, uint32_t *sample, size_t *n_sample)
{
    uint64_t out[WORDS_PER_CHUNK];
    size_t room = *n_sample;
    struct program_input input;
    struct bound *bound =
        count_begin(ctx, audience, program, &input, clock_mono_us() + LONGEST_COUNT_US);
    if (!bound)
        return false;
    *size = 0;
    *n_sample = 0;
    for (size_t chunk = 0; chunk < audience->stands.n_chunks && !input.late; chunk++) {
        if (!audience->stands.chunks[chunk])
            continue;
        bound_run(ctx, bound, chunk, audience->stands.chunks[chunk], out);
        for (size_t w = 0; w < WORDS_PER_CHUNK; w++)
            *size += __builtin_popcountll(out[w]);
        note_rows(out, chunk, 0, sample, n_sample, room);
        let_others(audience);
    }
    count_end(audience);
    return !input.late || ctx_fail_at(ctx, ERR_INVALID, STR("/rule"),
                                      "the rule takes too long to be counted over everybody");
}

/* The members of a chunk are turned into what differs. */
static void differ_chunk(const struct members *members, size_t chunk, uint64_t *out)
{
    const struct bits *bits = members ? &members->bits : NULL;
    for (size_t w = 0; bits && chunk < bits->n_chunks && bits->chunks[chunk] && w < WORDS_PER_CHUNK;
         w++)
        out[w] ^= bits->chunks[chunk][w];
}

bool audience_differ(struct ctx *ctx, struct audience *audience, const struct program *program,
                     struct str segment_id, uint32_t *from, uint32_t *rows, size_t *n)
{
    uint64_t out[WORDS_PER_CHUNK];
    size_t room = *n, chunk = *from / ROWS_PER_CHUNK;
    struct program_input input;
    struct bound *bound = count_begin(ctx, audience, program, &input, INT64_MAX);
    if (!bound)
        return false;
    for (*n = 0; chunk < audience->stands.n_chunks && *n == 0; chunk++) {
        if (!audience->stands.chunks[chunk])
            continue;
        bound_run(ctx, bound, chunk, audience->stands.chunks[chunk], out);
        differ_chunk(members_find(audience, segment_id), chunk, out);
        note_rows(out, chunk, *from, rows, n, room);
        let_others(audience);
    }
    *from = *n == room                           ? rows[*n - 1] + 1
            : chunk < audience->stands.n_chunks ? (uint32_t)(chunk * ROWS_PER_CHUNK)
                                                : NO_ROW;
    count_end(audience);
    return true;
}
