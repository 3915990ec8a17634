/* What the contract compiler writes (structs, field tables, operations, event types) and the small runtime that decodes,
 * validates and encodes by those tables. Services include the generated headers, which include this one. */
#pragma once

#include "base/money.h"
#include "platform/json/json.h"

/* ---- values ---- */

enum field_kind {
    FIELD_STR,    /* struct str */
    FIELD_INT,    /* int64_t */
    FIELD_DOUBLE, /* double */
    FIELD_BOOL,   /* bool */
    FIELD_TIME,   /* int64_t, microseconds UTC (format date-time) */
    FIELD_ENUM,   /* int: index into the members; 0 is <NAME>_UNKNOWN */
    FIELD_MONEY,  /* struct money ({"amount": 1999, "currency": "USD"}) */
    FIELD_OBJECT, /* a generated struct */
    FIELD_JSON,   /* const struct json *: an open object or any value */
};

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_ARRAY = 2,     /* `x` is a pointer to elements, `n_x` (size_t) their number */
    FIELD_OPTIONAL = 4,  /* scalars: `has_x`; text: ptr NULL; objects, money: a pointer, NULL when absent */
    FIELD_PERSONAL = 8,  /* x-personal */
    FIELD_PREFIXED = 16, /* text that must be a typed id (x-id-prefix in `pattern`) */
};

/* Limits of one field; unused ones are their neutral values as the compiler writes them. */
struct field_limits {
    int64_t least, most;         /* integers */
    double least_d, most_d;      /* numbers */
    uint32_t min_length, max_length; /* text, in code points */
    uint32_t min_items, max_items;
    const char *pattern;         /* PCRE2, compiled at first use */
    const char *format;          /* "email", "uuid", "uri", "date", ... */
};

struct field {
    const char *name;
    uint16_t name_length;
    uint8_t kind, flags;
    uint32_t offset;   /* of the value */
    uint32_t presence; /* offset of has_x or n_x; UINT32_MAX: none */
    const struct schema_type *type;  /* FIELD_OBJECT */
    const char *const *members;      /* FIELD_ENUM: [0] is "", then the members; NULL at the end */
    const struct field_limits *limits;
};

/* A struct that the compiler wrote. */
struct schema_type {
    const char *name;
    size_t size;
    const struct field *fields;
    size_t n_fields;
    bool open; /* unknown members are ignored also when strict */
};

enum decode_mode {
    DECODE_STRICT,   /* requests: unknown members and enum members refused (INVALID with the pointer of the member) */
    DECODE_TOLERANT, /* events: unknown members ignored, unknown enum members become UNKNOWN */
};

/* Fills *out (all of it; arrays and copies in the arena). On failure the error says pointer and sentence. All text is
 * valid UTF-8 without U+0000. */
bool contract_decode(struct ctx *ctx, const struct schema_type *type, const struct json *value, enum decode_mode mode,
                     void *out);
void contract_encode(struct json_out *out, const struct schema_type *type, const void *value);
struct str contract_encode_text(struct arena *arena, const struct schema_type *type, const void *value);

/* ---- replies ---- */

struct reply_header {
    const char *name;
    struct str value;
    struct reply_header *next;
};

/* What a handler gives. Body and headers live in the arena of the request. */
struct reply {
    int status;
    struct str body;
    const char *content_type;
    struct reply_header *headers;
};

struct reply reply_ok(struct ctx *ctx, struct str body);      /* the operation's own success status */
struct reply reply_empty(struct ctx *ctx);                    /* 204 */
struct reply reply_not_modified(struct ctx *ctx, struct str etag); /* 304 */
struct reply reply_error(struct ctx *ctx);                    /* problem+json of ctx->error (RFC 9457) with trace_id */
struct reply reply_text(struct ctx *ctx, int status, const char *content_type, struct str body);
void reply_add(struct ctx *ctx, struct reply *reply, const char *name, struct str value);

/* The problem document alone. */
struct str problem_json(struct ctx *ctx, const struct error *error, const char *instance);

/* ---- operations ---- */

enum param_place { PARAM_PATH, PARAM_QUERY, PARAM_HEADER };

struct param {
    enum param_place place;
    struct field field; /* offset and presence inside the operation's `in` struct */
};

enum operation_auth {
    AUTH_TOKEN,     /* bearer token that holds `scope` */
    AUTH_WRITE_KEY, /* Basic user name, or `writeKey` of the body, that holds `scope` */
    AUTH_PUBLIC,    /* `security: []` in the contract */
};

enum operation_run {
    RUN_READ,  /* on the HTTP loop (SQLite) or the pool (PostgreSQL), ctx->sql is a reader */
    RUN_WRITE, /* on the writer, inside a savepoint, answered after the commit */
    RUN_POOL,  /* on a pool thread; ctx->sql is NULL; may call peers */
};

struct operation {
    const char *id, *method, *path; /* "get_balance", "GET", "/v1/balances/{customer_id}" */
    const char *scope;
    enum operation_auth auth;
    enum operation_run run;
    int success;
    size_t in_size;
    const struct param *params;
    size_t n_params;
    const struct schema_type *body; /* NULL: none */
    uint32_t body_offset;           /* of `const struct X *body` in `in` */
    uint32_t body_raw_offset;       /* of `struct str body_raw` in `in` (x-raw-body); UINT32_MAX: none */
    bool body_required;
    const char *const *body_types;  /* media types, NULL at the end */
    size_t max_body_bytes;          /* 0: the server's limit */
    const char *priority;           /* "decision", "collect", "status", "search", "bulk": order of mercy */
    struct reply (*handle)(struct ctx *ctx, const void *in);
};

/* ---- events ---- */

enum event_keeping { KEEP_FOREVER, KEEP_COMPACTED, KEEP_DAYS };

struct event_type {
    const char *type;  /* "fanfare.commerce.order.placed.v1" */
    const char *topic; /* "fanfare.commerce.order" */
    const struct schema_type *data;
    const struct field *subject, *key; /* members of the data that are subject and partitionkey */
    enum event_keeping keeping;
    int days;        /* KEEP_DAYS */
    int partitions;
    bool erasable;
    const char *schema; /* the JSON Schema, as text */
};

struct contract {
    const char *service, *version;
    const struct operation *operations;
    size_t n_operations;
    const struct event_type *const *publishes;
    size_t n_publishes;
    const char *openapi; /* the contract as JSON text, served at /openapi.json */
};
