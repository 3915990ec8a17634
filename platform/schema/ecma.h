/* ECMA 262 patterns written as PCRE2 ones. */
#pragma once

#include "base/ctx.h"

/* The same pattern for PCRE2 (UTF, DOLLAR_ENDONLY, MATCH_UNSET_BACKREF; without UCP), in ctx's arena; ptr NULL with
 * ERR_INVALID. */
struct str ecma_to_pcre(struct ctx *ctx, struct str text);
