#include "base/clock.h"
#include "platform/http/expectation.h"
#include "services/commerce/product.h"
#include "services/commerce/reply.h"

static const struct stock *stock_answer(struct ctx *ctx, const struct stock_row *rows, size_t n)
{
    struct stock *stock = ARENA_ARRAY(ctx->arena, struct stock, n);
    for (size_t i = 0; i < n; i++)
        stock[i] = (struct stock){ .sku = rows[i].sku.len ? rows[i].sku : (struct str){ NULL, 0 },
                                   .available = rows[i].available,
                                   .backorder = rows[i].backorder };
    return stock;
}

static struct product product_answer(const struct product_row *row)
{
    const struct product_put *product = &row->product;
    return (struct product){ .product_id = row->product_id,
                             .name = product->name,
                             .category = product->category,
                             .subcategory = product->subcategory,
                             .price = product->price,
                             .active = product->active,
                             .has_status = true,
                             .status = product->status,
                             .description = product->description,
                             .tags = product->tags,
                             .n_tags = product->n_tags,
                             .attributes = product->attributes,
                             .n_attributes = product->n_attributes,
                             .cost = product->cost,
                             .variants = product->variants,
                             .n_variants = product->n_variants,
                             .prices = product->prices,
                             .n_prices = product->n_prices,
                             .version = row->version,
                             .updated_at = row->updated_us };
}

static struct reply reply_product(struct ctx *ctx, const struct product_row *row)
{
    struct product product = product_answer(row);
    struct stock_row *stock;
    size_t n;
    if (!store_stock(ctx, row->product_id, &stock, &n))
        return reply_error(ctx);
    if (n) {
        product.stock = stock_answer(ctx, stock, n);
        product.n_stock = n;
    }
    return reply_versioned(ctx, product_encode(ctx, &product), row->version);
}

/* ---- putting ---- */

static const struct product_upserted_attribute *told_attributes(
    struct ctx *ctx, const struct product_attribute *attributes, size_t n)
{
    if (!attributes)
        return NULL;
    struct product_upserted_attribute *told =
        ARENA_ARRAY(ctx->arena, struct product_upserted_attribute, n);
    for (size_t i = 0; i < n; i++)
        told[i] = (struct product_upserted_attribute){ attributes[i].name, attributes[i].value };
    return told;
}

static const struct product_upserted_variant *told_variants(struct ctx *ctx,
                                                            const struct product_put *product)
{
    if (!product->variants)
        return NULL;
    struct product_upserted_variant *told =
        ARENA_ARRAY(ctx->arena, struct product_upserted_variant, product->n_variants);
    for (size_t i = 0; i < product->n_variants; i++) {
        const struct product_variant *variant = &product->variants[i];
        told[i] = (struct product_upserted_variant){
            .sku = variant->sku,
            .name = variant->name,
            .options = told_attributes(ctx, variant->options, variant->n_options),
            .n_options = variant->n_options,
            .price = variant->price,
        };
    }
    return told;
}

static bool product_tell(struct ctx *ctx, const struct product_row *row)
{
    const struct product_put *product = &row->product;
    struct product_upserted told = {
        .product_id = row->product_id,
        .name = product->name,
        .category = product->category,
        .subcategory = product->subcategory,
        .price = product->price,
        .active = product->active,
        .has_status = true,
        .status = product_upserted_status_parse(str_of(product_status_name(product->status))),
        .description = product->description,
        .tags = product->tags,
        .n_tags = product->n_tags,
        .attributes = told_attributes(ctx, product->attributes, product->n_attributes),
        .n_attributes = product->n_attributes,
        .variants = told_variants(ctx, product),
        .n_variants = product->n_variants,
        .version = row->version,
        .updated_at = row->updated_us,
    };
    told.has_margin = product_margin(product, &told.margin);
    return publish_product_upserted(ctx, &told);
}

static bool product_same(struct ctx *ctx, const struct product_put *a, const struct product_put *b)
{
    return str_eq(product_put_encode(ctx, a), product_put_encode(ctx, b));
}

struct reply commerce_put_product(struct ctx *ctx, const struct put_product_in *in)
{
    struct expectation expected = { .if_match = in->if_match, .if_none_match = in->if_none_match };
    struct product_row before = { 0 }, row = { .product_id = in->product_id,
                                               .product = *in->body,
                                               .updated_us = clock_now_us() };
    if (!product_settle(ctx, &row.product))
        return reply_error(ctx);
    store_product(ctx, in->product_id, &before);
    row.version = before.version + 1;
    if (ctx_failed(ctx) || !expectation_check(ctx, &expected, before.version))
        return reply_error(ctx);
    if (before.version && product_same(ctx, &before.product, &row.product))
        row = before;
    else if (!store_product_put(ctx, &row) || !product_tell(ctx, &row))
        return reply_error(ctx);
    return reply_product(ctx, &row);
}

/* ---- reading ---- */

struct reply commerce_get_product(struct ctx *ctx, const struct get_product_in *in)
{
    struct product_row row;
    if (!product_get(ctx, in->product_id, &row))
        return reply_error(ctx);
    return reply_product(ctx, &row);
}

struct reply commerce_list_products(struct ctx *ctx, const struct list_products_in *in)
{
    struct product_filter filter = { in->category, in->tag, in->has_status ? in->status : 0 };
    struct str after = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    size_t n, limit = (size_t)in->limit;
    struct product_row *rows = ARENA_ARRAY(ctx->arena, struct product_row, limit + 1);
    if (!store_products(ctx, &filter, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct product_list list = { .n_items = MIN(n, limit) };
    struct product *items = ARENA_ARRAY(ctx->arena, struct product, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = product_answer(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].product_id, 1);
    return reply_ok(ctx, product_list_encode(ctx, &list));
}

/* ---- stock ---- */

static bool stock_change_check(struct ctx *ctx, const struct product_put *product,
                               const struct stock_change *change)
{
    if (change->has_available == change->has_change &&
        (change->has_available || !change->has_backorder))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/available"),
                           "say what is available, or what changed: one of them");
    if (change->sku.ptr && !product_variant_find(product, change->sku))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/sku"),
                           "no variant of this product has this SKU");
    if (!change->sku.ptr && product->n_variants)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/sku"), "the product has variants: say of which");
    return true;
}

struct reply commerce_change_stock(struct ctx *ctx, const struct change_stock_in *in)
{
    struct product_row row;
    struct stock_row stock;
    struct str sku = in->body->sku.ptr ? in->body->sku : STR("");
    if (!product_get(ctx, in->product_id, &row) ||
        !stock_change_check(ctx, &row.product, in->body) ||
        !store_stock_change(ctx, in->product_id, sku, in->body) ||
        !store_stock_one(ctx, in->product_id, sku, &stock))
        return reply_error(ctx);
    return reply_ok(ctx, stock_encode(ctx, stock_answer(ctx, &stock, 1)));
}
