#include "platform/crypto/crypto.h"
#include "services/crm/crm.h"
#include "services/crm/erasures.h"

struct reply crm_erase_profile(struct ctx *ctx, const struct erase_profile_in *in)
{
    struct erasure_accepted accepted = { .profile_id = in->profile_id };
    if (!erasure_ask(ctx, in->profile_id, &accepted.request_id))
        return reply_error(ctx);
    return reply_ok(ctx, erasure_accepted_encode(ctx, &accepted));
}

struct reply crm_get_erasure(struct ctx *ctx, const struct get_erasure_in *in)
{
    struct erasure erasure;
    if (!erasure_find(ctx, in->request_id, &erasure))
        return reply_error(ctx);
    return reply_ok(ctx, erasure_encode(ctx, &erasure));
}

struct reply crm_list_erasures(struct ctx *ctx, const struct list_erasures_in *in)
{
    struct sql_moment before;
    size_t limit = (size_t)in->limit, n;
    struct erasure_row *rows = ARENA_ARRAY(ctx->arena, struct erasure_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !store_erasures(ctx, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct erasure *items = ARENA_ARRAY(ctx->arena, struct erasure, limit);
    struct erasure_list list = { .items = items, .n_items = MIN(n, limit) };
    for (size_t i = 0; i < list.n_items; i++)
        if (!erasure_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].asked_us, rows[limit - 1].request_id);
    return reply_ok(ctx, erasure_list_encode(ctx, &list));
}

static struct str public_key(struct ctx *ctx)
{
    const struct crm *app = ctx->app;
    return crypto_base64url(ctx->arena,
                            (struct str){ (const char *)app->public_key, sizeof(app->public_key) });
}

struct reply crm_get_certificate(struct ctx *ctx, const struct get_certificate_in *in)
{
    struct erasure_row row;
    if (!store_erasure(ctx, in->request_id, &row)) {
        if (!ctx_failed(ctx))
            ctx_fail(ctx, ERR_NOT_FOUND, "there is no such request to erase");
        return reply_error(ctx);
    }
    if (!row.certificate.ptr) {
        ctx_fail(ctx, ERR_NOT_FOUND, "it is not complete yet; /v1/erasures/" STR_FMT " says why",
                 STR_ARG(row.request_id));
        return reply_error(ctx);
    }
    struct certificate certificate = { .request_id = row.request_id,
                                       .certificate = row.certificate,
                                       .key_id = certificate_key_id(ctx),
                                       .public_key = public_key(ctx) };
    return reply_ok(ctx, certificate_encode(ctx, &certificate));
}

struct reply crm_get_certificate_key(struct ctx *ctx, const struct get_certificate_key_in *in)
{
    struct certificate_key key = { .kty = STR("OKP"),
                                   .crv = STR("Ed25519"),
                                   .kid = certificate_key_id(ctx),
                                   .x = public_key(ctx) };
    return reply_ok(ctx, certificate_key_encode(ctx, &key));
}
