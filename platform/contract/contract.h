/* What the contract compiler writes (structs, field tables, operations, event types) and the small runtime that decodes,
 * validates and encodes by those tables. Services include the generated headers, which include this one. */
#pragma once

#include <stdint.h>

#include "base/money.h"
#include "platform/json/json.h"

/* Generated names are short in C ("order_type"), and long for the linker ("commerce_order_type"), so that the contracts
 * of several services go into one program. */
#define CONTRACT_LINK(name) __asm__(#name)

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
    FIELD_REQUIRED = 1,  /* the member must be there */
    FIELD_ARRAY = 2,     /* `x` is a pointer to elements, `n_x` (size_t) their number */
    FIELD_OPTIONAL =
        4, /* scalars: `has_x`; text: ptr NULL; objects, money: a pointer, NULL when absent */
    FIELD_PERSONAL = 8,  /* x-personal */
    FIELD_NULLABLE =
        16, /* null is accepted, as absent; a required one is written as null when absent */
    FIELD_DEFAULT = 32,  /* absent: `fallback` */
};

enum text_format {
    FORMAT_NONE,
    FORMAT_DATE, /* 2026-01-31 */
    FORMAT_TIME,
    FORMAT_DURATION,
    FORMAT_EMAIL,
    FORMAT_UUID,
    FORMAT_URI, /* absolute */
    FORMAT_URI_REFERENCE,
    FORMAT_HOSTNAME,
    FORMAT_IPV4,
    FORMAT_IPV6,
};

/* An ECMA 262 pattern, compiled at first use. */
struct contract_pattern {
    const char *text;
    _Atomic(void *) code;
};

/* Limits of one field, of each element where it is an array; unused ones are their neutral values as the compiler
 * writes them. */
struct field_limits {
    int64_t least, most;             /* integers */
    double least_d, most_d;          /* numbers */
    uint32_t min_length, max_length; /* text, in code points; FIELD_JSON: members of an object */
    uint32_t min_items, max_items;   /* arrays */
    struct contract_pattern *pattern;
    const char *id_prefix; /* x-id-prefix: text must be a typed id ("ord_...") */
    enum text_format format;
    bool object; /* FIELD_JSON: an object, not any value */
};

/* What an absent member becomes; text has no copy. */
struct field_fallback {
    int64_t integer; /* integers, times, booleans, enum members (index) */
    double number;
    struct str text;
};

struct field {
    const char *name;
    uint16_t name_length;
    uint8_t kind, flags;
    uint32_t offset;   /* of the value */
    uint32_t presence; /* offset of has_x or n_x; UINT32_MAX: none */
    const struct schema_type *type; /* FIELD_OBJECT */
    const char *const *members;     /* FIELD_ENUM: [0] is "", then the members; NULL at the end */
    const struct field_limits *limits;     /* NULL: none */
    const struct field_fallback *fallback; /* FIELD_DEFAULT */
    const char *key; /* the name as it is written: "\"order_id\":", name_length + 3 long */
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
    DECODE_STRICT, /* requests: unknown members and enum members refused (INVALID with the pointer of the member) */
    DECODE_TOLERANT, /* events: unknown members ignored, unknown enum members become UNKNOWN */
};

/* Fills *out (all of it; arrays and copies in the arena). On failure the error says pointer and sentence. All text is
 * valid UTF-8 without U+0000. */
bool contract_decode(struct ctx *ctx, const struct schema_type *type, const struct json *value,
                     enum decode_mode mode, void *out);
void contract_encode(struct json_out *out, const struct schema_type *type, const void *value);
struct str contract_encode_text(struct arena *arena, const struct schema_type *type,
                                const void *value);

/* Does a struct made by a program fit its contract (required text and arrays set, enum members known, limits kept)?
 * INTERNAL with the pointer otherwise: the program is wrong, not the caller. */
bool contract_check(struct ctx *ctx, const struct schema_type *type, const void *value);

/* Name of an enum member ("" for UNKNOWN), and the member of a name (0, UNKNOWN, when there is none). */
const char *contract_enum_name(const char *const *members, int value);
int contract_enum_parse(const char *const *members, struct str text);

/* ---- replies ---- */

struct reply_header {
    const char *name;
    struct str value;
    struct reply_header *next;
};

/* A part of a file as the body: what is sent is read when it is sent, so nobody holds it in memory meanwhile. */
struct reply_file {
    int fd; /* closed when the arena of the request ends */
    uint64_t offset, bytes;
};

/* What a handler gives. Body and headers live in the arena of the request. */
struct reply {
    int status;
    struct str body;
    const struct reply_file *file; /* instead of body, where it is not NULL */
    const char *content_type;
    struct reply_header *headers;
};

struct reply reply_ok(struct ctx *ctx, struct str body); /* the operation's own success status */
struct reply reply_empty(struct ctx *ctx);                    /* 204 */
struct reply reply_not_modified(struct ctx *ctx, struct str etag); /* 304 */
struct reply reply_error(struct ctx *ctx); /* problem+json of ctx->error (RFC 9457) with trace_id */
/* `fd` is the reply's from now on. */
struct reply reply_file(struct ctx *ctx, int status, const char *content_type, int fd,
                        uint64_t offset, uint64_t bytes);
struct reply reply_text(struct ctx *ctx, int status, const char *content_type, struct str body);
void reply_add(struct ctx *ctx, struct reply *reply, const char *name, struct str value);

/* The problem document alone: type "urn:fanfare:problem:not-found". A parameter at fault, whose pointer is
 * "query/limit", is given as {"in": "query", "name": "limit"}. */
struct str problem_json(struct ctx *ctx, const struct error *error, const char *instance);

/* ---- operations ---- */

enum param_place { PARAM_PATH, PARAM_QUERY, PARAM_HEADER };

struct param {
    enum param_place place;
    struct field field; /* offset and presence inside the operation's `in` struct */
};

/* Sets a parameter in an operation's `in` struct from its text as received, decoded from percents; n is 0 when it is
 * absent, more than 1 when it was repeated (refused unless it is an array). INVALID with the pointer "query/limit". */
bool contract_param(struct ctx *ctx, const struct param *param, const struct str *values, size_t n,
                    void *in);

/* The target of a request: path and query, escaped, absent parameters left out ("/v1/prices/prd_1?currency=USD"). */
struct str contract_target(struct arena *arena, const char *path, const struct param *params,
                           size_t n, const void *in);

enum operation_auth {
    AUTH_TOKEN,     /* bearer token that holds `scope` */
    AUTH_WRITE_KEY, /* Basic user name, or `writeKey` of the body, that holds `scope` */
    AUTH_PUBLIC,    /* `security: []` in the contract */
    AUTH_EITHER, /* a bearer token, or a write key as the user name of Basic; either holds `scope` */
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
    /* The body, by contract_body(): at most one of the three offsets is not UINT32_MAX. */
    const struct schema_type *body; /* of body_offset */
    uint32_t body_offset;           /* of `const struct X *body` in `in`: decoded strictly */
    uint32_t body_json_offset;      /* of `const struct json *body`: any JSON, or an open object */
    uint32_t
        body_raw_offset; /* of `struct str body_raw` (x-raw-body): the bytes as received, nothing checked */
    bool body_required, body_object; /* body_object: body_json must be an object */
    bool idempotency_key;            /* Idempotency-Key is honoured (POST operations that write) */
    bool foreign; /* x-foreign: another protocol's wire; its errors are not problems */
    bool
        open; /* `{}` among the ways in: without credentials too, where the service lets strangers in */
    const char *const *body_types;  /* media types, NULL at the end */
    size_t max_body_bytes;          /* 0: the server's limit */
    const char *priority; /* "decision", "collect", "status", "search", "bulk": order of mercy */
    /* x-at-once: asked first, on the loop, with neither SQL nor anything to wait for; false leaves it to `handle`, and
     * nothing in ctx or *reply. NULL: none. */
    bool (*at_once)(struct ctx *ctx, const void *in, struct reply *reply);
    struct reply (*handle)(struct ctx *ctx, const void *in);
};

/* Reads, validates and sets the body in `in` (text ptr NULL: none was sent). MALFORMED, or INVALID with the pointer. */
bool contract_body(struct ctx *ctx, const struct operation *operation, struct str text, void *in);

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
    const struct event_type *const *commands; /* that it receives, on <service>.commands */
    size_t n_commands;
    const char *openapi; /* the contract as JSON text, served at /openapi.json */
};
