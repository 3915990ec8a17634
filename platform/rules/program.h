/* What a rule is compiled to, and one evaluation of it. For the files of this folder. */
#pragma once

#include "platform/rules/rules.h"

#define MOST_NODES 10000
#define MOST_STEPS 100000
#define BYTES_PER_STEP 64 /* what text costs: a rule must not grow by making it */

/*      name          operator       least, most arguments */
#define OPERATOR_TABLE(X)                                                                          \
    X(VAR,            "var",          0, 2)                                                        \
    X(MISSING,        "missing",      0, MANY)                                                     \
    X(MISSING_SOME,   "missing_some", 2, 2)                                                        \
    X(IF,             "if",           0, MANY)                                                     \
    X(TERNARY,        "?:",           0, MANY)                                                     \
    X(EQUAL,          "==",           2, 2)                                                        \
    X(SAME,           "===",          2, 2)                                                        \
    X(NOT_EQUAL,      "!=",           2, 2)                                                        \
    X(NOT_SAME,       "!==",          2, 2)                                                        \
    X(NOT,            "!",            1, 1)                                                        \
    X(TRUTH,          "!!",           1, 1)                                                        \
    X(OR,             "or",           1, MANY)                                                     \
    X(AND,            "and",          1, MANY)                                                     \
    X(MORE,           ">",            2, 2)                                                        \
    X(AT_LEAST,       ">=",           2, 2)                                                        \
    X(LESS,           "<",            2, 3)                                                        \
    X(AT_MOST,        "<=",           2, 3)                                                        \
    X(MAX,            "max",          1, MANY)                                                     \
    X(MIN,            "min",          1, MANY)                                                     \
    X(PLUS,           "+",            1, MANY)                                                     \
    X(MINUS,          "-",            1, 2)                                                        \
    X(TIMES,          "*",            1, MANY)                                                     \
    X(DIVIDE,         "/",            2, 2)                                                        \
    X(REMAINDER,      "%",            2, 2)                                                        \
    X(MAP,            "map",          2, 2)                                                        \
    X(FILTER,         "filter",       2, 2)                                                        \
    X(REDUCE,         "reduce",       2, 3)                                                        \
    X(ALL,            "all",          2, 2)                                                        \
    X(SOME,           "some",         2, 2)                                                        \
    X(NONE,           "none",         2, 2)                                                        \
    X(MERGE,          "merge",        0, MANY)                                                     \
    X(IN,             "in",           2, 2)                                                        \
    X(CAT,            "cat",          0, MANY)                                                     \
    X(SUBSTR,         "substr",       2, 3)                                                        \
    X(FRACTIONAL,     "fractional",   1, MANY)                                                     \
    X(SEM_VER,        "sem_ver",      3, 3)                                                        \
    X(STARTS_WITH,    "starts_with",  2, 2)                                                        \
    X(ENDS_WITH,      "ends_with",    2, 2)                                                        \
    X(DID,            "did",          1, 3)                                                        \
    X(TIMES_DONE,     "times",        1, 2)                                                        \
    X(TOTAL,          "total",        1, 2)

enum operator{
    OP_CONSTANT,
    OP_LIST,  /* an array of which some element is logic */
    OP_NAMED, /* `var` with a name that is known when compiling */
#define X(name, text, least, most) OP_##name,
    OPERATOR_TABLE(X)
#undef X
        N_OPERATORS
};

/* A name of `var` cut at its dots. */
struct path {
    struct str name;
    const struct str *parts;
    size_t n;
};

struct node {
    enum operator op;
    uint32_t n;
    const struct node *args; /* n of them, one after another */
    union {
        struct value constant; /* OP_CONSTANT */
        struct {               /* OP_NAMED; args: the default */
            const struct path *path;
            uint32_t number; /* in the rule's set, from 1; 0: none */
        };
    };
};

struct rule {
    struct arena *arena; /* NULL: the set's */
    const struct node *root;
};

struct rule_memo {
    struct value *values; /* by number - 1 */
    enum { MEMO_EMPTY, MEMO_NONE, MEMO_FOUND } * states;
    uint32_t n;
};

/* What `var` sees: the input, an element of a list, or an element and what was made of those before it. */
struct scope {
    const struct value *item, *accumulator;
};

struct run {
    struct ctx *ctx;
    const struct rule_input *input;
    struct scope scope;
    size_t steps;
};

/* ---- behaviour.c: operators that stand for others, which are what is evaluated ---- */

/* Puts into the node what it stands for. False: *why says what its arguments must be. */
bool behaviour_compile(struct arena *arena, struct node *node, const char **why);

/* ---- evaluate.c ---- */

bool evaluate(struct run *run, const struct node *node, struct value *out);

bool too_many_steps(struct run *run); /* fails with ERR_INVALID */

/* Counts; false with ERR_INVALID when there were too many. */
static inline bool take_steps(struct run *run, size_t n)
{
    run->steps += n;
    return run->steps <= MOST_STEPS || too_many_steps(run);
}

/* An array's elements, those of the others none. They may be the value's own: not to be written to. */
bool items_of(struct run *run, const struct value *value, const struct value **items, size_t *n);

static inline bool give_null(struct value *out)
{
    *out = (struct value){ .kind = VALUE_NULL };
    return true;
}

static inline bool give_bool(struct value *out, bool boolean)
{
    *out = (struct value){ .kind = VALUE_BOOL, .boolean = boolean };
    return true;
}

static inline bool give_number(struct value *out, double number)
{
    *out = (struct value){ .kind = VALUE_NUMBER, .number = number };
    return true;
}

static inline bool give_str(struct value *out, struct str text)
{
    *out = (struct value){ .kind = VALUE_STRING, .str = text };
    return true;
}

static inline bool give_items(struct value *out, struct value *items, size_t n)
{
    *out = (struct value){ .kind = VALUE_ARRAY, .items = items, .n_items = n };
    return true;
}

struct value value_of(const struct json *json);

/* ---- lookup.c ---- */

const struct path *path_cut(struct arena *arena, struct str name);

/* *found: whether there was one, null or not. */
bool look_up(struct run *run, const struct path *path, uint32_t number, struct value *out,
             bool *found);
bool look_up_name(struct run *run, struct str name, struct value *out, bool *found);

/* ---- convert.c: JavaScript's conversions, which JsonLogic's meaning is made of ---- */

bool is_array(const struct value *value);
bool text_of(struct run *run, const struct value *value, struct str *out);    /* String(value) */
bool number_of(struct run *run, const struct value *value, double *out);      /* Number(value) */
bool float_of(struct run *run, const struct value *value, double *out);    /* parseFloat(value) */
bool is_same(const struct value *a, const struct value *b);                   /* === */
bool is_equal(struct run *run, const struct value *a, const struct value *b, bool *out); /* == */

/* Less: -1, equal: 0, more: 1; 2 when they have no order (NaN). */
bool compare(struct run *run, const struct value *a, const struct value *b, int *out);

/* ---- flagd.c ---- */

bool op_fractional(struct run *run, const struct node *node, struct value *out);
bool op_sem_ver(struct run *run, const struct node *node, struct value *out);
bool op_starts_with(struct run *run, const struct node *node, struct value *out);
bool op_ends_with(struct run *run, const struct node *node, struct value *out);

/* ---- lists.c ---- */

bool op_map(struct run *run, const struct node *node, struct value *out);
bool op_filter(struct run *run, const struct node *node, struct value *out);
bool op_reduce(struct run *run, const struct node *node, struct value *out);
bool op_quantifier(struct run *run, const struct node *node, struct value *out);
bool op_merge(struct run *run, const struct node *node, struct value *out);
bool op_missing(struct run *run, const struct node *node, struct value *out);
bool op_missing_some(struct run *run, const struct node *node, struct value *out);
bool op_list(struct run *run, const struct node *node, struct value *out);
