/* A page as HTML: by the layout that content publishes, plainly where there is none or it fails. */
#pragma once

#include "services/gateway/page.h"
#include "services/gateway/templates.h"

#define HTML_LAYOUT                                                                                \
    "layout" /* the slug of its snippet; a template sees `page`, as the contract has ServedPage */
#define HTML_MOST_STEPS                                                                            \
    100000 /* some 10 ms: what is kept of the page's budget for putting it together */
#define HTML_MOST_BYTES (1u << 20)

struct html {
    struct template *plain;
    struct templates *templates;
};

bool html_open(struct ctx *ctx, struct html *html);
void html_close(struct html *html);

/* Does the caller want HTML rather than JSON? */
bool html_wanted(const struct ctx *ctx);

/* Never fails: false when the layout did, and it is plain. */
bool html_render(struct ctx *ctx, struct html *html, struct lmdb *edge,
                 const struct served_page *page, struct str *out);
