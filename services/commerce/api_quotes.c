#include "base/clock.h"
#include "services/commerce/catalog.h"
#include "services/commerce/product.h"

static enum quote_reason price_it(const struct quote_request *request,
                                  const struct quote_line_request *asked,
                                  const struct product_put *product, struct money prices[2])
{
    struct price_asked price = { .sku = asked->sku,
                                 .customer_group = request->customer_group,
                                 .currency = request->currency.ptr,
                                 .at_us = clock_now_us() };
    if (!product->active)
        return QUOTE_REASON_NOT_SOLD;
    if (asked->sku.ptr && !product_variant_find(product, asked->sku))
        return QUOTE_REASON_UNKNOWN_VARIANT;
    if (!price_find(product, &price, &prices[0]))
        return QUOTE_REASON_NO_PRICE;
    return money_times(prices[0], asked->quantity, &prices[1]) ? QUOTE_REASON_UNKNOWN
                                                               : QUOTE_REASON_TOO_LARGE;
}

/* Lives in ctx's arena: the offer need not stay. */
static struct quote_line line_quoted(struct ctx *ctx, const struct quote_request *request,
                                     const struct quote_line_request *asked,
                                     const struct offer *offer)
{
    struct quote_line line = { .product_id = asked->product_id,
                               .sku = asked->sku,
                               .has_reason = true,
                               .reason = QUOTE_REASON_UNKNOWN_PRODUCT };
    if (!offer->known)
        return line;
    struct money *prices = ARENA_ARRAY(ctx->arena, struct money, 2);
    line.name = arena_str(ctx->arena, offer->product.name);
    line.reason = price_it(request, asked, &offer->product, prices);
    line.available = line.reason == QUOTE_REASON_UNKNOWN;
    line.has_reason = !line.available;
    if (line.available) {
        line.unit_price = &prices[0];
        line.amount = &prices[1];
        line.has_in_stock = true;
        line.in_stock = stock_has_some(&offer->product, offer->stock, offer->n_stock, asked->sku);
    }
    return line;
}

static struct reply reply_quote(struct ctx *ctx, const struct quote_line *lines, size_t n)
{
    struct quote quote = { .lines = lines, .n_lines = n };
    return reply_ok(ctx, quote_encode(ctx, &quote));
}

static bool currency_check(struct ctx *ctx, const struct quote_request *request)
{
    return !request->currency.ptr || money_exponent(request->currency.ptr) >= 0 ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/currency"),
                       STR_FMT " is not a currency that is known here", STR_ARG(request->currency));
}

/* ---- from memory ---- */

static bool lines_kept(struct ctx *ctx, const struct catalog *catalog,
                       const struct quote_request *request, struct quote_line *lines)
{
    for (size_t i = 0; i < request->n_lines; i++) {
        const struct offer *offer = catalog_find(catalog, request->lines[i].product_id);
        if (!offer)
            return false;
        lines[i] = line_quoted(ctx, request, &request->lines[i], offer);
    }
    return true;
}

bool commerce_quote_at_once(struct ctx *ctx, const struct quote_in *in, struct reply *reply)
{
    struct catalog *catalog = ctx->app;
    size_t n = in->body->n_lines;
    if ((in->body->currency.ptr && money_exponent(in->body->currency.ptr) < 0) ||
        !catalog_enter(catalog))
        return false;
    struct quote_line *lines = ARENA_ARRAY(ctx->arena, struct quote_line, n);
    bool kept = lines_kept(ctx, catalog, in->body, lines);
    catalog_leave(catalog);
    if (kept)
        *reply = reply_quote(ctx, lines, n);
    return kept;
}

/* ---- from the database ---- */

static bool offer_read(struct ctx *ctx, struct str product_id, struct offer *out)
{
    struct product_row row;
    *out = (struct offer){ .known = store_product(ctx, product_id, &row) };
    if (!out->known)
        return !ctx_failed(ctx);
    out->product = row.product;
    return store_stock(ctx, product_id, &out->stock, &out->n_stock);
}

static bool line_read(struct ctx *ctx, struct catalog *catalog, int64_t revision,
                      const struct quote_request *request, size_t i, struct quote_line *line)
{
    const struct quote_line_request *asked = &request->lines[i];
    struct offer offer;
    catalog_lock(catalog);
    const struct offer *kept = catalog_find(catalog, asked->product_id);
    if (kept)
        *line = line_quoted(ctx, request, asked, kept);
    catalog_leave(catalog);
    if (kept)
        return true;
    if (!offer_read(ctx, asked->product_id, &offer))
        return false;
    catalog_put(catalog, revision, asked->product_id, &offer);
    *line = line_quoted(ctx, request, asked, &offer);
    return true;
}

struct reply commerce_quote(struct ctx *ctx, const struct quote_in *in)
{
    struct catalog *catalog = ctx->app;
    size_t n = in->body->n_lines;
    struct quote_line *lines = ARENA_ARRAY(ctx->arena, struct quote_line, n);
    int64_t revision, mark = catalog_mark(catalog);
    if (!currency_check(ctx, in->body) || !store_offer_revision(ctx, &revision))
        return reply_error(ctx);
    catalog_meet(catalog, mark, revision);
    for (size_t i = 0; i < n; i++)
        if (!line_read(ctx, catalog, revision, in->body, i, &lines[i]))
            return reply_error(ctx);
    return reply_quote(ctx, lines, n);
}
