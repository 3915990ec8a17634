#include "base/clock.h"
#include "base/id.h"
#include "services/gateway/cache.h"
#include "services/gateway/gateway.h"
#include "services/gateway/neighbours.h"
#include "gateway_contract.h"

/* ---- structure ---- */

struct remembrance {
    struct lmdb *edge;
    const struct published *page;
};

static bool remember(struct ctx *ctx, void *argument)
{
    const struct remembrance *remembrance = argument;
    return edge_show(ctx, remembrance->edge, remembrance->page);
}

/* A page that no event told of yet: content is asked once, and its answer kept. */
static bool head_ask(struct ctx *ctx, struct lmdb *edge, const struct get_page_in *in,
                     struct str visitor, int64_t deadline_us, struct published *out)
{
    const struct gateway *gateway = ctx->app;
    if (misses_has(gateway->misses, in->slug, in->locale, clock_mono_us()))
        return ctx_fail(ctx, ERR_NOT_FOUND, "nothing is shown under this slug");
    if (!content_page(ctx, in->slug, in->locale, visitor, deadline_us, out)) {
        if (ctx->error.code == ERR_NOT_FOUND)
            misses_note(gateway->misses, in->slug, in->locale, clock_mono_us());
        return false;
    }
    lmdb_write(ctx, edge, remember, &(struct remembrance){ edge, out });
    ctx_clear(ctx); /* the page is here; if the disk is not, the next request asks again */
    return true;
}

static bool structure_find(struct ctx *ctx, const struct get_page_in *in, struct str visitor,
                           int64_t deadline_us, struct structure *out)
{
    CLEANUP(model_done) struct model_use edge = service_model(ctx);
    struct published head;
    bool found = edge_shown(ctx, edge.model, ENTRY_KIND_PAGE, in->slug, in->locale, &head);
    ctx_clear(ctx); /* a store that cannot be read is as one that is empty */
    return (found || head_ask(ctx, edge.model, in, visitor, deadline_us, &head)) &&
           structure_read(ctx, &head, out);
}

/* ---- the view ---- */

/* The page has come, whatever becomes of its view: with the log away for long the outbox is full, and views are let go. */
static void view_tell(struct ctx *ctx, const struct served_page *page, struct str customer_id,
                      struct str visitor_id, int64_t started_us)
{
    const struct gateway *gateway = ctx->app;
    struct page_viewed_shown *shown =
        ARENA_ARRAY(ctx->arena, struct page_viewed_shown, page->n_blocks);
    struct page_viewed view = { .view_id = id_new(ctx->arena, "viw"),
                                .person_id = customer_id.ptr ? customer_id : visitor_id,
                                .visitor_id = visitor_id,
                                .customer_id = customer_id,
                                .slug = page->slug,
                                .shown = shown,
                                .defaults = page->defaults,
                                .n_defaults = page->n_defaults,
                                .has_duration_us = true,
                                .duration_us = clock_mono_us() - started_us,
                                .viewed_at = clock_now_us() };
    for (size_t i = 0; i < page->n_blocks; i++)
        if (page->blocks[i].slot.ptr && !page->blocks[i].ad) /* ads counts its own */
            shown[view.n_shown++] =
                (struct page_viewed_shown){ .slot = page->blocks[i].slot,
                                            .experience_id = page->blocks[i].experience_id,
                                            .variant = page->blocks[i].variant };
    if (!events_accepting(ctx, service_events(ctx)) ||
        !service_publish_later(ctx, &GATEWAY_PAGE_VIEWED_V1_TYPE, &view))
        metric_add(gateway->views_lost, 1);
    ctx_clear(ctx);
}

/* ---- the answer ---- */

static void defaults_count(const struct gateway *gateway, const struct answers *answers)
{
    if (answers->no_decision)
        metric_add(gateway->no_decision, 1);
    if (answers->no_quote)
        metric_add(gateway->no_quote, 1);
    if (answers->no_ads)
        metric_add(gateway->no_ads, 1);
}

/* What did not come in time, and "layout" where that failed. */
static void defaults_tell(struct ctx *ctx, const struct served_page *page, bool plain,
                          struct reply *reply)
{
    struct str list = plain ? STR("layout") : (struct str){ NULL, 0 };
    for (size_t i = 0; i < page->n_defaults; i++)
        list = list.ptr ? arena_printf(ctx->arena, STR_FMT ", " STR_FMT, STR_ARG(list),
                                       STR_ARG(page->defaults[i]))
                        : page->defaults[i];
    if (list.ptr)
        reply_add(ctx, reply, "Fanfare-Defaults", list);
}

static struct str page_target(struct arena *arena, struct str slug)
{
    return gateway_get_page_target(arena, &(struct get_page_in){ .slug = slug });
}

static struct reply reply_page(struct ctx *ctx, const struct structure *structure,
                               const struct served_page *page, bool shared)
{
    struct gateway *gateway = ctx->app;
    bool html = html_wanted(ctx), plain = false;
    struct reply reply;
    if (html) {
        CLEANUP(model_done) struct model_use edge = service_model(ctx);
        struct str text;
        plain = !html_render(ctx, &gateway->html, edge.model, page, &text);
        reply = reply_text(ctx, 200, "text/html; charset=utf-8", text);
    } else {
        reply = reply_ok(ctx, served_page_encode(ctx, page));
    }
    cache_tell(ctx, structure, shared && !plain, &reply);
    reply_add(ctx, &reply, "Vary", STR("Accept"));
    if (page->moved_from.ptr)
        reply_add(ctx, &reply, "Content-Location", page_target(ctx->arena, page->slug));
    defaults_tell(ctx, page, plain, &reply);
    return reply;
}

struct reply gateway_get_page(struct ctx *ctx, const struct get_page_in *in)
{
    const struct gateway *gateway = ctx->app;
    int64_t started_us = ctx->request->received_us;
    int64_t deadline_us = started_us + gateway->budget_us - gateway->margin_us;
    bool stranger = !in->customer_id.ptr && !in->visitor_id.ptr;
    struct str visitor_id = stranger ? id_new(ctx->arena, "vis") : in->visitor_id;
    struct structure structure;
    struct answers answers;
    struct served_page page;
    if (ctx->deadline_us)
        deadline_us = MIN(deadline_us, ctx->deadline_us);
    if (!structure_find(ctx, in, visitor_id.ptr ? visitor_id : in->customer_id, deadline_us,
                        &structure))
        return reply_error(ctx);
    neighbours_ask(ctx, &structure, in->customer_id, visitor_id, deadline_us, &answers);
    request_waited(ctx, clock_mono_us() - started_us); /* late pages ask less, so none is refused */
    defaults_count(gateway, &answers);
    page_compose(ctx, &structure, &answers, &page);
    /* What everybody may keep names nobody, and a view by nobody is told to nobody. */
    bool shared = cache_is_shared(ctx, &structure, &answers, in->customer_id);
    page.visitor_id = stranger && !shared ? visitor_id : (struct str){ NULL, 0 };
    if (!stranger || !shared)
        view_tell(ctx, &page, in->customer_id, visitor_id, started_us);
    return reply_page(ctx, &structure, &page, shared);
}
