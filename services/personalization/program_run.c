/* A program on columns, a chunk at a time: 64 people are a word. */
#include <math.h>

#include "base/clock.h"
#include "services/personalization/program_internal.h"

#define CHUNK_BYTES (WORDS_PER_CHUNK * sizeof(uint64_t))

#define UNTIL_PAUSE 64 /* rules evaluated, some microseconds each, but up to a millisecond */

struct bound {
    const struct program *program;
    struct program_input *input;
    struct bound **parts;
    uint64_t *left, *some; /* of a tree: what is still to be asked, what a part said */
    struct column **columns; /* of the names of a leaf; NULL for a segment, and for what has none */
    struct column *spent, *orders; /* where a leaf reads spend_percentile */
    const struct bits **segments;
    bool *holds_for; /* by number of a value, of a RULE that reads one column of values */
    uint32_t n_known;
};

static bool leaf_bind(struct ctx *ctx, struct bound *bound, struct program_input *input)
{
    const struct program *program = bound->program;
    bound->columns = ARENA_ARRAY(ctx->arena, struct column *, program->n);
    bound->segments = ARENA_ARRAY(ctx->arena, const struct bits *, program->n);
    for (size_t i = 0; i < program->n; i++) {
        struct str name = program->names[i];
        if (name_is_segment(name)) {
            bound->segments[i] = input->segment(input->argument, name_segment(name));
        } else if (name_is_percentile(name)) {
            bound->spent = input->column(input->argument, NAME_SPENT);
            bound->orders = input->column(input->argument, NAME_ORDERS);
            if (!bound->spent || !bound->orders)
                return false;
        } else if (!name_is_now(name) &&
                   !(bound->columns[i] = input->column(input->argument, name))) {
            return false;
        }
    }
    return true;
}

struct bound *program_bind(struct ctx *ctx, const struct program *program,
                           struct program_input *input)
{
    struct bound *bound = ARENA_NEW(ctx->arena, struct bound);
    bound->program = program;
    bound->input = input;
    if (!program->parts)
        return leaf_bind(ctx, bound, input) ? bound : NULL;
    bound->parts = ARENA_ARRAY(ctx->arena, struct bound *, program->n);
    bound->left = ARENA_ARRAY(ctx->arena, uint64_t, WORDS_PER_CHUNK);
    bound->some = ARENA_ARRAY(ctx->arena, uint64_t, WORDS_PER_CHUNK);
    for (size_t i = 0; i < program->n; i++)
        if (!(bound->parts[i] = program_bind(ctx, program->parts[i], input)))
            return NULL;
    return bound;
}

/* ---- numbers ---- */

/* Both ends as whole numbers; false: none is in between. */
static bool whole_range(const struct program *program, uint32_t *from, uint32_t *to)
{
    double low = fmax(ceil(program->from), 0), high = fmin(floor(program->to), NUMBER_NULL - 1.0);
    if (low > high)
        return false;
    *from = (uint32_t)low;
    *to = (uint32_t)high;
    return true;
}

/* Four people at a time, by the vectors that GCC and Clang have in C: each comparison gives lanes of ones or zeros, of which
 * a bit each is kept; eight of them fill the 32 bits of each lane. */
typedef uint32_t lanes __attribute__((vector_size(16), aligned(4)));

static uint64_t word_of(lanes low, lanes high)
{
    return (uint64_t)(low[0] | low[1] | low[2] | low[3]) |
           (uint64_t)(high[0] | high[1] | high[2] | high[3]) << 32;
}

static uint64_t numbers_word(const uint32_t *numbers, uint32_t from, uint32_t width)
{
    const lanes bit = { 1, 2, 4, 8 };
    lanes half[2] = { { 0 }, { 0 } };
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 8; i++) {
            const lanes *four = (const lanes *)(numbers + h * 32 + i * 4);
            half[h] |= ((lanes)(*four - from <= width) & bit) << (4 * i);
        }
    return word_of(half[0], half[1]);
}

static uint64_t nulls_word(const uint32_t *numbers)
{
    return numbers_word(numbers, NUMBER_NULL, 0);
}

typedef double pair __attribute__((vector_size(16), aligned(8)));
typedef uint64_t pair_bits __attribute__((vector_size(16)));

static uint64_t amounts_word(const double *amounts, double from, double to)
{
    const pair_bits bit = { 1, 2 };
    pair_bits word = { 0 };
    for (int i = 0; i < 32; i++) {
        const pair *two = (const pair *)(amounts + i * 2);
        word |= ((pair_bits)(*two >= from) & (pair_bits)(*two <= to) & bit) << (2 * i);
    }
    return word[0] | word[1];
}

static void run_numbers(const struct program *program, const uint32_t *numbers,
                        const uint64_t *mask, uint64_t *out)
{
    uint32_t from = 0, to = 0;
    bool any = whole_range(program, &from, &to);
    bool has_nulls = str_ends(program->names[0], STR("_at"));
    for (size_t w = 0; w < WORDS_PER_CHUNK; w++) {
        if (!mask[w]) {
            out[w] = 0;
            continue;
        }
        const uint32_t *at = numbers + w * 64;
        uint64_t word = any ? numbers_word(at, from, to - from) : 0;
        if (program->outside)
            word = ~word;
        if (has_nulls) {
            uint64_t nulls = nulls_word(at);
            word = program->for_null ? word | nulls : word & ~nulls;
        }
        out[w] = word & mask[w];
    }
}

static void run_amounts(const struct program *program, const double *amounts, const uint64_t *mask,
                        uint64_t *out)
{
    for (size_t w = 0; w < WORDS_PER_CHUNK; w++) {
        uint64_t word = mask[w] ? amounts_word(amounts + w * 64, program->from, program->to) : 0;
        out[w] = (program->outside ? ~word : word) & mask[w];
    }
}

static void run_range(struct bound *bound, size_t chunk, const uint64_t *mask, uint64_t *out)
{
    const struct column *column = bound->columns[0];
    if (chunk >= column->n_chunks || !column->chunks[chunk])
        memset(out, 0, CHUNK_BYTES);
    else if (column->kind == COLUMN_AMOUNT)
        run_amounts(bound->program, column->amounts[chunk], mask, out);
    else
        run_numbers(bound->program, column->numbers[chunk], mask, out);
}

/* ---- rules ---- */

struct row_input {
    const struct bound *bound;
    uint32_t row;
    const struct value *value; /* of the only column; NULL: of the row */
};

static struct value number(double n)
{
    return (struct value){ .kind = VALUE_NUMBER, .number = n };
}

/* As asker.c has them. */
static struct value percentile_at(const struct bound *bound, uint32_t row)
{
    bool none = column_get(bound->orders, row).number <= 0;
    int64_t spent = (int64_t)column_get(bound->spent, row).number;
    return number(none ? 0 : percentile_of(bound->input->percentile, spent));
}

static struct value now_of(const struct bound *bound)
{
    return number((double)(bound->input->now_us / US_PER_S));
}

static bool row_lookup(struct ctx *ctx, struct str name, void *argument, struct value *out)
{
    const struct row_input *input = argument;
    const struct bound *bound = input->bound;
    for (size_t i = 0; i < bound->program->n; i++) {
        if (!str_eq(bound->program->names[i], name))
            continue;
        if (name_is_now(name))
            *out = now_of(bound);
        else if (name_is_percentile(name))
            *out = percentile_at(bound, input->row);
        else if (input->value)
            *out = *input->value;
        else if (bound->columns[i])
            *out = column_get(bound->columns[i], input->row);
        else
            *out = (struct value){ .kind = VALUE_BOOL,
                                   .boolean = bound->segments[i] &&
                                              bits_get(bound->segments[i], input->row) };
        return true;
    }
    return false;
}

static bool rule_holds(struct ctx *ctx, struct row_input *input)
{
    struct rule_input rule_input = { .lookup = row_lookup, .argument = input };
    struct value value;
    bool holds = rule_evaluate(ctx, input->bound->program->rule, &rule_input, &value) &&
                 rule_truthy(&value);
    ctx_clear(ctx);
    return holds;
}

/* Lets others have their turn; false: it is too late to go on. */
static bool go_on(const struct bound *bound)
{
    struct program_input *input = bound->input;
    input->pause(input->argument);
    input->late |= clock_mono_us() > input->until_us;
    return !input->late;
}

static void learn_some(struct ctx *ctx, struct bound *bound, uint32_t n)
{
    const struct column *column = bound->columns[0];
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena };
    bool *more = ARENA_ARRAY(ctx->arena, bool, n);
    if (bound->n_known)
        memcpy(more, bound->holds_for, bound->n_known);
    for (uint32_t i = bound->n_known; i < n; i++) {
        struct row_input input = { bound, 0, &column->values[i] };
        more[i] = rule_holds(&own, &input);
        arena_clear(arena);
        if (i % UNTIL_PAUSE == 0 && !go_on(bound))
            break;
    }
    bound->holds_for = more;
    bound->n_known = n;
}

/* Once for each value that there is, then everybody is looked up. While it pauses, there may come to be more. */
static void learn_values(struct ctx *ctx, struct bound *bound)
{
    while (bound->n_known < bound->columns[0]->n_values)
        learn_some(ctx, bound, bound->columns[0]->n_values);
}

static void run_values(struct bound *bound, const uint32_t *codes, const uint64_t *mask,
                       uint64_t *out)
{
    for (size_t w = 0; w < WORDS_PER_CHUNK; w++) {
        uint64_t word = 0;
        for (int i = 0; mask[w] && i < 64; i++)
            word |= (uint64_t)bound->holds_for[codes[w * 64 + (size_t)i]] << i;
        out[w] = word & mask[w];
    }
}

static void run_rows(struct ctx *ctx, struct bound *bound, size_t chunk, const uint64_t *mask,
                     uint64_t *out)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena };
    memset(out, 0, CHUNK_BYTES);
    for (size_t w = 0; w < WORDS_PER_CHUNK; w++) {
        if (mask[w] && !go_on(bound))
            return;
        for (uint64_t left = mask[w]; left; left &= left - 1) {
            int bit = __builtin_ctzll(left);
            struct row_input input = { bound,
                                       (uint32_t)(chunk * ROWS_PER_CHUNK + w * 64 + (size_t)bit),
                                       NULL };
            out[w] |= (uint64_t)rule_holds(&own, &input) << bit;
            arena_clear(arena);
        }
    }
}

static void run_constant(struct ctx *ctx, struct bound *bound, const uint64_t *mask, uint64_t *out)
{
    struct row_input input = { bound, 0, NULL };
    if (rule_holds(ctx, &input))
        memcpy(out, mask, CHUNK_BYTES);
    else
        memset(out, 0, CHUNK_BYTES);
}

static void run_rule(struct ctx *ctx, struct bound *bound, size_t chunk, const uint64_t *mask,
                     uint64_t *out)
{
    if (bound->program->n == 0 ||
        (bound->program->n == 1 && name_is_now(bound->program->names[0]))) {
        run_constant(ctx, bound, mask, out);
        return;
    }
    struct column *column = bound->program->n == 1 ? bound->columns[0] : NULL;
    if (!column || column->kind != COLUMN_VALUE || chunk >= column->n_chunks ||
        !column->chunks[chunk]) {
        run_rows(ctx, bound, chunk, mask, out);
        return;
    }
    learn_values(ctx, bound);
    run_values(bound, column->numbers[chunk], mask, out);
}

static void run_segment(const struct bound *bound, size_t chunk, const uint64_t *mask,
                        uint64_t *out)
{
    const struct bits *bits = bound->segments[0];
    const uint64_t *words = bits && chunk < bits->n_chunks ? bits->chunks[chunk] : NULL;
    for (size_t w = 0; w < WORDS_PER_CHUNK; w++)
        out[w] = words ? words[w] & mask[w] : 0;
}

/* ---- trees ---- */

/* Of an or, the ones that nothing holds for yet are asked on. */
static void run_or(struct ctx *ctx, struct bound *bound, size_t chunk, const uint64_t *mask,
                   uint64_t *out)
{
    uint64_t *left = bound->left, *some = bound->some;
    memcpy(left, mask, CHUNK_BYTES);
    memset(out, 0, CHUNK_BYTES);
    for (size_t i = 0; i < bound->program->n; i++) {
        bound_run(ctx, bound->parts[i], chunk, left, some);
        for (size_t w = 0; w < WORDS_PER_CHUNK; w++) {
            out[w] |= some[w];
            left[w] &= ~some[w];
        }
    }
}

static void run_and(struct ctx *ctx, struct bound *bound, size_t chunk, const uint64_t *mask,
                    uint64_t *out)
{
    memcpy(out, mask, CHUNK_BYTES);
    for (size_t i = 0; i < bound->program->n; i++) {
        memcpy(bound->left, out, CHUNK_BYTES);
        bound_run(ctx, bound->parts[i], chunk, bound->left, out);
    }
}

void bound_run(struct ctx *ctx, struct bound *bound, size_t chunk,
               const uint64_t mask[WORDS_PER_CHUNK], uint64_t out[WORDS_PER_CHUNK])
{
    switch (bound->program->shape) {
    case SHAPE_AND:
        run_and(ctx, bound, chunk, mask, out);
        break;
    case SHAPE_OR:
        run_or(ctx, bound, chunk, mask, out);
        break;
    case SHAPE_NOT:
        run_and(ctx, bound, chunk, mask, out);
        for (size_t w = 0; w < WORDS_PER_CHUNK; w++)
            out[w] = mask[w] & ~out[w];
        break;
    case SHAPE_RANGE:
        run_range(bound, chunk, mask, out);
        break;
    case SHAPE_SEGMENT:
        run_segment(bound, chunk, mask, out);
        break;
    case SHAPE_RULE:
        run_rule(ctx, bound, chunk, mask, out);
        break;
    }
}
