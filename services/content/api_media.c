#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "services/content/content.h"
#include "services/content/media.h"
#include "services/content/media_files.h"
#include "services/content/media_kind.h"
#include "services/content/media_range.h"
#include "services/content/reply.h"
#include "content_contract.h"

#define PREFIX "med_"

static struct str hash_of(struct str media_id)
{
    return (struct str){ media_id.ptr + strlen(PREFIX), media_id.len - strlen(PREFIX) };
}

static struct media media_answer(const struct media_row *row)
{
    return (struct media){ .media_id = row->media_id,
                           .type = row->type,
                           .bytes = row->bytes,
                           .has_width = row->width > 0,
                           .width = row->width,
                           .has_height = row->height > 0,
                           .height = row->height,
                           .name = row->name,
                           .uploaded_at = row->uploaded_us };
}

static bool media_find(struct ctx *ctx, struct str media_id, struct media_row *out)
{
    return store_media(ctx, media_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no medium with this id");
}

/* ---- uploading ---- */

struct upload {
    struct media_row row;
    struct media_draft draft;
};

static void upload_done(struct upload *upload)
{
    media_draft_done(&upload->draft);
}

/* What the sender says of the bytes, if anything, is what they are. */
static bool declared_check(struct ctx *ctx, const char *type)
{
    struct str declared = request_header(ctx, "Content-Type"), first = declared;
    struct str rest = declared;
    if (str_split(&rest, ';', &first))
        first = str_trim(first);
    return str_eq_nocase(first, STR("application/octet-stream")) ||
           str_eq_nocase(first, str_of(type)) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("header/Content-Type"),
                       "the bytes are %s, not " STR_FMT, type, STR_ARG(first));
}

static bool upload_read(struct ctx *ctx, const struct upload_media_in *in, struct media_row *out)
{
    const struct content *content = ctx->app;
    struct media_kind kind;
    uint8_t hash[32];
    struct str bytes = in->body_raw;
    if ((int64_t)bytes.len > content->media_bytes)
        return ctx_fail(ctx, ERR_TOO_LARGE, "a medium has at most %lld bytes",
                        (long long)content->media_bytes);
    if (!media_kind_read(ctx, bytes, &kind) || !declared_check(ctx, kind.type))
        return false;
    crypto_sha256(bytes.ptr, bytes.len, hash);
    *out = (struct media_row){ .media_id = arena_printf(ctx->arena, PREFIX STR_FMT,
                                                        STR_ARG(crypto_hex(ctx->arena, hash, 32))),
                               .type = str_of(kind.type),
                               .bytes = (int64_t)bytes.len,
                               .width = kind.width,
                               .height = kind.height,
                               .name = in->name,
                               .uploaded_us = clock_now_us() };
    return true;
}

/* The row first: who removes the file of a medium that was deleted holds the row, so the file is placed after that. */
static bool upload_store(struct ctx *ctx, void *argument)
{
    const struct content *content = ctx->app;
    struct upload *upload = argument;
    struct str media_id = upload->row.media_id;
    if (!store_media_put(ctx, &upload->row))
        return false;
    return (!upload->draft.path ||
            media_draft_place(ctx, content->media_folder, hash_of(media_id), &upload->draft)) &&
           store_media(ctx, media_id, &upload->row);
}

struct reply content_upload_media(struct ctx *ctx, const struct upload_media_in *in)
{
    const struct content *content = ctx->app;
    struct upload upload CLEANUP(upload_done) = { 0 };
    if (!upload_read(ctx, in, &upload.row) ||
        !media_draft_write(ctx, content->media_folder, in->body_raw, &upload.draft) ||
        !sql_write(ctx, service_db(ctx), upload_store, &upload))
        return reply_error(ctx);
    struct media media = media_answer(&upload.row);
    return reply_ok(ctx, media_encode(ctx, &media));
}

/* ---- reading ---- */

struct wanted {
    struct str media_id;
    struct media_row row;
};

static bool wanted_find(struct ctx *ctx, void *argument)
{
    struct wanted *wanted = argument;
    return media_find(ctx, wanted->media_id, &wanted->row);
}

/* Is If-Range absent, or the ETag of this? (RFC 9110 section 13.1.5) */
static bool may_be_part(const struct get_media_in *in, struct str etag)
{
    return !in->if_range.ptr || str_eq(in->if_range, etag);
}

static void media_headers(struct ctx *ctx, struct reply *reply, const struct media_row *row,
                          struct str etag)
{
    reply_add(ctx, reply, "ETag", etag);
    reply_add(ctx, reply, "Accept-Ranges", STR("bytes"));
    reply_add(ctx, reply, "Cache-Control", STR("public, max-age=31536000, immutable"));
    reply_add(ctx, reply, "X-Content-Type-Options", STR("nosniff"));
    reply_add(ctx, reply, "Content-Security-Policy", STR("default-src 'none'"));
}

static struct reply media_part(struct ctx *ctx, const struct get_media_in *in,
                               const struct media_row *row, struct str etag)
{
    const struct content *content = ctx->app;
    uint64_t size = (uint64_t)row->bytes, first = 0, bytes = size;
    struct str range = may_be_part(in, etag) ? in->range : (struct str){ NULL, 0 };
    enum media_range kind = range_read(range, size, &first, &bytes);
    if (kind == RANGE_NONE) {
        ctx_fail(ctx, ERR_RANGE_NOT_SATISFIABLE, "it has %llu bytes", (unsigned long long)size);
        struct reply reply = reply_error(ctx);
        reply_add(ctx, &reply, "Content-Range",
                  arena_printf(ctx->arena, "bytes */%llu", (unsigned long long)size));
        return reply;
    }
    int fd = media_open(ctx, content->media_folder, hash_of(row->media_id), row->bytes);
    if (fd < 0)
        return reply_error(ctx);
    bool part = kind == RANGE_PART;
    struct reply reply =
        reply_file(ctx, part ? 206 : 200, arena_cstr(ctx->arena, row->type), fd, first, bytes);
    media_headers(ctx, &reply, row, etag);
    if (part)
        reply_add(ctx, &reply, "Content-Range",
                  arena_printf(ctx->arena, "bytes %llu-%llu/%llu", (unsigned long long)first,
                               (unsigned long long)(first + bytes - 1), (unsigned long long)size));
    return reply;
}

struct reply content_get_media(struct ctx *ctx, const struct get_media_in *in)
{
    struct wanted wanted = { .media_id = in->media_id };
    if (!sql_read(ctx, service_db(ctx), wanted_find, &wanted))
        return reply_error(ctx);
    struct str etag = arena_printf(ctx->arena, "\"" STR_FMT "\"", STR_ARG(hash_of(in->media_id)));
    if (etag_has(in->if_none_match, etag))
        return reply_not_modified(ctx, etag);
    return media_part(ctx, in, &wanted.row, etag);
}

struct reply content_get_media_info(struct ctx *ctx, const struct get_media_info_in *in)
{
    struct media_row row;
    if (!media_find(ctx, in->media_id, &row))
        return reply_error(ctx);
    struct media media = media_answer(&row);
    return reply_ok(ctx, media_encode(ctx, &media));
}

struct reply content_list_media(struct ctx *ctx, const struct list_media_in *in)
{
    struct sql_moment before;
    struct str type = in->type.ptr ? in->type : STR("");
    size_t n, limit = (size_t)in->limit;
    struct media_row *rows = ARENA_ARRAY(ctx->arena, struct media_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !store_media_list(ctx, type, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct media_list list = { .n_items = MIN(n, limit) };
    struct media *items = ARENA_ARRAY(ctx->arena, struct media, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = media_answer(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].uploaded_us, rows[limit - 1].media_id);
    return reply_ok(ctx, media_list_encode(ctx, &list));
}

/* ---- deleting ---- */

struct reply content_delete_media(struct ctx *ctx, const struct delete_media_in *in)
{
    struct media_row row;
    if (!store_references_lock(ctx) || !media_find(ctx, in->media_id, &row) ||
        !unreferred(ctx, in->media_id) || !store_media_delete(ctx, in->media_id, clock_now_us()))
        return reply_error(ctx);
    return reply_empty(ctx);
}

/* The row is held until the file is gone, so an upload of the same waits; see upload_store. */
static bool deleted_remove(struct ctx *ctx, void *more)
{
    const struct content *content = ctx->app;
    struct str media_id;
    bool was;
    *(bool *)more = store_media_deleted(ctx, &media_id);
    if (!*(bool *)more)
        return !ctx_failed(ctx);
    if (!store_media_forget(ctx, media_id, &was))
        return false;
    return !was || media_remove(ctx, content->media_folder, hash_of(media_id));
}

bool media_run(struct ctx *ctx)
{
    bool more = false;
    return sql_write(ctx, service_db(ctx), deleted_remove, &more) && more;
}
