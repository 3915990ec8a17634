#include "services/crm/profiles.h"

#include "base/clock.h"
#include "platform/events/events.h"
#include "services/crm/store_erasures.h"
#include "crm_events.h"

bool profile_check(struct ctx *ctx, struct str profile_id)
{
    struct str request_id;
    if (store_erased(ctx, profile_id, &request_id))
        return ctx_fail(ctx, ERR_GONE, "this person was erased (" STR_FMT ")", STR_ARG(request_id));
    return !ctx_failed(ctx);
}

bool profile_get(struct ctx *ctx, struct str profile_id, struct profile_row *out)
{
    if (store_profile(ctx, profile_id, out))
        return true;
    return !ctx_failed(ctx) && profile_check(ctx, profile_id) &&
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no profile with this id");
}

static bool same_text(struct str a, struct str b)
{
    return !a.ptr == !b.ptr && str_eq(a, b);
}

static bool same_traits(struct ctx *ctx, struct str a, struct str b)
{
    if (!a.ptr || !b.ptr)
        return !a.ptr == !b.ptr;
    return str_eq(a, b) || json_equal(json_parse(ctx, a), json_parse(ctx, b));
}

static bool profile_same(struct ctx *ctx, const struct profile_row *a, const struct profile_row *b)
{
    return same_text(a->email, b->email) && same_text(a->name, b->name) &&
           same_text(a->phone, b->phone) && same_text(a->locale, b->locale) &&
           same_traits(ctx, a->traits, b->traits);
}

static bool profile_tell(struct ctx *ctx, const struct profile_row *row)
{
    struct profile_updated updated = { .profile_id = row->profile_id,
                                       .email = row->email,
                                       .name = row->name,
                                       .phone = row->phone,
                                       .locale = row->locale,
                                       .traits = row->traits.ptr ? json_parse(ctx, row->traits)
                                                                 : NULL,
                                       .version = row->version,
                                       .updated_at = row->updated_us };
    return publish_profile_updated(ctx, &updated);
}

bool profile_replace(struct ctx *ctx, const struct profile_row *wanted, struct profile_row *out)
{
    struct profile_row before = { 0 };
    bool known = store_profile(ctx, wanted->profile_id, &before);
    if (ctx_failed(ctx) || (!known && !profile_check(ctx, wanted->profile_id)))
        return false;
    if (known && profile_same(ctx, &before, wanted)) {
        *out = before;
        return !ctx_failed(ctx);
    }
    struct profile_row row = *wanted;
    row.version = before.version + 1;
    row.updated_us = clock_now_us();
    row.created_us = known ? before.created_us : row.updated_us;
    if (!store_profile_put(ctx, &row) || !profile_tell(ctx, &row))
        return false;
    *out = row;
    return true;
}

bool profile_ensure(struct ctx *ctx, struct str profile_id)
{
    struct profile_row row;
    if (store_profile(ctx, profile_id, &row))
        return true;
    return !ctx_failed(ctx) &&
           profile_replace(ctx, &(struct profile_row){ .profile_id = profile_id }, &row);
}

bool traits_merge(struct ctx *ctx, struct str base, const struct json *more, struct str *out)
{
    const struct json *old = base.ptr ? json_parse(ctx, base) : NULL;
    struct json_out merged;
    json_out_init(&merged, ctx->arena);
    json_object(&merged);
    for (struct json_iter it = json_iter(old); json_next(&it);)
        if (json_type(json_get_n(more, it.key)) == JSON_ABSENT) {
            json_key_n(&merged, it.key);
            json_put(&merged, it.value);
        }
    for (struct json_iter it = json_iter(more); json_next(&it);)
        if (json_type(it.value) != JSON_NULL) {
            json_key_n(&merged, it.key);
            json_put(&merged, it.value);
        }
    json_object_end(&merged);
    struct str text = json_out_str(&merged);
    if (text.len > TRAITS_MOST_BYTES)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/traits"),
                           "traits take %zu bytes, %d are allowed", text.len, TRAITS_MOST_BYTES);
    *out = text;
    return true;
}
