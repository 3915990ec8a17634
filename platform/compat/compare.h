/* Is what the writer writes read well by the reader? For the files of this folder.
 *
 * The reader is one schema at a time. The writer is all that is known of its values: the schemas
 * that hold of them at once (atoms: allOf and $ref are flattened), their types, and the value
 * itself where there is only one. */
#pragma once

#include "platform/compat/documents.h"
#include "platform/compat/findings.h"

enum type_bit {
    TYPE_NULL = 1,
    TYPE_BOOL = 2,
    TYPE_INTEGER = 4,
    TYPE_FRACTION = 8, /* numbers that are not whole */
    TYPE_STRING = 16,
    TYPE_ARRAY = 32,
    TYPE_OBJECT = 64,
    TYPE_ALL = 127,
    TYPE_NUMBER = TYPE_INTEGER | TYPE_FRACTION,
};

enum taken_apart { APART_ANY = 1, APART_ONE = 2, APART_IF = 4 };

struct atom {
    struct node node;
    unsigned apart; /* enum taken_apart: what holds of a part is an atom of its own */
    unsigned part;  /* with APART_ONE: which alternative */
    bool silent;    /* it says nothing of the values but by what it refers to */
};

struct writer {
    struct atom *atoms;
    size_t n;
    unsigned types;
    const struct json *value; /* NULL: not one value */
    bool never;               /* nothing is written here */
};

/* Pairs under comparison: meeting one again inside itself shows nothing new. On the stack. */
struct pair {
    const struct writer *writer;
    const struct json *reader;
    const struct pair *up;
};

struct compare {
    struct reading reading;
    const struct pair *pairs;
    const struct json *words; /* [null, true, false] */
    struct known_pattern *patterns;
    int steps_left;           /* beyond, all is "not-comparable" */
    bool failed;    /* a reference leads nowhere: the error is in the ctx */
};

/* ---- compare.c ---- */

/* Notes all that the reader does not take, or misses. */
void compare_values(struct compare *c, const struct writer *writer, struct node reader,
                    const struct at *at);

/* The same into findings of their own, to be taken or not. */
struct compat_findings compare_aside(struct compare *c, const struct writer *writer,
                                     struct node reader, const struct at *at);

/* Is it certain that the reader takes all of it? */
bool compare_fits(struct compare *c, const struct writer *writer, struct node reader,
                  const struct at *at);

/* Notes a finding at the reader's keyword (NULL: the schema itself), or where the new contract has
 * its counterpart. */
void compare_found(struct compare *c, enum rule rule, const struct at *at,
                   const struct writer *writer, struct node reader, const char *keyword,
                   struct words words);

/* One comparison from its beginning; false with INVALID when a reference leads nowhere. */
bool compare_schemas(struct reading reading, struct node writer, struct node reader);

/* ---- writer.c ---- */

struct writer writer_any(void);
struct writer writer_new(struct compare *c, struct node node);

/* A copy with one schema more. */
struct writer writer_with(struct compare *c, const struct writer *writer, struct node node);
bool writer_same(const struct writer *a, const struct writer *b);
bool writer_is_any(const struct writer *writer);

/* All types that its values may have. */
unsigned writer_types(struct compare *c, const struct writer *writer);

/* Its values, when they can be counted; NULL otherwise. */
const struct json **writer_values(struct compare *c, const struct writer *writer, size_t *n);

/* The parts that its values fall into: by the alternatives of the first atom that has some, else by
 * type, else by value. 0: it is whole. */
size_t writer_parts(struct compare *c, const struct writer *writer, struct writer **parts,
                    bool *alternatives);

/* ---- types.c ---- */

unsigned types_of(const struct node *schema); /* by `type`, `nullable`; TYPE_ALL unless said */
unsigned type_of_value(const struct json *value);
struct str types_text(struct arena *arena, unsigned types);   /* "text or null" */
struct str values_text(struct arena *arena, const struct json *array);
bool value_in(const struct json *array, const struct json *value);

/* ---- scalars.c, objects.c, arrays.c, alternatives.c: one kind of the reader's keywords each ---- */

void compare_scalars(struct compare *c, const struct writer *writer, struct node reader,
                     unsigned types, const struct at *at);
void compare_object(struct compare *c, const struct writer *writer, struct node reader,
                    const struct at *at);

/* Members that all of the reader together does not know, and takes. */
void compare_ignored(struct compare *c, const struct writer *writer, struct node reader,
                     const struct at *at);
void compare_array(struct compare *c, const struct writer *writer, struct node reader,
                   const struct at *at);
void compare_alternatives(struct compare *c, const struct writer *writer, struct node reader,
                          const struct at *at);

/* ---- members.c: what schemas say of members ---- */

/* What the writer may put under this name; *named: one of its schemas names it. */
struct writer writer_member(struct compare *c, const struct writer *writer, struct str name,
                            bool *named);

/* What it may put under names that none of its schemas speaks of. */
struct writer writer_others(struct compare *c, const struct writer *writer);
bool writer_requires(const struct writer *writer, struct str name);

/* The names that its schemas name, each once; are there no others? */
size_t writer_names(struct compare *c, const struct writer *writer, struct str **names);
bool writer_is_listed(struct compare *c, const struct writer *writer);

/* What a schema says of a name (ptr NULL: any other) that its `properties` and `patternProperties`
 * do not: .json NULL is nothing; *closed: it may not be there. What `unevaluatedProperties` leaves
 * open is left open to who `writes`. */
struct node additional_of(struct compare *c, struct node schema, struct str name, bool writes,
                          bool *closed);
bool pattern_matches(struct compare *c, struct str pattern, struct str text);
bool list_has(const struct json *array, struct str text);

/* ---- items.c: what schemas say of elements ---- */

#define ANY_OTHER SIZE_MAX

/* What a schema says of the element at the index (ANY_OTHER: of those behind all that it numbers). */
struct node item_of(struct compare *c, struct node schema, size_t index, bool writes, bool *closed);
size_t items_numbered(struct node schema);
struct writer writer_item(struct compare *c, const struct writer *writer, size_t index);

/* How many elements there are at most, as far as items says. */
int64_t writer_items_most(struct compare *c, const struct writer *writer);

/* ---- alternatives.c ---- */

/* Is it certain that no value is of both? */
bool writers_apart(struct compare *c, const struct writer *a, const struct writer *b);
