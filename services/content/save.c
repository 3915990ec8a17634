#include "services/content/save.h"

#include "base/clock.h"
#include "services/content/document.h"
#include "services/content/reply.h"
#include "services/content/types.h"

static bool same_text(struct str a, struct str b)
{
    return !a.ptr == !b.ptr && str_eq(a, b);
}

static bool entry_same(const struct entry_row *a, const struct entry_row *b)
{
    return str_eq(a->slug, b->slug) && str_eq(a->locale, b->locale) &&
           same_text(a->title, b->title) && str_eq(a->document, b->document);
}

/* By the rules of its kind, or by the schema of its type. */
static bool content_check(struct ctx *ctx, const struct entry_row *wanted,
                          struct references *references)
{
    const struct json *document = json_parse(ctx, wanted->document);
    bool built_in = type_is_reserved(wanted->kind);
    return document && document_check(ctx, wanted->kind, document, wanted->document) &&
           (built_in || type_check_stored(ctx, wanted->kind, document)) &&
           references_find(ctx, document, references);
}

/* `before` is the entry as it stands; version 0: there is none. */
static bool change_check(struct ctx *ctx, const struct expectation *expected,
                         const struct entry_row *before, const struct entry_row *entry)
{
    struct str owner;
    if (!expectation_check(ctx, expected, before->version))
        return false;
    if (before->version && !str_eq(before->kind, entry->kind))
        return ctx_fail(ctx, ERR_CONFLICT, "the entry is a " STR_FMT " and stays one",
                        STR_ARG(before->kind));
    if (store_slug_owner(ctx, entry, &owner) && !str_eq(owner, entry->entry_id))
        return ctx_fail(ctx, ERR_CONFLICT, "the slug is that of " STR_FMT, STR_ARG(owner));
    return !ctx_failed(ctx);
}

/* What stays as it was, and where a new entry begins to count. */
static bool entry_follow(struct ctx *ctx, const struct entry_row *before, struct entry_row *entry)
{
    int64_t last = before->version;
    entry->published_version = before->published_version;
    entry->published_us = before->published_us;
    entry->told_us = before->told_us;
    entry->updated_us = clock_now_us();
    if (!last && !store_gone(ctx, entry->entry_id, &last, &entry->told_us))
        return false;
    entry->version = last + 1;
    return true;
}

bool entry_save(struct ctx *ctx, const struct entry_row *wanted, const struct expectation *expected,
                struct entry_row *saved)
{
    struct references references;
    struct entry_row before = { 0 }, entry = *wanted;
    if (!content_check(ctx, wanted, &references))
        return false;
    store_entry(ctx, wanted->entry_id, &before);
    if (ctx_failed(ctx) || !change_check(ctx, expected, &before, wanted) ||
        !entry_follow(ctx, &before, &entry))
        return false;
    if (before.version && entry_same(&before, wanted)) {
        *saved = before;
        return true;
    }
    if (!store_entry_put(ctx, &entry, before.version) ||
        !store_references_put(ctx, entry.entry_id, false, &references))
        return false;
    *saved = entry;
    return true;
}
