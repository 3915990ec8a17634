/* What a template is compiled to, and one rendering of it. For the files of this folder. */
#pragma once

#include "platform/template/template.h"

#define MOST_BLOCKS 100          /* inside each other */
#define MOST_SOURCE (1u << 20)
#define MOST_NAMES 1000 /* they are looked for one after another */
#define BYTES_PER_STEP 64        /* what text costs: a template must not grow by making it */
#define MOST_ARGUMENTS 3

/* ---- values ---- */

enum kind {
    KIND_NIL,
    KIND_BOOL,
    KIND_INTEGER,
    KIND_FLOAT,
    KIND_TEXT,
    KIND_RANGE,
    KIND_LIST,
    KIND_JSON, /* an array or an object of the data */
    KIND_LOOP, /* `forloop` or `tablerowloop` */
    KIND_EMPTY,
    KIND_BLANK,
};

/* Immutable. Text and lists live in the template, in the data or in the arena of the rendering. */
struct value {
    enum kind kind;
    bool safe; /* TEXT that is markup already: printed as it is */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct str text;
        struct {
            int64_t first, last;
        } range;
        struct {
            const struct value *items;
            size_t n;
        } list;
        const struct json *json;
        const struct loop *loop;
    };
};

/* ---- programs ---- */

#define OPERATIONS(X)                                                                              \
    X(TEXT, text)               /* prints text */                                                  \
    X(SHOW, show)               /* prints an operand */                                            \
    X(LOAD, load)               /* an operand into the accumulator */                              \
    X(FILTER, filter)           /* the accumulator through a filter */                             \
    X(PRINT, print)             /* the accumulator */                                              \
    X(ASSIGN, assign)           /* the accumulator to a name */                                    \
    X(COMPARE, compare)         /* two operands; the answer into the accumulator */                \
    X(JUMP, jump)                                                                                  \
    X(JUMP_FALSE, jump_false)   /* where the accumulator is nil or false */                        \
    X(JUMP_TRUE, jump_true)                                                                        \
    X(CAPTURE, capture)         /* what is printed goes to the side ... */                         \
    X(CAPTURE_END, capture_end) /* ... and to a name */                                            \
    X(CHANGED_END, changed_end) /* ... and out, unless it was the same before */                   \
    X(INCREMENT, increment)                                                                        \
    X(DECREMENT, decrement)                                                                        \
    X(CYCLE, cycle)                                                                                \
    X(CASE, case)               /* begins with what is in the accumulator */                       \
    X(WHEN, when)               /* counts the operands that are equal to it; jumps where none is */\
    X(AGAIN, again)             /* back to the block, once for each */                             \
    X(OTHERWISE, otherwise)     /* jumps where a `when` before was true */                         \
    X(FOR, for)                 /* over the accumulator; jumps where there is nothing */           \
    X(NEXT, next)               /* back to the block while there is more */                        \
    X(ROW, row)                 /* as FOR, NEXT, and what stands around each cell */               \
    X(CELL, cell)                                                                                  \
    X(CELL_END, cell_end)                                                                          \
    X(RENDER, render)

enum opcode {
#define X(id, name) OP_##id,
    OPERATIONS(X)
#undef X
        OP_END,
};

enum comparison { EQUAL, NOT_EQUAL, LESS, AT_MOST, MORE, AT_LEAST, CONTAINS };

enum root {
    ROOT_CONSTANT,
    ROOT_NAME,    /* assigned, a counter, or of the data */
    ROOT_DYNAMIC, /* ['name'], or a name that is the value of `from` */
    ROOT_ITEM,    /* of a loop around */
    ROOT_LOOP,    /* its `forloop` */
    ROOT_RANGE,
};

/* One step of a path: a key as written, or the value of an operand. */
struct step {
    struct value key;
    const struct operand *from; /* NULL: the key */
};

struct operand {
    enum root root;
    uint32_t index; /* the slot of a name, the depth of a loop */
    uint32_t n_steps;
    const struct step *steps;
    union {
        struct value constant;
        struct {
            const struct operand *from, *to;
        };
    };
};

struct test {
    enum comparison comparison;
    struct operand left, right;
};

struct filter_call {
    const struct filter *filter;
    uint32_t n;
    struct operand args[MOST_ARGUMENTS];
    const struct operand *keyword; /* NULL: not given */
};

struct list {
    const struct operand *operands;
    uint32_t n;
};

struct for_call {
    struct str name; /* as forloop.name shows it */
    uint32_t place;  /* where `offset: continue` goes on */
    bool reversed, goes_on;
    const struct operand *limit, *offset, *columns; /* NULL: not given */
};

struct cycle_call {
    const struct operand *name; /* NULL: the text of the items */
    struct str text;
    struct list items;
};

struct argument {
    struct str name;
    struct operand value;
};

struct render_call {
    struct str name, as;
    const struct operand *with; /* NULL: not given */
    bool each;                  /* `for`, not `with` */
    const struct argument *args;
    size_t n_args;
};

struct instruction {
    enum opcode op;
    uint32_t at;     /* in the source, for errors */
    uint32_t target; /* of jumps */
    uint32_t index;  /* a name's slot; the depth of a loop, or of a case */
    bool kept;       /* TEXT inside a capture: no white space of the block around */
    union {
        struct str text;
        const struct operand *operand;
        const struct filter_call *filter;
        const struct test *test;
        const struct list *list;
        const struct for_call *loop;
        const struct cycle_call *cycle;
        const struct render_call *render;
    };
};

struct template
{
    struct arena *arena;
    struct str source;
    const struct instruction *code; /* ends with OP_END */
    const struct str *names;
    uint32_t n_names, n_loops, n_cases, n_places;
    size_t text_bytes; /* printed as they stand: what a result has at least, more or less */
};

/* ---- one rendering ---- */

struct loop {
    const struct for_call *call;
    const struct value *items;
    const struct loop *parent;
    size_t n, index;
    size_t columns; /* of a tablerow */
    bool row;
};

struct slot {
    enum { SLOT_UNKNOWN, SLOT_ASSIGNED, SLOT_READ } state;
    bool counted;
    int64_t counter;
    struct value value;
};

struct case_state {
    struct value value;
    uint32_t left;
    bool matched;
};

struct cycle_state {
    struct cycle_state *next;
    struct str name;
    bool named;
    size_t at;
};

/* What one template (the first, or a snippet) keeps while it is rendered. */
struct frame {
    const struct json *data; /* NULL in snippets: they see their arguments only */
    struct slot *slots;
    struct loop *loops;
    struct case_state *cases;
    size_t *places;
    struct cycle_state *cycles;
    struct str changed; /* what `ifchanged` printed last */
};

struct output {
    struct output *outer; /* where a capture began */
    char *ptr;
    size_t len, cap;
};

struct run {
    struct ctx *ctx;
    const struct template_options *options;
    const struct template *template;
    const struct instruction *at, *next;
    struct frame *frame;
    struct output *out;
    struct value value; /* the accumulator */
    size_t steps, most_steps, most_bytes, depth;
    bool escapes;
    struct frame frames[TEMPLATE_MOST_DEPTH + 1];
    size_t
        frame_bytes[TEMPLATE_MOST_DEPTH + 1]; /* of their memory, kept for the next of that depth */
};

/* ---- compile.c ---- */

/* "line 3, column 7", in code points. */
struct str liquid_place(struct arena *arena, struct str source, size_t at);

/* ---- render.c ---- */

bool liquid_fail(struct run *run, const char *format, ...) PRINTF_LIKE(2, 3);
bool liquid_too_large(struct run *run, const char *format, size_t limit); /* that, with %zu */
bool liquid_steps(struct run *run, size_t n); /* counts; false when there were too many */

/* Memory of the arena for text, counted as steps; NULL when there were too many. Ends in NUL. */
char *liquid_room(struct run *run, size_t bytes);

bool liquid_put(struct run *run, struct str text);
bool liquid_put_value(struct run *run, const struct value *value); /* escaped where it must be */
struct str liquid_entity(char c); /* what stands for it in HTML; empty: itself */

/* Whether it has one. All that do are below 64. */
static inline bool has_entity(char c)
{
    const uint64_t those = 1ull << '&' | 1ull << '<' | 1ull << '>' | 1ull << '"' | 1ull << '\'';
    return (unsigned char)c < 64 && (those >> c & 1);
}
bool liquid_execute(struct run *run); /* run->template, from its start */

void liquid_assign(struct run *run, uint32_t index, const struct value *value);

/* Room for a template's names and loops, at the depth that the run is in; it is the run's from here on. */
bool liquid_enter(struct run *run, const struct template *template, const struct json *data);

struct value liquid_item(const struct loop *loop); /* that it is at */

/* ---- render.c, loops.c, snippets.c: operations ---- */

#define X(id, name) bool op_liquid_##name(struct run *run, const struct instruction *in);
OPERATIONS(X)
#undef X

/* ---- lookup.c ---- */

bool liquid_load(struct run *run, const struct operand *operand, struct value *out);
struct value liquid_value_of(const struct json *json);

/* from[key], from.key; nil where there is none. */
bool liquid_member(struct run *run, const struct value *from, const struct value *key,
                   struct value *out);

/* ---- value.c; false when there were too many steps ---- */

/* As it is printed, not escaped. */
bool liquid_text(struct run *run, const struct value *value, struct str *out);
bool liquid_join(struct run *run, const struct str *parts, size_t n, struct str between,
                 struct str *out);

/* What a loop goes over, from `offset` on and at most `limit`: arrays, ranges, the pairs of an object, a text as one. A
 * LIST, as is what follows. */
bool liquid_items(struct run *run, const struct value *value, size_t offset, size_t limit,
                  struct value *out);

/* What filters go over: lists inside of lists are part of it, anything else is one. */
bool liquid_elements(struct run *run, const struct value *value, struct value *out);

/* nil where it has none. */
bool liquid_size(struct run *run, const struct value *value, struct value *out);
bool liquid_first_or_last(struct run *run, const struct value *value, bool first,
                          struct value *out);

bool liquid_equal(struct run *run, const struct value *a, const struct value *b, bool *out);
bool liquid_compare(struct run *run, enum comparison comparison, const struct value *a,
                    const struct value *b, bool *out); /* false too for what has no order */
bool liquid_order(struct run *run, const struct value *a, const struct value *b,
                  int *out); /* -1, 0, 1; 2: not a number */
bool liquid_is_number(const struct value *value);
const char *liquid_kind(const struct value *value); /* "a text", for errors */
size_t liquid_find(struct str text, struct str part, size_t from); /* SIZE_MAX: not there */

/* A list that grows. */
struct builder {
    struct value *items;
    size_t n, cap;
};
bool liquid_push(struct run *run, struct builder *builder, struct value value);

/* ---- numbers.c ---- */

/* The whole number that a range or a filter sees: of a text what it begins with, else 0. */
bool liquid_integer(struct run *run, const struct value *value, int64_t *out);

static inline char *put_bytes(char *at, struct str text)
{
    if (text.len)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static inline bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool is_list(const struct value *value)
{
    return value->kind == KIND_LIST || value->kind == KIND_RANGE ||
           (value->kind == KIND_JSON && json_type(value->json) == JSON_ARRAY);
}

static inline bool is_true(const struct value *value)
{
    return value->kind != KIND_NIL && (value->kind != KIND_BOOL || value->boolean);
}

static inline struct value nil_value(void)
{
    return (struct value){ .kind = KIND_NIL };
}

static inline struct value bool_value(bool boolean)
{
    return (struct value){ .kind = KIND_BOOL, .boolean = boolean };
}

static inline struct value int_value(int64_t integer)
{
    return (struct value){ .kind = KIND_INTEGER, .integer = integer };
}

static inline struct value float_value(double number)
{
    return (struct value){ .kind = KIND_FLOAT, .number = number };
}

static inline struct value text_value(struct str text)
{
    return (struct value){ .kind = KIND_TEXT, .text = text };
}

static inline struct value list_value(const struct value *items, size_t n)
{
    return (struct value){ .kind = KIND_LIST, .list = { items, n } };
}

/* ---- filters.c ---- */

/* What a filter is given: its arguments, then the keyword's; those not given are nil. */
struct filter_input {
    struct value args[MOST_ARGUMENTS];
    size_t n;
    struct value keyword;
};

/* *value: what goes in, and what comes out. */
typedef bool filter_function(struct run *run, const struct filter_input *in, struct value *value);

struct filter {
    const char *name;
    filter_function *apply;
    uint32_t least, most; /* arguments */
    bool keeps_safe;      /* markup that goes in comes out as markup */
    const char *keyword;  /* the one that it takes by name */
};

const struct filter *liquid_filter(struct str name); /* NULL: there is none */
