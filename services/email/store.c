#include "services/email/store.h"

#define CONTACT_COLUMNS                                                                            \
    "person_id, email, address_hash, name, locale, time_zone, traits, version"

static struct contact_row contact_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct contact_row){ .person_id = row_str(ctx, rows, 0),
                                 .email = row_str(ctx, rows, 1),
                                 .address_hash = row_str(ctx, rows, 2),
                                 .name = row_str(ctx, rows, 3),
                                 .locale = row_str(ctx, rows, 4),
                                 .time_zone = row_str(ctx, rows, 5),
                                 .traits = row_str(ctx, rows, 6),
                                 .version = row_int(rows, 7) };
}

bool store_contact_put(struct ctx *ctx, const struct contact_row *contact)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO contacts (" CONTACT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (person_id) DO UPDATE SET email = excluded.email,"
        " address_hash = excluded.address_hash, name = excluded.name, locale = excluded.locale,"
        " time_zone = excluded.time_zone, traits = excluded.traits, version = excluded.version"
        " WHERE contacts.version <= excluded.version",
        sql_str(contact->person_id), sql_str(contact->email), sql_str(contact->address_hash),
        sql_str(contact->name), sql_str(contact->locale), sql_str(contact->time_zone),
        sql_str(contact->traits), sql_int(contact->version));
}

bool store_contact(struct ctx *ctx, struct str person_id, struct contact_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " CONTACT_COLUMNS " FROM contacts WHERE person_id = $1",
                 sql_str(person_id)))
        return false;
    *out = contact_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_contact_by_hash(struct ctx *ctx, struct str hash, struct str *person_id)
{
    struct sql_rows rows;
    if (!sql_one(
            ctx, &rows,
            "SELECT person_id FROM contacts WHERE address_hash = $1 ORDER BY person_id LIMIT 1",
            sql_str(hash)))
        return false;
    *person_id = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

/* Of the words on "email" and on "all" the newer one holds; silence is no consent. */
static bool consent_holds(struct ctx *ctx, struct str person_id, bool *granted)
{
    struct sql_rows rows;
    *granted = false;
    if (sql_one(ctx, &rows,
                "SELECT state FROM consents WHERE person_id = $1"
                " ORDER BY at_us DESC, CASE state WHEN 'refused' THEN 0 ELSE 1 END LIMIT 1",
                sql_str(person_id))) {
        *granted = str_is(row_str(ctx, &rows, 0), "granted");
        sql_rows_close(&rows);
    }
    return !ctx_failed(ctx);
}

static bool suppressed(struct ctx *ctx, const struct contact_row *contact, bool *marketing,
                       bool *all)
{
    struct sql_rows rows;
    *marketing = *all = false;
    if (!sql_query(ctx, &rows, "SELECT scope FROM suppressions WHERE target = $1 OR target = $2",
                   sql_str(arena_printf(ctx->arena, "p:" STR_FMT, STR_ARG(contact->person_id))),
                   sql_str(arena_printf(ctx->arena, "a:" STR_FMT, STR_ARG(contact->address_hash)))))
        return false;
    while (sql_next(ctx, &rows)) {
        *marketing = true;
        *all |= str_is(row_str(ctx, &rows, 0), "all");
    }
    return !ctx_failed(ctx);
}

/* What stands against mail to the address in out->contact. */
static bool reach_contact(struct ctx *ctx, struct reach *out)
{
    bool granted, no_marketing, nothing;
    if (!consent_holds(ctx, out->contact.person_id, &granted) ||
        !suppressed(ctx, &out->contact, &no_marketing, &nothing))
        return false;
    out->marketing = no_marketing ? "suppressed" : granted ? NULL : "no_consent";
    out->service = nothing ? "suppressed" : NULL;
    return true;
}

bool store_reach(struct ctx *ctx, struct str person_id, struct reach *out)
{
    *out = (struct reach){ .marketing = "no_address", .service = "no_address" };
    if (!store_contact(ctx, person_id, &out->contact) || !out->contact.email.ptr)
        return !ctx_failed(ctx);
    return reach_contact(ctx, out);
}

bool store_reach_at(struct ctx *ctx, struct str person_id, struct str address, struct str hash,
                    struct reach *out)
{
    *out = (struct reach){ .contact.person_id = person_id };
    if (!store_contact(ctx, person_id, &out->contact) && ctx_failed(ctx))
        return false;
    out->contact.email = address;
    out->contact.address_hash = hash;
    return reach_contact(ctx, out);
}

bool store_consent_put(struct ctx *ctx, struct str person_id, struct str channel, struct str state,
                       int64_t at_us)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO consents (person_id, channel, state, at_us) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (person_id, channel) DO UPDATE SET state = excluded.state,"
        " at_us = excluded.at_us WHERE consents.at_us <= excluded.at_us",
        sql_str(person_id), sql_str(channel), sql_str(state), sql_int(at_us));
}

bool store_membership(struct ctx *ctx, struct str segment_id, struct str person_id, bool in)
{
    return in ? sql_exec(ctx, NULL,
                         "INSERT INTO memberships (segment_id, person_id) VALUES ($1, $2)"
                         " ON CONFLICT (segment_id, person_id) DO NOTHING",
                         sql_str(segment_id), sql_str(person_id))
              : sql_exec(ctx, NULL,
                         "DELETE FROM memberships WHERE segment_id = $1 AND person_id = $2",
                         sql_str(segment_id), sql_str(person_id));
}

bool store_segments_of(struct ctx *ctx, struct str person_id, struct str out[STORE_SEGMENTS],
                       size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT segment_id FROM memberships WHERE person_id = $1"
                   " ORDER BY segment_id LIMIT $2",
                   sql_str(person_id), sql_int(STORE_SEGMENTS)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = row_str(ctx, &rows, 0);
    return !ctx_failed(ctx);
}

bool store_entry_put(struct ctx *ctx, const struct entry_row *entry)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO entries (entry_id, kind, slug, locale, version, document)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (entry_id) DO UPDATE SET kind = excluded.kind,"
        " slug = excluded.slug, locale = excluded.locale, version = excluded.version,"
        " document = excluded.document WHERE entries.version <= excluded.version",
        sql_str(entry->entry_id), sql_str(entry->kind), sql_str(entry->slug),
        sql_str(entry->locale), sql_int(entry->version), sql_str(entry->document));
}

bool store_entry_delete(struct ctx *ctx, struct str entry_id, int64_t version)
{
    return sql_exec(ctx, NULL, "DELETE FROM entries WHERE entry_id = $1 AND version <= $2",
                    sql_str(entry_id), sql_int(version));
}

bool store_entry(struct ctx *ctx, const char *kind, struct str slug, struct str locale,
                 struct entry_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT entry_id, document, version FROM entries"
                 " WHERE kind = $1 AND slug = $2 AND locale = $3 LIMIT 1",
                 sql_text(kind), sql_str(slug), sql_str(locale)))
        return false;
    *out = (struct entry_row){ .entry_id = row_str(ctx, &rows, 0),
                               .kind = str_of(kind),
                               .slug = slug,
                               .locale = locale,
                               .document = row_str(ctx, &rows, 1),
                               .version = row_int(&rows, 2) };
    sql_rows_close(&rows);
    return true;
}

bool store_erased(struct ctx *ctx, struct str person_id, bool *erased)
{
    struct sql_rows rows;
    *erased = sql_one(ctx, &rows, "SELECT 1 FROM erased WHERE person_id = $1", sql_str(person_id));
    if (*erased)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_erase(struct ctx *ctx, struct str person_id, int64_t at_us)
{
    sql_scrub(ctx);
    return sql_replies_forget(ctx, person_id) &&
           sql_exec(ctx, NULL, "DELETE FROM contacts WHERE person_id = $1", sql_str(person_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM consents WHERE person_id = $1", sql_str(person_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM memberships WHERE person_id = $1",
                    sql_str(person_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM suppressions WHERE target = $1",
                    sql_str(arena_printf(ctx->arena, "p:" STR_FMT, STR_ARG(person_id)))) &&
           sql_exec(ctx, NULL, "UPDATE suppressions SET person_id = NULL WHERE person_id = $1",
                    sql_str(person_id)) &&
           sql_exec(ctx, NULL,
                    "INSERT INTO erased (person_id, erased_us) VALUES ($1, $2)"
                    " ON CONFLICT (person_id) DO NOTHING",
                    sql_str(person_id), sql_int(at_us));
}
