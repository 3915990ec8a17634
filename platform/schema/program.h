/* What a schema is compiled to: a node for each schema of the document, its keywords sorted by the type of value they
 * speak of. Everything lies in the schema's arena and never changes. For the files of this folder. */
#pragma once

#include "platform/schema/format.h"
#include "platform/schema/pattern.h"
#include "platform/schema/schema.h"

#define MOST_DEPTH                                                                                 \
    1024 /* nodes inside one another; a value is at most JSON_DEPTH deep, each with some references */
#define MOST_STEPS 10000000u /* nodes and comparisons of one validation: about a second */

enum type_bit {
    TYPE_NULL = 1,
    TYPE_BOOL = 2,
    TYPE_INTEGER = 4,
    TYPE_NUMBER = 8,
    TYPE_STRING = 16,
    TYPE_ARRAY = 32,
    TYPE_OBJECT = 64,
    TYPE_ANY = 127,
};

/* A number as digits * 10^exponent, as its shortest decimal text says. */
struct decimal {
    uint64_t digits;
    int exponent;
};

struct number_rules {
    const struct json *minimum, *maximum, *above, *below, *multiple_of; /* NULL: none */
    struct decimal step;                                                /* multiple_of */
};

struct string_rules {
    size_t min_length, max_length; /* code points */
    const struct pattern *pattern;
    struct str pattern_text;
    format_predicate format;
    struct str format_name;
};

struct array_rules {
    const struct node *const *prefix;
    size_t n_prefix;
    const struct node *items, *contains, *unevaluated;
    size_t min_items, max_items, min_contains, max_contains;
    bool unique;
};

/* A name that `properties` or `required` speaks of. */
struct member {
    struct str name;
    const struct node *node; /* NULL: only required */
    uint32_t required;       /* index among the required, or NOT_REQUIRED */
};

#define NOT_REQUIRED UINT32_MAX

struct pattern_member {
    const struct pattern *pattern;
    const struct node *node;
};

/* When `name` is there, so must be `names`, and `node` must fit. */
struct dependent {
    struct str name;
    const struct json *names;
    const struct node *node;
};

struct object_rules {
    const struct member
        *members; /* as declared: what comes in the same order is found without a search */
    uint32_t n_members, n_required;
    const uint32_t *slots; /* hash table of indexes into members, plus one */
    uint32_t slot_mask;
    const struct pattern_member *patterns;
    size_t n_patterns;
    const struct dependent *dependents;
    size_t n_dependents;
    const struct node *additional, *names, *unevaluated;
    size_t min_members, max_members;
    bool names_only; /* of the members it says only which must be there, and these are few */
};

struct node_list {
    const struct node *const *nodes;
    size_t n;
};

/* A schema with an $id, and the $dynamicAnchors in it. */
struct resource {
    struct str uri;
    const struct dynamic_anchor {
        struct str name;
        const struct node *node;
    } * anchors;
    size_t n_anchors;
};

/* Keywords that apply to any type. */
struct any_rules {
    const struct json *constant, *members; /* const, enum */
    const struct node *ref, *dynamic_ref, *not, *condition, *then, *otherwise;
    struct str dynamic_name; /* ptr NULL: dynamic_ref is a plain one */
    struct node_list all_of, any_of, one_of;
};

struct node {
    uint8_t types; /* what `type` allows; 0: the schema `false` */
    bool unevaluated; /* has unevaluatedItems or unevaluatedProperties */
    bool only_type;   /* `types` is all it says */
    enum { WALK_FRESH, WALK_OPEN, WALK_DONE } walk; /* the compiler's search for loops */
    const struct number_rules *number;
    const struct string_rules *string;
    const struct array_rules *array;
    const struct object_rules *object;
    const struct any_rules *any;
    const struct resource *resource;
};

struct schema {
    struct arena *arena;
    const struct node *root;
    bool dynamic; /* some node has a $dynamicRef that needs the way there */
};

uint32_t member_hash(struct str name);

/* The number as its decimal text says, sign left out. */
struct decimal decimal_of(const struct json *number);

/* Is the number a whole number of steps, exactly? */
bool decimal_is_multiple(struct decimal number, struct decimal step);
