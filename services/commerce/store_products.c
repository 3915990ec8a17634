#include "services/commerce/store.h"

/* A version that does not know the status may have written `active` since. */
#define STATUS                                                                                     \
    "CASE WHEN active THEN 'active' WHEN status = 'archived' THEN 'archived' ELSE 'draft' END"
#define PRODUCT_COLUMNS                                                                            \
    "products.product_id, name, category, subcategory, price, currency, active, version,"          \
    " updated_us, document, " STATUS

void store_currency(struct ctx *ctx, const struct sql_rows *rows, int column, char out[4])
{
    struct str text = row_str(ctx, rows, column);
    memset(out, 0, 4);
    memcpy(out, text.ptr, MIN(text.len, 3));
}

/* The columns win over the document: a version that knows only them may have written last. */
static bool product_of(struct ctx *ctx, const struct sql_rows *rows, struct product_row *out)
{
    struct str document = row_str(ctx, rows, 9);
    *out = (struct product_row){ .product_id = row_str(ctx, rows, 0),
                                 .version = row_int(rows, 7),
                                 .updated_us = row_int(rows, 8) };
    struct product_put *product = &out->product;
    const struct json *json = document.ptr ? json_parse(ctx, document) : NULL;
    if (document.ptr && (!json || !product_put_read(ctx, json, product)))
        return false;
    product->name = row_str(ctx, rows, 1);
    product->category = row_str(ctx, rows, 2);
    product->subcategory = row_str(ctx, rows, 3);
    product->price.amount = row_int(rows, 4);
    store_currency(ctx, rows, 5, product->price.currency);
    product->has_active = product->has_status = true;
    product->active = row_bool(rows, 6);
    product->status = product_status_parse(row_str(ctx, rows, 10));
    return true;
}

bool store_product(struct ctx *ctx, struct str product_id, struct product_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " PRODUCT_COLUMNS " FROM products WHERE product_id = $1",
                 sql_str(product_id)))
        return false;
    bool read = product_of(ctx, &rows, out);
    sql_rows_close(&rows);
    return read;
}

/* ---- writing ---- */

static bool tags_put(struct ctx *ctx, const struct product_row *row)
{
    if (!sql_exec(ctx, NULL, "DELETE FROM product_tags WHERE product_id = $1",
                  sql_str(row->product_id)))
        return false;
    for (size_t i = 0; i < row->product.n_tags; i++)
        if (!sql_exec(ctx, NULL,
                      "INSERT INTO product_tags (tag, product_id) VALUES ($1, $2)"
                      " ON CONFLICT (tag, product_id) DO NOTHING",
                      sql_str(row->product.tags[i]), sql_str(row->product_id)))
            return false;
    return true;
}

static bool skus_put(struct ctx *ctx, const struct product_row *row)
{
    if (!sql_exec(ctx, NULL, "DELETE FROM product_skus WHERE product_id = $1",
                  sql_str(row->product_id)))
        return false;
    for (size_t i = 0; i < row->product.n_variants; i++) {
        struct str sku = row->product.variants[i].sku;
        int64_t added;
        if (!sql_exec(ctx, &added,
                      "INSERT INTO product_skus (sku, product_id) VALUES ($1, $2)"
                      " ON CONFLICT (sku) DO NOTHING",
                      sql_str(sku), sql_str(row->product_id)))
            return false;
        if (!added)
            return ctx_fail_at(ctx, ERR_CONFLICT, arena_printf(ctx->arena, "/variants/%zu/sku", i),
                               "another product has a variant " STR_FMT, STR_ARG(sku));
    }
    return true;
}

bool store_product_put(struct ctx *ctx, const struct product_row *row)
{
    const struct product_put *product = &row->product;
    return sql_exec(
               ctx, NULL,
               "INSERT INTO products (product_id, name, category, subcategory, price, currency, active,"
               " version, updated_us, document, status)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
               " ON CONFLICT (product_id) DO UPDATE SET name = excluded.name, category = excluded.category,"
               " subcategory = excluded.subcategory, price = excluded.price, currency = excluded.currency,"
               " active = excluded.active, version = excluded.version, updated_us = excluded.updated_us,"
               " document = excluded.document, status = excluded.status",
               sql_str(row->product_id), sql_str(product->name), sql_str(product->category),
               sql_str(product->subcategory), sql_int(product->price.amount),
               sql_text(product->price.currency), sql_bool(product->active), sql_int(row->version),
               sql_int(row->updated_us), sql_str(product_put_encode(ctx, product)),
               sql_text(product_status_name(product->status))) &&
           tags_put(ctx, row) && skus_put(ctx, row);
}

/* ---- lists ---- */

#define LISTED(from, where, id)                                                                    \
    "SELECT " PRODUCT_COLUMNS " FROM " from " WHERE " where " AND " id " > $1"                     \
    " AND ($2 = '' OR " STATUS " = $2) AND ($3 = '' OR category = $3) ORDER BY " id " LIMIT $4"

static bool list_begin(struct ctx *ctx, const struct product_filter *filter, struct str after,
                       size_t limit, struct sql_rows *rows)
{
    struct sql_value from = sql_str(after.ptr ? after : STR("")),
                     status = sql_text(product_status_name(filter->status)),
                     category = sql_str(filter->category.ptr ? filter->category : STR("")),
                     most = sql_int((int64_t)limit);
    if (filter->tag.ptr)
        return sql_query(ctx, rows,
                         LISTED("product_tags JOIN products"
                                " ON products.product_id = product_tags.product_id",
                                "tag = $5", "product_tags.product_id"),
                         from, status, category, most, sql_str(filter->tag));
    if (filter->category.ptr)
        return sql_query(ctx, rows, LISTED("products", "category = $3", "products.product_id"),
                         from, status, category, most);
    return sql_query(ctx, rows, LISTED("products", "1 = 1", "products.product_id"), from, status,
                     category, most);
}

bool store_products(struct ctx *ctx, const struct product_filter *filter, struct str after,
                    size_t limit, struct product_row *out, size_t *n)
{
    struct sql_rows rows;
    bool ok = list_begin(ctx, filter, after, limit, &rows);
    for (*n = 0; ok && sql_next(ctx, &rows); ++*n)
        if (!product_of(ctx, &rows, &out[*n])) {
            sql_rows_close(&rows);
            return false;
        }
    return !ctx_failed(ctx);
}

/* ---- stock ---- */

#define STOCK_COLUMNS "sku, available, backorder"

static struct stock_row stock_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct stock_row){ row_str(ctx, rows, 0), row_int(rows, 1), row_bool(rows, 2) };
}

bool store_stock(struct ctx *ctx, struct str product_id, struct stock_row **out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM stock WHERE product_id = $1",
                 sql_str(product_id)))
        return false;
    size_t room = (size_t)row_int(&rows, 0);
    sql_rows_close(&rows);
    *out = ARENA_ARRAY(ctx->arena, struct stock_row, room);
    *n = 0;
    if (!sql_query(ctx, &rows,
                   "SELECT " STOCK_COLUMNS
                   " FROM stock WHERE product_id = $1 ORDER BY sku LIMIT $2",
                   sql_str(product_id), sql_int((int64_t)room)))
        return false;
    while (sql_next(ctx, &rows))
        (*out)[(*n)++] = stock_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_stock_one(struct ctx *ctx, struct str product_id, struct str sku, struct stock_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT " STOCK_COLUMNS " FROM stock WHERE product_id = $1 AND sku = $2",
                 sql_str(product_id), sql_str(sku)))
        return false;
    *out = stock_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

static bool stock_move(struct ctx *ctx, struct str product_id, struct str sku, int64_t change)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "UPDATE stock SET available = available + $3 WHERE product_id = $1 AND sku = $2"
                  " AND (backorder OR $3 >= 0 OR available + $3 >= 0)",
                  sql_str(product_id), sql_str(sku), sql_int(change)))
        return false;
    return changed || ctx_fail_at(ctx, ERR_CONFLICT, STR("/change"), "fewer than that are there");
}

bool store_stock_change(struct ctx *ctx, struct str product_id, struct str sku,
                        const struct stock_change *change)
{
    struct sql_value product = sql_str(product_id), variant = sql_str(sku);
    if (!sql_exec(ctx, NULL,
                  "INSERT INTO stock (product_id, sku, available, backorder) VALUES ($1, $2, 0, $3)"
                  " ON CONFLICT (product_id, sku) DO NOTHING",
                  product, variant, sql_bool(false)))
        return false;
    if (change->has_backorder &&
        !sql_exec(ctx, NULL, "UPDATE stock SET backorder = $3 WHERE product_id = $1 AND sku = $2",
                  product, variant, sql_bool(change->backorder)))
        return false;
    if (change->has_available &&
        !sql_exec(ctx, NULL, "UPDATE stock SET available = $3 WHERE product_id = $1 AND sku = $2",
                  product, variant, sql_int(change->available)))
        return false;
    return !change->has_change || stock_move(ctx, product_id, sku, change->change);
}

bool store_offer_revision(struct ctx *ctx, int64_t *revision)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT revision FROM offer_revision"))
        return ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_INTERNAL, "offer_revision is empty");
    *revision = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}
