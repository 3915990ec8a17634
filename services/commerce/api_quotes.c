#include "base/clock.h"
#include "services/commerce/product.h"
#include "services/commerce/store.h"

static struct quote_line line_quoted(struct ctx *ctx, const struct quote_line_request *asked,
                                     const struct product_put *product)
{
    struct quote_line line = { .product_id = asked->product_id, .name = product->name };
    struct money *prices = ARENA_ARRAY(ctx->arena, struct money, 2);
    struct price_asked price = { .at_us = clock_now_us() };
    line.available = product->active && price_find(product, &price, &prices[0]) &&
                     money_times(prices[0], asked->quantity, &prices[1]);
    if (line.available) {
        line.unit_price = &prices[0];
        line.amount = &prices[1];
    }
    return line;
}

struct reply commerce_quote(struct ctx *ctx, const struct quote_in *in)
{
    size_t n = in->body->n_lines;
    struct quote_line *lines = ARENA_ARRAY(ctx->arena, struct quote_line, n);
    for (size_t i = 0; i < n; i++) {
        struct product_row row;
        const struct quote_line_request *asked = &in->body->lines[i];
        lines[i].product_id = asked->product_id;
        if (store_product(ctx, asked->product_id, &row))
            lines[i] = line_quoted(ctx, asked, &row.product);
        else if (ctx_failed(ctx))
            return reply_error(ctx);
    }
    struct quote quote = { .lines = lines, .n_lines = n };
    return reply_ok(ctx, quote_encode(ctx, &quote));
}
