/* What an order may do: pure rules, no I/O. */
#pragma once

#include "base/ctx.h"
#include "services/commerce/store.h"

/* Sets lines' currency and total; INVALID with the pointer of the line for mixed or unknown currencies, negative amounts
 * and overflow. `amounts` are the lines' amounts, in order. */
bool order_sum(struct ctx *ctx, const struct money *amounts, struct order_row *order);

/* What would be paid back: CONFLICT when the order is cancelled or less is left, INVALID for another currency or an
 * amount that is not positive. *state is the order's state after it. */
bool order_check_refund(struct ctx *ctx, const struct order_row *order, struct money refund,
                        const char **state);

/* CONFLICT when something was paid back already. */
bool order_check_cancel(struct ctx *ctx, const struct order_row *order);

/* A text that is the same for the same request: who, where, when (0: now) and the lines. */
struct str order_asked(struct arena *arena, const struct order_row *order, bool with_amounts,
                       int64_t placed_us);
