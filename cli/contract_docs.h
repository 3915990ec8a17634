/* The reference of contracts as HTML: what its parts share. */
#pragma once

#include <stdio.h>

#include "cli/contract_set.h"

/* Where a schema stands, for its references. */
struct docs_node {
    const struct json *json;
    const struct compat_document *document;
    const struct json *root; /* of the file that it is in */
    struct str uri;          /* of that file */
};

/* A schema with a name, told once per page. */
struct docs_schema {
    struct str name;
    struct docs_node node;
    struct docs_schema *next;
};

struct page {
    struct ctx *ctx;
    FILE *to;
    const struct contract_set *set;
    const struct contract_service *service; /* NULL: the index */
    struct docs_schema *schemas;            /* that were referred to */
};

/* ---- contract_docs_html.c ---- */

void html_text(FILE *to, struct str text); /* escaped */
void html_begin(struct page *page, struct str title);
void html_end(struct page *page);
extern const char html_style[];

/* `fanfare.stock.level.changed.v1` as a link to where it is told. */
void html_event_link(struct page *page, struct str type);
void html_service_link(struct page *page, struct str name, const char *anchor);
void html_code(struct page *page, const struct json *value); /* indented */

/* ---- contract_docs_schema.c ---- */

struct docs_node docs_root(const struct compat_document *document);
struct docs_node docs_get(struct docs_node node, const char *key);

/* What a chain of `$ref`s leads to; *name: the last part of the last reference (ptr NULL: none). */
struct docs_node docs_follow(struct page *page, struct docs_node node, struct str *name);

/* In words: "text, at most 80 characters", with links to schemas that have a name. */
void docs_type(struct page *page, struct docs_node schema);

/* The members of an object as a table, those inside it below. Nothing for other schemas. */
void docs_members(struct page *page, struct docs_node schema);

/* All that was referred to on this page. */
void docs_schemas(struct page *page);

/* ---- contract_docs_http.c, contract_docs_events.c ---- */

void docs_operations(struct page *page);
void docs_operation_list(struct page *page); /* for the page's contents */
void docs_events(struct page *page);
size_t docs_n_operations(const struct contract_service *service);
