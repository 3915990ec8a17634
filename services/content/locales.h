/* Which locale stands in for which. */
#pragma once

#include "services/content/store.h"

/* Stores the fallbacks, in their order; the same again changes nothing. `out` is the locale as it stands now. */
bool locale_save(struct ctx *ctx, struct str locale, const struct str *fallbacks, size_t n,
                 struct locale_row *out);

/* The list as it is stored, as texts of ctx's arena. */
bool locale_fallbacks_read(struct ctx *ctx, struct str stored, const struct str **out, size_t *n);
