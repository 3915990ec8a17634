/* JSON Schema 2020-12: compiled once, then validates. Stands on json and PCRE2 (patterns; ECMA 262 as far as it goes). */
#pragma once

#include "platform/json/json.h"

struct schema;

/* A reader for `$ref`s to other documents: gives the document with that absolute URI, or NULL. */
typedef const struct json *(*schema_resolver)(struct ctx *ctx, struct str uri, void *argument);

struct schema_options {
    struct str base_uri;
    schema_resolver resolve;
    void *argument;
    bool
        assert_formats; /* "format" refuses (date-time, date, time, email, uri, uuid, ipv4, ipv6, hostname, ...) */
};

/* Owned by the caller; immutable and thread-safe afterwards. NULL with ERR_INVALID and the pointer of what is wrong. */
struct schema *schema_compile(struct ctx *ctx, const struct json *document,
                              const struct schema_options *options);
void schema_free(struct schema *schema);

/* True when it fits. Otherwise ctx's error is INVALID with instance pointer and a sentence (the first violation). */
bool schema_validate(struct ctx *ctx, const struct schema *schema, const struct json *instance);
