/* Compiled Liquid of the snippets that content publishes (`{"liquid": "..."}`), each kept until its snippet changes. In
 * memory, of fixed size. Thread-safe. */
#pragma once

#include "platform/template/template.h"
#include "services/gateway/edge.h"

#define TEMPLATES_KEPT 64
#define TEMPLATES_FRESH_US 250000 /* how late a page may follow a changed snippet */

struct templates;

struct templates *templates_new(void);
void templates_free(struct templates *templates); /* NULL-safe; nobody uses one any more */

/* What one rendering uses; it stays as it is until it is given back. */
struct templates_use {
    struct templates *templates;
    struct lmdb *edge;
    struct str locale;
    struct compiled *taken[TEMPLATES_KEPT];
    size_t n;
};

/* NULL with NOT_FOUND when there is no such snippet, with INVALID and where it is wrong when it is no Liquid. */
const struct template *templates_take(struct ctx *ctx, struct templates_use *use, struct str name);
void templates_give(struct templates_use *use); /* for CLEANUP */
