#include "base/clock.h"
#include "services/content/reply.h"
#include "services/content/store.h"
#include "content_contract.h"

static struct str shown_etag(struct ctx *ctx, const struct shown_row *row)
{
    return arena_printf(ctx->arena, "\"" STR_FMT "-%lld-%lld\"", STR_ARG(row->entry_id),
                        (long long)row->version, (long long)row->published_us);
}

static struct reply reply_shown(struct ctx *ctx, const struct shown_row *row, struct str moved_from)
{
    struct published published = { .entry_id = row->entry_id,
                                   .kind = kind_of(row->kind),
                                   .type = type_of_kind(row->kind),
                                   .slug = row->slug,
                                   .locale = text_or_none(row->locale),
                                   .title = row->title,
                                   .version = row->version,
                                   .document = json_parse(ctx, row->document),
                                   .published_at = row->published_us,
                                   .moved_from = moved_from };
    if (!published.document)
        return reply_error(ctx);
    struct reply reply = reply_ok(ctx, published_encode(ctx, &published));
    reply_add(ctx, &reply, "ETag", shown_etag(ctx, row));
    return reply;
}

static bool tell_published(struct ctx *ctx, const struct shown_row *row)
{
    struct entry_published event = { .entry_id = row->entry_id,
                                     .kind = entry_published_kind_parse(
                                         str_of(entry_kind_name(kind_of(row->kind)))),
                                     .type = type_of_kind(row->kind),
                                     .slug = row->slug,
                                     .locale = text_or_none(row->locale),
                                     .title = row->title,
                                     .version = row->version,
                                     .document = json_parse(ctx, row->document),
                                     .published_at = row->published_us };
    return event.document && publish_entry_published(ctx, &event);
}

/* Later than what was told of the entry before, so that readers can tell new from old whatever the clock does. */
static int64_t next_moment(const struct entry_row *entry)
{
    return MAX(clock_now_us(), entry->told_us + 1);
}

static bool circle_check(struct ctx *ctx, struct str entry_id, bool drafts)
{
    struct str by;
    if (store_reference_circle(ctx, entry_id, drafts, &by))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "its references go in a circle: " STR_FMT " leads back to it", STR_ARG(by));
    return !ctx_failed(ctx);
}

/* What is shown refers only to what is shown, and never, over any number of steps, back to itself. */
static bool references_check(struct ctx *ctx, struct str entry_id)
{
    struct str target;
    if (!circle_check(ctx, entry_id, false))
        return false;
    if (!store_reference_missing(ctx, entry_id, &target))
        return !ctx_failed(ctx);
    /* of two drafts that refer to each other neither can be the first: say that rather */
    return circle_check(ctx, entry_id, true) &&
           ctx_fail(ctx, ERR_CONFLICT, "it refers to " STR_FMT ", which is not shown",
                    STR_ARG(target));
}

static bool references_show(struct ctx *ctx, const struct entry_row *entry,
                            const struct version_row *version)
{
    struct references references;
    const struct json *document = json_parse(ctx, version->document);
    if (!document || !references_find(ctx, document, &references) ||
        (references.n && !store_references_lock(ctx)) ||
        !store_references_put(ctx, entry->entry_id, true, &references))
        return false;
    return references.n == 0 || references_check(ctx, entry->entry_id);
}

static bool show(struct ctx *ctx, const struct entry_row *entry, const struct version_row *version,
                 struct shown_row *shown)
{
    struct str owner;
    if (store_shown_owner(ctx, entry->kind, version, &owner) && !str_eq(owner, entry->entry_id))
        return ctx_fail(ctx, ERR_CONFLICT, STR_FMT " is shown under this slug", STR_ARG(owner));
    if (ctx_failed(ctx) || !references_show(ctx, entry, version) ||
        !store_show(ctx, entry, version, shown->published_us))
        return false;
    return tell_published(ctx, shown);
}

struct reply content_publish_entry(struct ctx *ctx, const struct publish_entry_in *in)
{
    struct entry_row entry;
    struct version_row version;
    if (!entry_find(ctx, in->entry_id, &entry))
        return reply_error(ctx);
    int64_t wanted = in->body->has_version ? in->body->version : entry.version;
    if (!version_find(ctx, in->entry_id, wanted, &version))
        return reply_error(ctx);
    bool already = wanted == entry.published_version;
    struct shown_row shown = { .entry_id = entry.entry_id,
                               .kind = entry.kind,
                               .slug = version.slug,
                               .locale = version.locale,
                               .title = version.title,
                               .document = version.document,
                               .version = wanted,
                               .published_us = already ? entry.published_us : next_moment(&entry) };
    if (!already && !show(ctx, &entry, &version, &shown))
        return reply_error(ctx);
    return reply_shown(ctx, &shown, (struct str){ NULL, 0 });
}

static bool hide(struct ctx *ctx, const struct entry_row *entry, int64_t at_us)
{
    struct version_row version;
    if (!version_find(ctx, entry->entry_id, entry->published_version, &version) ||
        !store_hide(ctx, entry, at_us) ||
        !store_references_put(ctx, entry->entry_id, true, &(struct references){ 0 }))
        return false;
    struct entry_unpublished event = { .entry_id = entry->entry_id,
                                       .kind = entry_unpublished_kind_parse(
                                           str_of(entry_kind_name(kind_of(entry->kind)))),
                                       .type = type_of_kind(entry->kind),
                                       .slug = version.slug,
                                       .version = entry->published_version,
                                       .unpublished_at = at_us };
    return publish_entry_unpublished(ctx, &event);
}

struct reply content_unpublish_entry(struct ctx *ctx, const struct unpublish_entry_in *in)
{
    struct entry_row entry;
    if (!entry_find(ctx, in->entry_id, &entry))
        return reply_error(ctx);
    if (entry.published_version && !hide(ctx, &entry, next_moment(&entry)))
        return reply_error(ctx);
    entry.published_version = 0;
    return reply_entry(ctx, &entry);
}

/* RFC 9110 section 13.1.2: weak comparison. */
static bool has_already(struct str if_none_match, struct str etag)
{
    struct str tag;
    while (str_split(&if_none_match, ',', &tag)) {
        tag = str_trim(tag);
        if (str_starts(tag, STR("W/")))
            tag = (struct str){ tag.ptr + 2, tag.len - 2 };
        if (str_is(tag, "*") || str_eq(tag, etag))
            return true;
    }
    return false;
}

/* Of a locale, or else of a shorter form of it, that has fallbacks of its own, these go last. */
static bool locales_chain(struct ctx *ctx, struct str locale, struct locales *out)
{
    struct locale_row row;
    out->n = 0;
    locales_add(out, locale);
    size_t n_own = out->n;
    for (size_t i = 0; i < n_own; i++)
        if (store_locale(ctx, out->names[i], &row)) {
            const struct json *list = json_parse(ctx, row.fallbacks);
            for (struct json_iter it = json_iter(list); json_next(&it);)
                locales_add(out, json_str(it.value));
            break;
        }
    locales_end(out);
    return !ctx_failed(ctx);
}

static bool published_find(struct ctx *ctx, const struct get_published_in *in,
                           struct shown_row *out)
{
    struct locales locales;
    struct str kind = in->type.ptr ? in->type : str_of(get_published_kind_name(in->kind));
    if (str_is(kind, "item"))
        return ctx_fail_at(ctx, ERR_INVALID, STR("query/type"), "an item has a type");
    return locales_chain(ctx, in->locale, &locales) &&
           (store_shown(ctx, kind, in->slug, &locales, out) ||
            ctx_fail(ctx, ERR_NOT_FOUND, "nothing is shown under this slug"));
}

struct reply content_get_published(struct ctx *ctx, const struct get_published_in *in)
{
    struct shown_row row;
    if (!published_find(ctx, in, &row))
        return reply_error(ctx);
    struct str etag = shown_etag(ctx, &row);
    if (has_already(in->if_none_match, etag))
        return reply_not_modified(ctx, etag);
    bool moved = !str_eq(row.slug, in->slug);
    return reply_shown(ctx, &row, moved ? in->slug : (struct str){ NULL, 0 });
}
