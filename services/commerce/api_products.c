#include "base/clock.h"
#include "services/commerce/store.h"
#include "commerce_contract.h"

static struct product product_of(const struct product_row *row)
{
    return (struct product){ .product_id = row->product_id,
                             .name = row->name,
                             .category = row->category,
                             .subcategory = row->subcategory,
                             .price = row->price,
                             .active = row->active,
                             .version = row->version,
                             .updated_at = row->updated_us };
}

static bool same_text(struct str a, struct str b)
{
    return !a.ptr == !b.ptr && str_eq(a, b);
}

static bool product_same(const struct product_row *a, const struct product_row *b)
{
    return same_text(a->name, b->name) && same_text(a->category, b->category) &&
           same_text(a->subcategory, b->subcategory) && a->price.amount == b->price.amount &&
           strcmp(a->price.currency, b->price.currency) == 0 && a->active == b->active;
}

static bool product_check(struct ctx *ctx, const struct product_put *put)
{
    if (put->price.amount < 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/price/amount"), "a price is never negative");
    if (money_exponent(put->price.currency) < 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/price/currency"),
                           "%s is not a currency that is known here", put->price.currency);
    return true;
}

static bool product_tell(struct ctx *ctx, const struct product_row *row)
{
    return publish_product_upserted(ctx,
                                    &(struct product_upserted){ .product_id = row->product_id,
                                                                .name = row->name,
                                                                .category = row->category,
                                                                .subcategory = row->subcategory,
                                                                .price = row->price,
                                                                .active = row->active,
                                                                .version = row->version,
                                                                .updated_at = row->updated_us });
}

struct reply commerce_put_product(struct ctx *ctx, const struct put_product_in *in)
{
    struct product_row before = { 0 }, row = { .product_id = in->product_id,
                                               .name = in->body->name,
                                               .category = in->body->category,
                                               .subcategory = in->body->subcategory,
                                               .price = in->body->price,
                                               .active = in->body->active,
                                               .updated_us = clock_now_us() };
    if (!product_check(ctx, in->body))
        return reply_error(ctx);
    bool known = store_product(ctx, in->product_id, &before);
    row.version = before.version + 1;
    if (known && product_same(&before, &row))
        row = before;
    else if (ctx_failed(ctx) || !store_product_put(ctx, &row) || !product_tell(ctx, &row))
        return reply_error(ctx);
    struct product product = product_of(&row);
    return reply_ok(ctx, product_encode(ctx, &product));
}

struct reply commerce_get_product(struct ctx *ctx, const struct get_product_in *in)
{
    struct product_row row;
    if (!store_product(ctx, in->product_id, &row)) {
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no product with this id");
        return reply_error(ctx);
    }
    struct product product = product_of(&row);
    return reply_ok(ctx, product_encode(ctx, &product));
}

struct reply commerce_list_products(struct ctx *ctx, const struct list_products_in *in)
{
    struct str after = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    size_t n, limit = (size_t)in->limit;
    struct product_row *rows = ARENA_ARRAY(ctx->arena, struct product_row, limit + 1);
    if (!store_products(ctx, in->category, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct product_list list = { .n_items = MIN(n, limit) };
    struct product *items = ARENA_ARRAY(ctx->arena, struct product, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = product_of(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].product_id, 1);
    return reply_ok(ctx, product_list_encode(ctx, &list));
}

struct reply commerce_quote(struct ctx *ctx, const struct quote_in *in)
{
    size_t n = in->body->n_lines;
    struct quote_line *lines = ARENA_ARRAY(ctx->arena, struct quote_line, n);
    for (size_t i = 0; i < n; i++) {
        const struct quote_line_request *asked = &in->body->lines[i];
        struct product_row row;
        lines[i].product_id = asked->product_id;
        if (!store_product(ctx, asked->product_id, &row)) {
            if (ctx_failed(ctx))
                return reply_error(ctx);
            continue;
        }
        lines[i].name = row.name;
        struct money *prices = ARENA_ARRAY(ctx->arena, struct money, 2);
        prices[0] = row.price;
        lines[i].available = row.active && money_times(row.price, asked->quantity, &prices[1]);
        if (lines[i].available) {
            lines[i].unit_price = &prices[0];
            lines[i].amount = &prices[1];
        }
    }
    struct quote quote = { .lines = lines, .n_lines = n };
    return reply_ok(ctx, quote_encode(ctx, &quote));
}
