#include "services/content/publish.h"

#include "base/clock.h"
#include "services/content/reply.h"

/* ---- telling ---- */

#define EARLIER_TOLD 20 /* beside the document, an event has not much room */

static bool earlier_find(struct ctx *ctx, const struct shown_row *row,
                         struct entry_published *event)
{
    size_t n;
    struct place_row places[EARLIER_TOLD];
    if (!store_moved(ctx, row->entry_id, EARLIER_TOLD, places, &n))
        return false;
    struct entry_published_place *earlier =
        ARENA_ARRAY(ctx->arena, struct entry_published_place, n);
    for (size_t i = 0; i < n; i++)
        earlier[i] = (struct entry_published_place){ .slug = places[i].slug,
                                                     .locale = text_or_none(places[i].locale) };
    event->earlier = earlier;
    event->n_earlier = n;
    return true;
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
    return event.document && earlier_find(ctx, row, &event) && publish_entry_published(ctx, &event);
}

/* Later than what was told of the entry before, so that readers can tell new from old whatever the clock does. */
static int64_t next_moment(const struct entry_row *entry)
{
    return MAX(clock_now_us(), entry->told_us + 1);
}

/* ---- showing ---- */

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

bool entry_publish(struct ctx *ctx, struct str entry_id, int64_t wanted, struct shown_row *out)
{
    struct entry_row entry;
    struct version_row version;
    if (!entry_find(ctx, entry_id, &entry) ||
        !version_find(ctx, entry_id, wanted ? wanted : entry.version, &version))
        return false;
    bool already = version.version == entry.published_version;
    struct shown_row shown = { .entry_id = entry.entry_id,
                               .kind = entry.kind,
                               .slug = version.slug,
                               .locale = version.locale,
                               .title = version.title,
                               .document = version.document,
                               .version = version.version,
                               .published_us = already ? entry.published_us : next_moment(&entry) };
    if (!already && !show(ctx, &entry, &version, &shown))
        return false;
    *out = shown;
    return true;
}

/* ---- hiding ---- */

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

bool entry_unpublish(struct ctx *ctx, struct str entry_id, struct entry_row *out)
{
    struct entry_row entry;
    if (!entry_find(ctx, entry_id, &entry) ||
        (entry.published_version && !hide(ctx, &entry, next_moment(&entry))))
        return false;
    entry.published_version = 0;
    *out = entry;
    return true;
}
