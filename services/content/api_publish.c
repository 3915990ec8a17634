#include "services/content/publish.h"
#include "services/content/reply.h"

struct reply content_publish_entry(struct ctx *ctx, const struct publish_entry_in *in)
{
    struct shown_row shown;
    int64_t version = in->body->has_version ? in->body->version : 0;
    if (!entry_publish(ctx, in->entry_id, version, &shown))
        return reply_error(ctx);
    struct str text = shown_text(ctx, &shown, (struct str){ NULL, 0 });
    if (!text.ptr)
        return reply_error(ctx);
    struct reply reply = reply_ok(ctx, text);
    reply_add(ctx, &reply, "ETag", shown_etag(ctx, &shown));
    return reply;
}

struct reply content_unpublish_entry(struct ctx *ctx, const struct unpublish_entry_in *in)
{
    struct entry_row entry;
    if (!entry_unpublish(ctx, in->entry_id, &entry))
        return reply_error(ctx);
    return reply_entry(ctx, &entry);
}
