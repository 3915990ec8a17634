#include "services/email/store_domains.h"

#include "base/clock.h"

#define DOMAIN_COLUMNS "domain, version, keep_days, created_us"
#define KEY_COLUMNS                                                                                \
    "domain, selector, algorithm, state, dns_name, dns_text, created_us, activates_us, active_us," \
    " retired_us"

/* ---- domains ---- */

static struct domain_row domain_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct domain_row){ .domain = row_str(ctx, rows, 0),
                                .version = row_int(rows, 1),
                                .keep_days = row_int(rows, 2),
                                .created_us = row_int(rows, 3) };
}

bool store_domain(struct ctx *ctx, struct str domain, struct domain_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " DOMAIN_COLUMNS " FROM domains WHERE domain = $1",
                 sql_str(domain)))
        return false;
    *out = domain_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_domains(struct ctx *ctx, struct str after, size_t limit, struct domain_row *out,
                   size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " DOMAIN_COLUMNS " FROM domains WHERE domain > $1"
                   " ORDER BY domain LIMIT $2",
                   sql_str(after.ptr ? after : STR("")), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = domain_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_domain_put(struct ctx *ctx, const struct domain_row *domain)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO domains (" DOMAIN_COLUMNS ") VALUES ($1, $2, $3, $4)"
                    " ON CONFLICT (domain) DO UPDATE SET version = domains.version + 1,"
                    " keep_days = excluded.keep_days",
                    sql_str(domain->domain), sql_int(domain->version), sql_int(domain->keep_days),
                    sql_int(domain->created_us));
}

bool store_domain_delete(struct ctx *ctx, struct str domain)
{
    return sql_exec(ctx, NULL, "DELETE FROM domain_keys WHERE domain = $1", sql_str(domain)) &&
           sql_exec(ctx, NULL, "DELETE FROM domains WHERE domain = $1", sql_str(domain));
}

/* ---- keys ---- */

static struct sql_value moment(int64_t us)
{
    return us ? sql_int(us) : sql_null();
}

static bool keys_read(struct ctx *ctx, struct sql_rows *rows, struct domain_key_row *out, size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        out[*n] = (struct domain_key_row){ .domain = row_str(ctx, rows, 0),
                                           .selector = row_str(ctx, rows, 1),
                                           .algorithm = row_str(ctx, rows, 2),
                                           .state = row_str(ctx, rows, 3),
                                           .dns_name = row_str(ctx, rows, 4),
                                           .dns_text = row_str(ctx, rows, 5),
                                           .created_us = row_int(rows, 6),
                                           .activates_us = row_int(rows, 7),
                                           .active_us = row_int(rows, 8),
                                           .retired_us = row_int(rows, 9) };
    return !ctx_failed(ctx);
}

bool store_domain_key_add(struct ctx *ctx, const struct domain_key_row *key)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO domain_keys (" KEY_COLUMNS ")"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    sql_str(key->domain), sql_str(key->selector), sql_str(key->algorithm),
                    sql_str(key->state), sql_str(key->dns_name), sql_str(key->dns_text),
                    sql_int(key->created_us), moment(key->activates_us), moment(key->active_us),
                    moment(key->retired_us));
}

bool store_domain_keys(struct ctx *ctx, struct str domain, const char *state,
                       struct domain_key_row out[DOMAIN_MOST_KEYS], size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " KEY_COLUMNS " FROM domain_keys WHERE domain = $1"
                     " AND (CAST($2 AS TEXT) IS NULL OR state = $2)"
                     " ORDER BY created_us, selector LIMIT $3",
                     sql_str(domain), sql_text(state), sql_int(DOMAIN_MOST_KEYS)) &&
           keys_read(ctx, &rows, out, n);
}

bool store_domain_activate(struct ctx *ctx, struct str domain, int64_t now_us)
{
    return sql_exec(ctx, NULL,
                    "UPDATE domain_keys SET state = 'retired', retired_us = $2"
                    " WHERE domain = $1 AND state = 'active'",
                    sql_str(domain), sql_int(now_us)) &&
           sql_exec(ctx, NULL,
                    "UPDATE domain_keys SET state = 'active', active_us = $2"
                    " WHERE domain = $1 AND state = 'next'",
                    sql_str(domain), sql_int(now_us)) &&
           sql_exec(ctx, NULL, "UPDATE domains SET version = version + 1 WHERE domain = $1",
                    sql_str(domain));
}

bool store_domain_key_delete(struct ctx *ctx, struct str domain, struct str selector)
{
    return sql_exec(ctx, NULL, "DELETE FROM domain_keys WHERE domain = $1 AND selector = $2",
                    sql_str(domain), sql_str(selector));
}

bool store_domain_due(struct ctx *ctx, int64_t now_us, struct str *domain)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT domain FROM domain_keys WHERE state = 'next' AND activates_us <= $1"
                 " LIMIT 1",
                 sql_int(now_us)))
        return false;
    *domain = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_domain_keys_over(struct ctx *ctx, int64_t now_us,
                            struct domain_key_row out[DOMAIN_MOST_KEYS], size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " KEY_COLUMNS " FROM domain_keys WHERE state = 'retired'"
                     " AND retired_us + $2 * (SELECT keep_days FROM domains d"
                     " WHERE d.domain = domain_keys.domain) <= $1 LIMIT $3",
                     sql_int(now_us), sql_int(US_PER_DAY), sql_int(DOMAIN_MOST_KEYS)) &&
           keys_read(ctx, &rows, out, n);
}
