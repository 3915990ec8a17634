/* Records of an import file: CSV (RFC 4180, a header line) or JSON lines, read one at a time. */
#pragma once

#include <stdio.h>

#include "platform/contract/contract.h"

/* What makes an object of a row of text: columns are called after the members of `type`, with dots for what is inside
 * ("price.amount", "traits.plan"); text becomes what the contract says. Consecutive rows with the same id are one record
 * with an element each in its array of objects ("lines.product_id"). */
struct record_shape {
    const char *id;                 /* "order_id": the column or member that names the record */
    const struct schema_type *type; /* of the rest */
    bool consents;        /* a member `consents` is apart: each of it is a call of its own */
    const char *currency; /* for decimal money columns ("price": 19.99) without "price.currency" */
    const struct mapping *
        mapping; /* of columns; with one, columns that it does not name and the contract does not know are left out */
    const char
        *id_prefix; /* "prf_": ids get it where they lack it; NULL: they are taken as they are */
    bool id_from_email;     /* the id is made of the address (the same of the same address) */
    const char *source;     /* of consent without a column that says where it was given */
    const char *encoding;   /* NULL: by the mark at the file's beginning */
    char delimiter;         /* 0: the one of , ; tab | that the header has most of */
    int64_t changed_us;     /* when the file was changed; set by records_open() */
};

struct record {
    int64_t line;      /* of its first line, from 1 */
    int64_t last_line; /* of its last */
    struct str text;   /* as it stands in the file */
    struct str id;
    struct str json;  /* the object without its id; ptr NULL: `reason` says why it cannot be used */
    struct str extra;   /* JSON array of the member `consents`, or ptr NULL */
    struct str reason;
};

struct records;

/* By the file's name: .csv, .jsonl, .ndjson or .json. NULL with a sentence. */
struct records *records_open(struct ctx *ctx, const char *path, const struct record_shape *shape);
void records_close(struct records *records); /* NULL-safe */

/* The next record, in ctx's arena; false at the end, or with an error when the file cannot be read. */
bool records_next(struct ctx *ctx, struct records *records, struct record *out);

/* The header of a CSV file as it stands there; and its delimiter. ptr NULL: it is none. */
struct str records_header(const struct records *records, char *delimiter);

int64_t records_bytes(const struct records *records);    /* of the file */
int64_t records_consumed(const struct records *records); /* bytes read so far */
