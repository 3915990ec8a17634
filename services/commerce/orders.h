/* What an order may do: pure rules, no I/O. */
#pragma once

#include "base/ctx.h"
#include "services/commerce/store.h"

/* Sets lines' currency and total; INVALID with the pointer of the line for mixed or unknown currencies, negative amounts
 * and overflow. `amounts` are the lines' amounts, in order. */
bool order_sum(struct ctx *ctx, const struct money *amounts, struct order_row *order);

/* May an order of this state become that? CONFLICT with what it may become:
 *
 *   placed    -> paid, cancelled
 *   paid      -> fulfilled, cancelled, refunded
 *   fulfilled -> completed, refunded
 *   completed -> refunded
 *   cancelled, refunded: the end
 *
 * Refunded is what was paid back wholly; a part of it leaves the state as it is. */
bool order_check_move(struct ctx *ctx, enum order_state from, enum order_state to);

/* Of the amount, or of the lines (their shares of what was paid for each, exact over all refunds of a line): fills
 * amount and parts. INVALID: neither or both, another currency, no such line, nothing to pay back; CONFLICT: the state
 * does not allow it, or less is left of the order or the line. */
bool order_refund(struct ctx *ctx, const struct order_row *order,
                  const struct refund_request *asked, struct refund_row *out);

/* The state once so much more is paid back. */
enum order_state order_state_after(const struct order_row *order, int64_t amount);

/* CONFLICT when the state does not allow it, or something was paid back already. */
bool order_check_cancel(struct ctx *ctx, const struct order_row *order);

/* A text that is the same for the same request: who, where, when (0: now) and the lines; `more` is what else was said of
 * it, empty where nothing was. */
struct str order_asked(struct arena *arena, const struct order_row *order, bool with_amounts,
                       int64_t placed_us, struct str more);
