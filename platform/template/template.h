/* Liquid: templates compiled once, rendered often. No I/O. The language is described in docs/liquid.md. */
#pragma once

#include "platform/json/json.h"
#include "platform/zone/zone.h"

struct template;

/* Owned by the caller; immutable and thread-safe. NULL with ERR_INVALID and "line L, column C: ..." for what is not
 * Liquid: unknown tags and filters, a wrong number of arguments, blocks that are not closed, more than 100 blocks inside
 * each other, more than 1,000 names, a source of more than 1 MiB or that is not UTF-8. */
struct template *template_compile(struct ctx *ctx, struct str source);
void template_free(struct template *template);

#define TEMPLATE_MOST_STEPS 500000
#define TEMPLATE_MOST_BYTES (4u << 20)
#define TEMPLATE_MOST_DEPTH 16 /* snippets inside snippets */

struct template_options {
    const struct json *data;   /* an object: the names that the template sees */
    bool text;                 /* plain text: nothing is escaped */
    const struct zone *zone;   /* of dates; NULL: UTC */
    struct str locale;         /* of money ("de", "en-GB"); ptr NULL: "en" */
    size_t most_steps, most_bytes; /* 0: as above; bytes are those of the result */

    /* What {% render 'name' %} shows: a compiled template that lives as long as the rendering. NULL with an error when
     * there is none. Without a function there are no snippets. */
    const struct template *(*snippet)(struct ctx *ctx, struct str name, void *argument);
    void *argument;
};

/* The result lives in ctx's arena, which is all that is allocated from, and ends in NUL. False with ERR_INVALID and
 * "line L, column C: ..." (in a snippet, its name before that) for what cannot be worked out, such as a division by zero,
 * and with ERR_TOO_LARGE when it takes too many steps, makes too much text or goes too deep. What fails for another
 * reason in `snippet` keeps its code. */
bool template_render(struct ctx *ctx, const struct template *template,
                     const struct template_options *options, struct str *out);
