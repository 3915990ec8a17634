#include "services/campaign/figures.h"

#include <stddef.h>

static const struct {
    const char *name;
    size_t offset;
} places[] = {
#define X(name) { #name, offsetof(struct figures, name) },
    FIGURE_TABLE(X)
#undef X
};

bool figure_add(struct ctx *ctx, struct str launch_id, struct str variant, const char *figure,
                int64_t n)
{
    return !launch_id.ptr || n == 0 ||
           sql_exec(ctx, NULL,
                    "INSERT INTO launch_figures (launch_id, variant, figure, count)"
                    " VALUES ($1, $2, $3, $4) ON CONFLICT (launch_id, variant, figure)"
                    " DO UPDATE SET count = launch_figures.count + excluded.count",
                    sql_str(launch_id), sql_str(variant.ptr ? variant : STR("")), sql_text(figure),
                    sql_int(n));
}

bool figure_first_click(struct ctx *ctx, struct str launch_id, struct str message_id, bool *first)
{
    int64_t changed = 0;
    if (launch_id.ptr && !sql_exec(ctx, &changed,
                                   "INSERT INTO clicked_mails (message_id, launch_id)"
                                   " VALUES ($1, $2) ON CONFLICT (message_id) DO NOTHING",
                                   sql_str(message_id), sql_str(launch_id)))
        return false;
    *first = changed == 1;
    return true;
}

static void figure_set(struct figures *figures, struct str name, int64_t count)
{
    for (size_t i = 0; i < COUNT(places); i++)
        if (str_is(name, places[i].name))
            *(int64_t *)((char *)figures + places[i].offset) += count;
}

bool figures_read(struct ctx *ctx, struct str launch_id, struct figures *all,
                  struct figures variants[FIGURES_MOST], size_t *n)
{
    struct sql_rows rows;
    *all = (struct figures){ .variant = STR("") };
    *n = 0;
    if (!sql_query(ctx, &rows,
                   "SELECT variant, figure, count FROM launch_figures WHERE launch_id = $1"
                   " ORDER BY variant",
                   sql_str(launch_id)))
        return false;
    while (sql_next(ctx, &rows)) {
        struct str variant = row_str(ctx, &rows, 0), figure = row_str(ctx, &rows, 1);
        figure_set(all, figure, row_int(&rows, 2));
        if (variant.len == 0)
            continue;
        if (*n == 0 || !str_eq(variants[*n - 1].variant, variant)) {
            if (*n == FIGURES_MOST)
                continue;
            variants[(*n)++] = (struct figures){ .variant = variant };
        }
        figure_set(&variants[*n - 1], figure, row_int(&rows, 2));
    }
    return !ctx_failed(ctx);
}

bool store_status_revision(struct ctx *ctx, int64_t *revision)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT revision FROM status_revision"))
        return ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_INTERNAL, "status_revision is empty");
    *revision = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}
