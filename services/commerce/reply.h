/* What the operations share: finding things. */
#pragma once

#include "services/commerce/store.h"

bool product_get(struct ctx *ctx, struct str product_id, struct product_row *out); /* NOT_FOUND */
