#include "services/gateway/reactions.h"

#include "services/gateway/cache.h"
#include "services/gateway/edge.h"
#include "services/gateway/purge.h"

/* Snippets are templates, where they hold any. */
static bool is_template(const struct entry_published *event)
{
    return json_type(json_get(event->document, "liquid")) == JSON_STRING;
}

static bool template_show(struct ctx *ctx, const struct entry_published *event,
                          const struct published *snippet)
{
    bool kept = is_template(event)
                    ? edge_show(ctx, ctx->model, snippet)
                    : edge_hide(ctx, ctx->model, event->entry_id, event->published_at);
    return kept && purge_note(ctx, CACHE_KEY_LAYOUTS);
}

/* Compaction may have taken the events that told of the places before. */
static bool page_show(struct ctx *ctx, const struct entry_published *event,
                      const struct published *page)
{
    bool shown = edge_show(ctx, ctx->model, page);
    for (size_t i = 0; i < event->n_earlier && shown; i++)
        shown =
            edge_was_at(ctx, ctx->model, page, event->earlier[i].slug, event->earlier[i].locale);
    return shown && purge_note(ctx, cache_key_of_entry(ctx->arena, event->entry_id));
}

enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *event)
{
    bool snippet = event->kind == ENTRY_PUBLISHED_KIND_SNIPPET;
    struct published page = { .entry_id = event->entry_id,
                              .kind = snippet ? ENTRY_KIND_SNIPPET : ENTRY_KIND_PAGE,
                              .slug = event->slug,
                              .locale = event->locale,
                              .title = event->title,
                              .version = event->version,
                              .document = event->document,
                              .published_at = event->published_at };
    struct page_document document;
    if (snippet)
        return template_show(ctx, event, &page) ? DONE : outcome_of(ctx);
    if (event->kind != ENTRY_PUBLISHED_KIND_PAGE)
        return DONE; /* mail and items are not served here */
    if (!page_document_read(ctx, event->document, &document))
        return outcome_of(ctx); /* what cannot be served does not take the place of what can */
    return page_show(ctx, event, &page) ? DONE : outcome_of(ctx);
}

enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *event)
{
    bool snippet = event->kind == ENTRY_UNPUBLISHED_KIND_SNIPPET;
    if (event->kind != ENTRY_UNPUBLISHED_KIND_PAGE && !snippet)
        return DONE;
    struct str key = snippet ? CACHE_KEY_LAYOUTS : cache_key_of_entry(ctx->arena, event->entry_id);
    bool hidden = edge_hide(ctx, ctx->model, event->entry_id, event->unpublished_at) &&
                  purge_note(ctx, key);
    return hidden ? DONE : outcome_of(ctx);
}

enum outcome on_product_upserted(struct ctx *ctx, const struct product_upserted *event)
{
    bool kept = edge_product(ctx, ctx->model, event) &&
                purge_note(ctx, cache_key_of_product(ctx->arena, event->product_id)) &&
                purge_note(ctx, CACHE_KEY_PRODUCTS);
    return kept ? DONE : outcome_of(ctx);
}
