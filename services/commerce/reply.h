/* What the operations share: finding things, and answering with them. */
#pragma once

#include "services/commerce/store.h"

bool product_get(struct ctx *ctx, struct str product_id, struct product_row *out); /* NOT_FOUND */
bool order_get(struct ctx *ctx, struct str order_id, struct order_row *out);       /* NOT_FOUND */

struct order order_answer(struct ctx *ctx, const struct order_row *row);
struct reply reply_order(struct ctx *ctx, const struct order_row *row);
