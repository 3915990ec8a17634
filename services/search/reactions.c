#include "services/search/reactions.h"

#include "services/search/entry.h"
#include "services/search/index.h"
#include "services/search/popularity.h"

enum outcome on_product_upserted(struct ctx *ctx, const struct product_upserted *event)
{
    struct document document = { .document_id = event->product_id,
                                 .type = STR("product"),
                                 .title = event->name,
                                 .category = event->category,
                                 .subcategory = event->subcategory,
                                 .price = &event->price,
                                 .updated_at = event->updated_at };
    return index_put(ctx, ctx->model, INDEX_PRODUCT, event->product_id, event->version,
                     event->active ? &document : NULL)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *event)
{
    bool page = event->kind == ENTRY_PUBLISHED_KIND_PAGE;
    if (!page && event->kind != ENTRY_PUBLISHED_KIND_ITEM)
        return DONE; /* snippets and email templates are no destinations */
    struct document document = { .document_id = event->entry_id,
                                 .type = page || !event->type.len ? STR("page") : event->type,
                                 .title = event->title.len ? event->title : event->slug,
                                 .text = entry_text(ctx->arena, event->document, page),
                                 .slug = event->slug,
                                 .locale = event->locale,
                                 .updated_at = event->published_at };
    return index_put(ctx, ctx->model, INDEX_ENTRY, event->entry_id, event->published_at, &document)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *event)
{
    return index_put(ctx, ctx->model, INDEX_ENTRY, event->entry_id, event->unpublished_at, NULL)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed)
{
    for (size_t i = 0; i < placed->n_lines; i++)
        if (!index_product_popular(ctx, ctx->model, placed->lines[i].product_id, POPULARITY_ORDERED,
                                   placed->placed_at))
            return outcome_of(ctx);
    return DONE;
}

enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *event)
{
    return index_slug_popular(ctx, ctx->model, event->slug, POPULARITY_VIEWED, event->viewed_at)
               ? DONE
               : outcome_of(ctx);
}

/* Of Segment's events the one that says which product was seen. */
enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *event)
{
    struct str product_id = json_str(json_get(event->properties, "product_id"));
    if (event->kind != EVENT_RECORDED_KIND_TRACK || !str_is(event->name, "Product Viewed") ||
        product_id.len == 0 || product_id.len > INDEX_ID_BYTES)
        return DONE;
    return index_product_popular(ctx, ctx->model, product_id, POPULARITY_VIEWED, event->occurred_at)
               ? DONE
               : outcome_of(ctx);
}
