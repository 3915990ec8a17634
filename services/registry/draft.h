/* Schemas of older drafts (04, 06, 07, 2019-09), as stock clients write them. */
#pragma once

#include "platform/json/json.h"

/* The same schema in the words of 2020-12, to see whether it is one; the document itself when it names no older draft. */
const struct json *schema_modern(struct ctx *ctx, const struct json *document);
