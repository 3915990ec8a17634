#include "services/ads/ads.h"
#include "services/ads/counts.h"
#include "ads_contract.h"

/* A GIF of one transparent point (GIF89a). */
static const char point[] =
    "GIF89a\1\0\1\0\x80\0\0\0\0\0\0\0\0!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";

struct reply ads_see_ad(struct ctx *ctx, const struct see_ad_in *in)
{
    const struct ads *app = ctx->app;
    struct link link;
    if (!link_read(ctx, &app->key, in->token, SEEN_WITHIN_US, &link) || !count_seen(ctx, &link))
        return reply_error(ctx);
    struct reply reply =
        reply_text(ctx, 200, "image/gif", (struct str){ point, sizeof(point) - 1 });
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    return reply;
}

struct reply ads_click_ad(struct ctx *ctx, const struct click_ad_in *in)
{
    const struct ads *app = ctx->app;
    struct link link;
    struct str target;
    if (!link_read(ctx, &app->key, in->token, CLICKED_WITHIN_US, &link) ||
        !ad_target(ctx, link.ad_id, &target) || !count_clicked(ctx, &link))
        return reply_error(ctx);
    struct reply reply = reply_text(ctx, 302, "text/plain", STR(""));
    reply_add(ctx, &reply, "Location", target);
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    return reply;
}
