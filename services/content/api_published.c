/* What is shown: from memory where it was asked for before, else from the database. */
#include "services/content/content.h"
#include "services/content/reply.h"
#include "platform/sql/answer_cache.h"

static struct reply reply_answer(struct ctx *ctx, const struct kept_answer *answer,
                                 struct str if_none_match)
{
    if (!answer->etag.ptr) {
        ctx_fail(ctx, ERR_NOT_FOUND, "nothing is shown there");
        return reply_error(ctx);
    }
    if (etag_has(if_none_match, answer->etag))
        return reply_not_modified(ctx, answer->etag);
    struct reply reply = reply_ok(ctx, answer->body);
    reply_add(ctx, &reply, "ETag", answer->etag);
    return reply;
}

static bool from_memory(struct ctx *ctx, struct str key, struct str if_none_match,
                        struct reply *reply)
{
    struct kept_answer answer;
    if (!answer_cache_get(ctx, ((struct content *)ctx->app)->shown, key, &answer))
        return false;
    *reply = reply_answer(ctx, &answer, if_none_match);
    return true;
}

/* ---- reading it ---- */

typedef bool (*shown_find)(struct ctx *ctx, const void *in, struct shown_row *row);

/* `slug`: the one that was asked for; empty: none was. */
static bool answer_read(struct ctx *ctx, shown_find find, const void *in, struct str slug,
                        struct kept_answer *out)
{
    struct shown_row row;
    *out = (struct kept_answer){ 0 };
    if (!find(ctx, in, &row))
        return !ctx_failed(ctx);
    bool moved = slug.len && !str_eq(row.slug, slug);
    out->body = shown_text(ctx, &row, moved ? slug : (struct str){ NULL, 0 });
    out->etag = shown_etag(ctx, &row);
    return out->body.ptr != NULL;
}

static struct reply from_database(struct ctx *ctx, shown_find find, const void *in, struct str slug,
                                  struct str key, struct str if_none_match)
{
    struct answer_cache *cache = ((struct content *)ctx->app)->shown;
    struct kept_answer answer;
    int64_t revision, mark = answer_cache_mark(cache);
    if (!store_shown_revision(ctx, &revision))
        return reply_error(ctx);
    answer_cache_meet(cache, mark, revision);
    if (!answer_read(ctx, find, in, slug, &answer))
        return reply_error(ctx);
    answer_cache_put(cache, revision, key, &answer);
    return reply_answer(ctx, &answer, if_none_match);
}

/* ---- by slug ---- */

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

static struct str kind_asked(const struct get_published_in *in)
{
    return in->type.ptr ? in->type : str_of(get_published_kind_name(in->kind));
}

static bool find_by_slug(struct ctx *ctx, const void *argument, struct shown_row *out)
{
    const struct get_published_in *in = argument;
    struct locales locales;
    return locales_chain(ctx, in->locale, &locales) &&
           store_shown(ctx, kind_asked(in), in->slug, &locales, out);
}

/* Each of the three is any text, so their lengths tell where one ends. */
static struct str slug_key(struct ctx *ctx, const struct get_published_in *in)
{
    struct str kind = kind_asked(in);
    return arena_printf(ctx->arena, "%zu,%zu " STR_FMT STR_FMT STR_FMT, kind.len, in->slug.len,
                        STR_ARG(kind), STR_ARG(in->slug), STR_ARG(in->locale));
}

bool content_get_published_at_once(struct ctx *ctx, const struct get_published_in *in,
                                   struct reply *reply)
{
    return from_memory(ctx, slug_key(ctx, in), in->if_none_match, reply);
}

struct reply content_get_published(struct ctx *ctx, const struct get_published_in *in)
{
    if (str_is(kind_asked(in), "item")) {
        ctx_fail_at(ctx, ERR_INVALID, STR("query/type"), "an item has a type");
        return reply_error(ctx);
    }
    return from_database(ctx, find_by_slug, in, in->slug, slug_key(ctx, in), in->if_none_match);
}

/* ---- by id ---- */

static bool find_by_id(struct ctx *ctx, const void *argument, struct shown_row *out)
{
    const struct get_published_entry_in *in = argument;
    return store_shown_entry(ctx, in->entry_id, out);
}

static struct str id_key(struct ctx *ctx, struct str entry_id)
{
    return arena_printf(ctx->arena, "id " STR_FMT, STR_ARG(entry_id));
}

bool content_get_published_entry_at_once(struct ctx *ctx, const struct get_published_entry_in *in,
                                         struct reply *reply)
{
    return from_memory(ctx, id_key(ctx, in->entry_id), in->if_none_match, reply);
}

struct reply content_get_published_entry(struct ctx *ctx, const struct get_published_entry_in *in)
{
    return from_database(ctx, find_by_id, in, STR(""), id_key(ctx, in->entry_id),
                         in->if_none_match);
}
