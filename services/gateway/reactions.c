#include "services/gateway/reactions.h"

#include "services/gateway/cache.h"
#include "services/gateway/edge.h"
#include "services/gateway/purge.h"

enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *event)
{
    struct published page = { .entry_id = event->entry_id,
                              .kind = ENTRY_KIND_PAGE,
                              .slug = event->slug,
                              .locale = event->locale,
                              .title = event->title,
                              .version = event->version,
                              .document = event->document,
                              .published_at = event->published_at };
    struct page_document document;
    if (event->kind != ENTRY_PUBLISHED_KIND_PAGE)
        return DONE; /* snippets are not served here */
    if (!page_document_read(ctx, event->document, &document))
        return outcome_of(ctx); /* what cannot be served does not take the place of what can */
    bool shown = edge_show(ctx, ctx->model, &page) &&
                 purge_note(ctx, cache_key_of_entry(ctx->arena, event->entry_id));
    return shown ? DONE : outcome_of(ctx);
}

enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *event)
{
    if (event->kind != ENTRY_UNPUBLISHED_KIND_PAGE)
        return DONE;
    bool hidden = edge_hide(ctx, ctx->model, event->entry_id, event->unpublished_at) &&
                  purge_note(ctx, cache_key_of_entry(ctx->arena, event->entry_id));
    return hidden ? DONE : outcome_of(ctx);
}

enum outcome on_product_upserted(struct ctx *ctx, const struct product_upserted *event)
{
    bool kept = edge_product(ctx, ctx->model, event) &&
                purge_note(ctx, cache_key_of_product(ctx->arena, event->product_id)) &&
                purge_note(ctx, CACHE_KEY_PRODUCTS);
    return kept ? DONE : outcome_of(ctx);
}
