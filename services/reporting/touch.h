/* Which channel and which campaign a visit came by: the utm_ parameters that sites put into their links. Pure. */
#pragma once

#include "platform/json/json.h"
#include "services/reporting/measures.h"

struct touch {
    enum channel channel;
    struct str campaign; /* empty: none */
};

#define TOUCH_CAMPAIGN_BYTES 80

/* From an event of the clickstream: `context.campaign` (as Segment's libraries fill it), else the query of
 * `context.page.search`, `context.page.url`, `properties.search` or `properties.url`. False: it came by no link of that
 * kind. */
bool touch_of(struct ctx *ctx, const struct json *context, const struct json *properties,
              struct touch *out);
