/* What a segment's rule is compiled to. */
#pragma once

#include "services/personalization/program.h"

enum shape {
    SHAPE_AND,
    SHAPE_OR,
    SHAPE_NOT,
    SHAPE_RULE, /* whatever: evaluated row by row, or once per value of the one column that it reads */
    SHAPE_RANGE,   /* a number against a constant */
    SHAPE_SEGMENT, /* in another segment */
};

struct program {
    enum shape shape;
    size_t n; /* of parts, or of names */
    struct program **parts;
    struct str *names; /* of a leaf */
    struct rule *rule;
    double from, to; /* of a RANGE, both included */
    bool outside;    /* it holds outside of it */
    bool for_null;
};

/* "segments.<id>" */
bool name_is_segment(struct str name);
struct str name_segment(struct str name);

/* What has no column: the same for everybody, and what is made of two columns and of how all others stand. */
bool name_is_now(struct str name);
bool name_is_percentile(struct str name);
#define NAME_SPENT STR("orders.total")
#define NAME_ORDERS STR("orders.count")
