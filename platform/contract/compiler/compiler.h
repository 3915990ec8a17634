/* The contract compiler, inside: documents -> model -> C. One arena for the whole run; what is wrong is printed as
 * "file#pointer: sentence" and counted, so that one run tells all of it. */
#pragma once

#include <stdio.h>

#include "platform/contract/contract.h"

/* A file as read. */
struct source {
    const char *path;
    const struct json *root;
    struct source *next;
};

/* A contract or an event schema that stands alone: shared parts copied in, closed where nothing else is said. */
struct document {
    const char *path; /* for messages */
    const struct json *root;
    struct str text;    /* the same as JSON, compact */
    const char *prefix; /* of the names of structs: "" or "order_placed_" */
};

/* A place in a document, for messages and for what is looked up. */
struct spot {
    const struct document *document;
    const struct json *node;
    struct str pointer;
};

struct model_enum {
    const char *name, *upper; /* "order_state", "ORDER_STATE" */
    struct str description;
    struct str *members;
    const char **constants;
    size_t n;
    struct spot spot;
    struct model_enum *next;
};

struct model_struct;

struct model_field {
    struct str json_name;
    const char *name; /* in C */
    struct str description;
    enum field_kind kind;
    unsigned flags;
    struct model_struct *object;
    struct model_enum *enumeration;
    struct field_limits limits; /* without .pattern */
    const char *pattern;
    bool limited; /* some limit is not neutral */
    struct field_fallback fallback;
};

struct model_struct {
    const char *name; /* "order_line" */
    struct str description;
    struct model_field *fields;
    size_t n;
    bool open;
    enum { TO_WRITE, WRITING, WRITTEN } state; /* structs held by value are written first */
    struct spot spot;
    struct model_struct *next;
};

/* What one document gives: openapi.yaml, or one event. */
struct model {
    struct model_enum *enums;
    struct model_struct *structs;
};

struct model_param {
    enum param_place place;
    struct model_field field;
};

struct model_operation {
    const char *id, *method, *path, *scope, *priority;
    struct str summary;
    enum operation_auth auth;
    enum operation_run run;
    int success;
    struct model_param *params;
    size_t n_params;
    struct model_struct *body;
    bool body_json, body_object, body_raw, body_required;
    const char *body_types[8];
    size_t n_body_types;
    int64_t max_body_bytes;
    bool idempotency_key, foreign, open, at_once;
    struct model_operation *next;
};

struct model_event {
    const char *type, *topic;
    const char *name;     /* "order_placed", "order_placed_v2" */
    const char *constant; /* "COMMERCE_ORDER_PLACED_V1" */
    struct model_struct *data;
    struct model_field *subject, *key;
    enum event_keeping keeping;
    int days, partitions;
    bool erasable, command;
    struct document document;
    struct model model;
    struct model_event *next;
};

struct compiler {
    struct ctx ctx;
    struct arena *arena;
    const char *service, *version;
    const char *owner; /* macro that only the service itself defines; NULL: no guard is written */
    struct source *sources;
    struct name {
        const char *name;
        struct spot spot;
        struct name *next;
    } * names; /* of structs and enums, all documents */
    int errors;

    struct document openapi; /* root NULL: none */
    struct model types;
    struct model_operation *operations; /* in the order of the document */
    struct model_event *events;         /* by file name */
};

/* ---- messages (main.c) ---- */

/* Prints and counts what is wrong at the spot; gives false. */
bool wrong(struct compiler *c, struct spot spot, const char *format, ...) PRINTF_LIKE(3, 4);
bool wrong_file(struct compiler *c, const char *path, const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- documents (document.c) ---- */

/* Reads openapi.yaml or an event schema, with what it refers to outside. False when wrong. */
bool document_read(struct compiler *c, const char *path, bool event, struct document *out);

struct spot spot_root(const struct document *document);
struct spot spot_member(struct compiler *c, struct spot spot,
                        const char *name); /* node NULL when absent */
struct spot spot_member_n(struct compiler *c, struct spot spot, struct str name);
struct spot spot_index(struct compiler *c, struct spot spot, size_t index, const struct json *node);

/* Follows $ref (chains too); false when it leads nowhere. A spot without $ref stays. */
bool spot_follow(struct compiler *c, struct spot *spot);
bool spot_is(struct spot spot, const char *keyword, const char *value); /* a string member */

/* ---- names (names.c) ---- */

const char *name_snake(struct arena *arena, struct str text);  /* OrderLine -> order_line */
const char *name_upper(struct arena *arena, const char *text); /* order_line -> ORDER_LINE */
const char *name_field(struct arena *arena, struct str text);  /* snake, and not a keyword of C */
const char *name_single(struct arena *arena, const char *text); /* lines -> line */
bool name_is_snake(struct str text);
bool name_is_platform(const char *text); /* a struct of the platform's headers */

/* Notes the name of a struct or enum; false when it is taken. */
bool name_take(struct compiler *c, const char *name, struct spot spot);

/* ---- schemas -> model (schemas.c, limits.c) ---- */

/* The struct of an object schema; made when it is met first. NULL when wrong. */
struct model_struct *model_struct_of(struct compiler *c, struct model *model, const char *name,
                                     struct spot spot);

/* Fills *out from a member's schema. `owner` begins the names of what is nested. */
bool model_field_of(struct compiler *c, struct model *model, const char *owner,
                    struct str json_name, struct spot spot, struct model_field *out);

/* All of components.schemas. */
void model_components(struct compiler *c);

/* Puts structs that others hold by value before those; false when one holds itself. */
bool model_order(struct compiler *c, struct model *model);

/* The enum of a string schema with `enum` or `const`. NULL when wrong. */
struct model_enum *model_enum_of(struct compiler *c, struct model *model, const char *name,
                                 struct spot spot);

/* Name of what a $ref leads to ("#/$defs/Line" -> "order_placed_line"); NULL when the schema stands where it is used. */
const char *model_ref_name(struct compiler *c, struct spot spot);

void limits_neutral(struct field_limits *limits);
bool limits_read(struct compiler *c, struct spot spot, struct model_field *field);
bool fallback_read(struct compiler *c, struct spot spot, struct model_field *field);

/* ---- operations, events, examples ---- */

void operations_read(struct compiler *c);
bool params_read(struct compiler *c, struct spot list, struct model_operation *operation);
bool params_complete(struct compiler *c, struct spot spot, const struct model_operation *operation);
bool body_read(struct compiler *c, struct spot spot, struct model_operation *operation);
bool responses_read(struct compiler *c, struct spot spot, struct model_operation *operation);
void event_read(struct compiler *c, const char *path);

/* Is there an example beside the schema (`example`, `examples`) that fits it? */
bool examples_check(struct compiler *c, struct spot holder, struct spot schema);

/* ---- writing (write_*.c) ---- */

void write_types_h(struct compiler *c, FILE *out);
void write_types_c(struct compiler *c, FILE *out);
void write_events_h(struct compiler *c, FILE *out);
void write_events_c(struct compiler *c, FILE *out);
void write_client_h(struct compiler *c, FILE *out);
void write_contract_h(struct compiler *c, FILE *out);
void write_contract_c(struct compiler *c, FILE *out);

/* Parts of them. */
void write_model_h(struct compiler *c, FILE *out, struct model *model);
void write_model_c(struct compiler *c, FILE *out, const struct model *model);
void write_field_decl(FILE *out, const struct model_field *field, const char *indent);
void write_field_row(FILE *out, const struct model_field *field, const char *owner,
                     const char *limits_of, const char *indent);
void write_limits(FILE *out, const struct model_field *field, const char *owner);
void write_literal(FILE *out, struct str text); /* as a C string literal, in lines */
void write_comment(FILE *out, const char *indent, struct str text);
