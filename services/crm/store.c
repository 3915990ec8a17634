#include "services/crm/store.h"

#define PROFILE_COLUMNS                                                                            \
    "profile_id, email, name, phone, locale, traits, version, created_us, updated_us"

static struct profile_row profile_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct profile_row){ .profile_id = row_str(ctx, rows, 0),
                                 .email = row_str(ctx, rows, 1),
                                 .name = row_str(ctx, rows, 2),
                                 .phone = row_str(ctx, rows, 3),
                                 .locale = row_str(ctx, rows, 4),
                                 .traits = row_str(ctx, rows, 5),
                                 .version = row_int(rows, 6),
                                 .created_us = row_int(rows, 7),
                                 .updated_us = row_int(rows, 8) };
}

bool store_profile(struct ctx *ctx, struct str profile_id, struct profile_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " PROFILE_COLUMNS " FROM profiles WHERE profile_id = $1",
                 sql_str(profile_id)))
        return false;
    *out = profile_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_profile_put(struct ctx *ctx, const struct profile_row *profile)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO profiles (" PROFILE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (profile_id) DO UPDATE SET email = excluded.email, name = excluded.name,"
        " phone = excluded.phone, locale = excluded.locale, traits = excluded.traits,"
        " version = excluded.version, updated_us = excluded.updated_us",
        sql_str(profile->profile_id), sql_str(profile->email), sql_str(profile->name),
        sql_str(profile->phone), sql_str(profile->locale), sql_str(profile->traits),
        sql_int(profile->version), sql_int(profile->created_us), sql_int(profile->updated_us));
}

bool store_profiles(struct ctx *ctx, struct str email, struct str after, size_t limit,
                    struct profile_row *out, size_t *n)
{
    struct sql_rows rows;
    struct str from = after.ptr ? after : STR("");
    bool ok = email.ptr ? sql_query(ctx, &rows,
                                    "SELECT " PROFILE_COLUMNS
                                    " FROM profiles WHERE email = $1 AND profile_id > $2"
                                    " ORDER BY profile_id LIMIT $3",
                                    sql_str(email), sql_str(from), sql_int((int64_t)limit))
                        : sql_query(ctx, &rows,
                                    "SELECT " PROFILE_COLUMNS " FROM profiles WHERE profile_id > $1"
                                    " ORDER BY profile_id LIMIT $2",
                                    sql_str(from), sql_int((int64_t)limit));
    for (*n = 0; ok && sql_next(ctx, &rows); ++*n)
        out[*n] = profile_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_identity(struct ctx *ctx, struct str kind, struct str value, struct str *profile_id)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT profile_id FROM identities WHERE kind = $1 AND value = $2",
                 sql_str(kind), sql_str(value)))
        return false;
    *profile_id = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_identity_add(struct ctx *ctx, struct str kind, struct str value, struct str profile_id,
                        struct str *owner)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO identities (kind, value, profile_id) VALUES ($1, $2, $3)"
                    " ON CONFLICT (kind, value) DO NOTHING",
                    sql_str(kind), sql_str(value), sql_str(profile_id)) &&
           store_identity(ctx, kind, value, owner);
}

bool store_timeline_add(struct ctx *ctx, const struct timeline_row *entry, bool *added)
{
    int64_t changed;
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO timeline (profile_id, entry_id, kind, reference, amount, currency, at_us)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (profile_id, entry_id) DO NOTHING",
            sql_str(entry->profile_id), sql_str(entry->entry_id), sql_str(entry->kind),
            sql_str(entry->reference),
            entry->has_amount ? sql_int(entry->amount.amount) : sql_null(),
            entry->has_amount ? sql_text(entry->amount.currency) : sql_null(),
            sql_int(entry->at_us)))
        return false;
    *added = changed == 1;
    return true;
}

bool store_timeline(struct ctx *ctx, struct str profile_id, struct sql_moment before, size_t limit,
                    struct timeline_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT entry_id, kind, reference, amount, currency, at_us FROM timeline WHERE profile_id = $1"
            " AND (at_us < $2 OR (at_us = $2 AND entry_id < $3)) ORDER BY at_us DESC, entry_id DESC LIMIT $4",
            sql_str(profile_id), sql_int(before.us), sql_str(before.id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n) {
        out[*n] = (struct timeline_row){ .profile_id = profile_id,
                                         .entry_id = row_str(ctx, &rows, 0),
                                         .kind = row_str(ctx, &rows, 1),
                                         .reference = row_str(ctx, &rows, 2),
                                         .amount.amount = row_int(&rows, 3),
                                         .has_amount = !row_is_null(&rows, 3),
                                         .at_us = row_int(&rows, 5) };
        struct str currency = row_str(ctx, &rows, 4);
        if (currency.ptr)
            memcpy(out[*n].amount.currency, currency.ptr, MIN(currency.len, 3));
    }
    return !ctx_failed(ctx);
}

static bool spent_add(struct ctx *ctx, struct str profile_id, const struct spent_row *more)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO spent (profile_id, currency, orders, spent, refunded) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (profile_id, currency) DO UPDATE SET orders = spent.orders + excluded.orders,"
        " spent = spent.spent + excluded.spent, refunded = spent.refunded + excluded.refunded",
        sql_str(profile_id), sql_text(more->currency), sql_int(more->orders), sql_int(more->spent),
        sql_int(more->refunded));
}

bool store_spent_add(struct ctx *ctx, struct str profile_id, const struct spent_row *more)
{
    return spent_add(ctx, profile_id, more) &&
           (profile_id.len == 0 || spent_add(ctx, STR(""), more));
}

bool store_spent(struct ctx *ctx, struct str profile_id, struct spent_row out[STORE_CURRENCIES],
                 size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT currency, orders, spent, refunded FROM spent WHERE profile_id = $1 ORDER BY currency LIMIT $2",
            sql_str(profile_id), sql_int(STORE_CURRENCIES)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n) {
        struct str currency = row_str(ctx, &rows, 0);
        out[*n] = (struct spent_row){ .orders = row_int(&rows, 1),
                                      .spent = row_int(&rows, 2),
                                      .refunded = row_int(&rows, 3) };
        memcpy(out[*n].currency, currency.ptr, MIN(currency.len, 3));
    }
    return !ctx_failed(ctx);
}

bool store_counts(struct ctx *ctx, int64_t *profiles, int64_t *erased)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT (SELECT count(*) FROM profiles), (SELECT count(*) FROM erased)"))
        return false;
    *profiles = row_int(&rows, 0);
    *erased = row_int(&rows, 1);
    sql_rows_close(&rows);
    return true;
}
