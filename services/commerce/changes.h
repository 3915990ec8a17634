/* What becomes of an order: stored and told in one transaction. Each leaves *order as it is then. */
#pragma once

#include "services/commerce/store.h"

bool change_place(struct ctx *ctx, const struct order_row *order);
bool change_move(struct ctx *ctx, struct order_row *order,
                 enum order_state to); /* checked before */
/* Its lines and total are those of `to` from now on. */
bool change_lines(struct ctx *ctx, struct order_row *order, const struct order_row *to,
                  int64_t at_us);
bool change_refund(struct ctx *ctx, struct order_row *order, const struct refund_row *refund);
/* Its stock is given back, and all of its total. */
bool change_cancel(struct ctx *ctx, struct order_row *order, struct str reason);

struct money order_money(const struct order_row *order, int64_t amount);
