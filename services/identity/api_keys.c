#include "base/clock.h"
#include "base/id.h"
#include "platform/crypto/crypto.h"
#include "platform/token/token.h"
#include "services/identity/identity.h"
#include "services/identity/reply.h"
#include "services/identity/scopes.h"
#include "identity_events.h"

/* ---- answers ---- */

static enum key_state state_of(const struct key_row *row)
{
    if (row->revoked_us)
        return KEY_STATE_REVOKED;
    return row->expires_us && row->expires_us <= clock_now_us() ? KEY_STATE_EXPIRED
                                                                : KEY_STATE_ACTIVE;
}

static struct key key_answer(struct ctx *ctx, const struct key_row *row)
{
    struct key key = { .key_id = row->key_id,
                       .kind = key_kind_parse(row->kind),
                       .name = row->name,
                       .state = state_of(row),
                       .version = row->version,
                       .created_at = row->created_us,
                       .created_by = row->created_by,
                       .has_expires_at = row->expires_us > 0,
                       .expires_at = row->expires_us,
                       .has_revoked_at = row->revoked_us > 0,
                       .revoked_at = row->revoked_us,
                       .has_last_used_at = row->last_used_us > 0,
                       .last_used_at = row->last_used_us };
    key.scopes = scopes_list(ctx->arena, row->scopes, &key.n_scopes);
    return key;
}

static struct reply reply_key(struct ctx *ctx, const struct key_row *row)
{
    struct key key = key_answer(ctx, row);
    return reply_versioned(ctx, key_encode(ctx, &key), row->version);
}

static bool key_find(struct ctx *ctx, struct str key_id, struct key_row *out)
{
    return store_key(ctx, key_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no key with this id");
}

/* ---- telling ---- */

static bool tell_issued(struct ctx *ctx, const struct key_row *row)
{
    struct key_issued issued = { .key_id = row->key_id,
                                 .kind = key_issued_kind_parse(row->kind),
                                 .name = row->name,
                                 .hash = row->hash,
                                 .issued_at = row->created_us,
                                 .has_expires_at = row->expires_us > 0,
                                 .expires_at = row->expires_us };
    issued.scopes = scopes_list(ctx->arena, row->scopes, &issued.n_scopes);
    return publish_key_issued(ctx, &issued);
}

/* ---- making and changing ---- */

/* What a write key may do: it stands in the pages of sites. */
static const char *const public_scopes[] = { "collect", "flags:evaluate" };

/* An API key is a secret, a write key is none. */
static struct str secret_new(struct arena *arena, enum key_kind kind)
{
    uint8_t random[32];
    id_random(random, sizeof(random));
    if (kind == KEY_KIND_WRITE)
        return arena_printf(arena, "wk_%s", crypto_hex(arena, random, 20).ptr);
    struct str text = { (const char *)random, sizeof(random) };
    return arena_printf(arena, "ffk_%s", crypto_base64url(arena, text).ptr);
}

static bool are_public(struct str scopes)
{
    struct str rest = scopes, one;
    while (str_split(&rest, ' ', &one)) {
        bool known = false;
        for (size_t i = 0; i < COUNT(public_scopes); i++)
            known |= str_is(one, public_scopes[i]);
        if (!known)
            return false;
    }
    return true;
}

static bool limits_check(struct ctx *ctx, const struct key_row *key)
{
    if (str_is(key->kind, "write") && !are_public(key->scopes))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/scopes"),
                           "a write key has the scopes collect and flags:evaluate, or one of them");
    if (key->expires_us && key->expires_us <= clock_now_us())
        return ctx_fail_at(ctx, ERR_INVALID, STR("/expires_at"), "is over");
    return caller_holds(ctx, key->scopes);
}

struct reply identity_create_key(struct ctx *ctx, const struct create_key_in *in)
{
    uint8_t hash[32];
    struct str secret = secret_new(ctx->arena, in->body->kind);
    crypto_sha256(secret.ptr, secret.len, hash);
    struct key_row row = { .key_id = id_new(ctx->arena, "key"),
                           .kind = str_of(key_kind_name(in->body->kind)),
                           .name = in->body->name,
                           .hash = crypto_hex(ctx->arena, hash, sizeof(hash)),
                           .scopes = scopes_of(ctx->arena, in->body->scopes, in->body->n_scopes),
                           .created_by = ctx->who->subject,
                           .version = 1,
                           .created_us = clock_now_us(),
                           .expires_us = in->body->has_expires_at ? in->body->expires_at : 0 };
    if (!limits_check(ctx, &row) || !store_key_new(ctx, &row) || !tell_issued(ctx, &row))
        return reply_error(ctx);
    struct key_created created = { .key = key_answer(ctx, &row), .secret = secret };
    return reply_ok(ctx, key_created_encode(ctx, &created));
}

struct reply identity_put_key(struct ctx *ctx, const struct put_key_in *in)
{
    struct expectation expected = { .if_match = in->if_match };
    struct key_row row, before;
    if (!key_find(ctx, in->key_id, &before) || !expectation_check(ctx, &expected, before.version))
        return reply_error(ctx);
    row = before;
    row.name = in->body->name;
    row.scopes = scopes_of(ctx->arena, in->body->scopes, in->body->n_scopes);
    row.expires_us = in->body->has_expires_at ? in->body->expires_at : 0;
    row.version++;
    if (before.revoked_us)
        ctx_fail(ctx, ERR_CONFLICT, "the key is revoked");
    if (ctx_failed(ctx) || !limits_check(ctx, &row) || !caller_holds(ctx, before.scopes) ||
        !store_key_change(ctx, &row) || !tell_issued(ctx, &row))
        return reply_error(ctx);
    return reply_key(ctx, &row);
}

/* Whoever may write keys may revoke any: it takes, and gives nothing. */
struct reply identity_revoke_key(struct ctx *ctx, const struct revoke_key_in *in)
{
    struct key_row row;
    if (!key_find(ctx, in->key_id, &row))
        return reply_error(ctx);
    if (row.revoked_us)
        return reply_key(ctx, &row);
    row.revoked_us = clock_now_us();
    row.version++;
    if (!store_key_change(ctx, &row) ||
        !publish_key_revoked(
            ctx, &(struct key_revoked){ .key_id = row.key_id, .revoked_at = row.revoked_us }))
        return reply_error(ctx);
    return reply_key(ctx, &row);
}

/* ---- asking ---- */

struct reply identity_get_key(struct ctx *ctx, const struct get_key_in *in)
{
    struct key_row row;
    if (!key_find(ctx, in->key_id, &row))
        return reply_error(ctx);
    return reply_key(ctx, &row);
}

struct reply identity_list_keys(struct ctx *ctx, const struct list_keys_in *in)
{
    struct sql_moment before;
    size_t n, limit = (size_t)in->limit;
    struct key_row *rows = ARENA_ARRAY(ctx->arena, struct key_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !store_keys(ctx, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct key_list list = { .n_items = MIN(n, limit) };
    struct key *items = ARENA_ARRAY(ctx->arena, struct key, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = key_answer(ctx, &rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].created_us, rows[limit - 1].key_id);
    return reply_ok(ctx, key_list_encode(ctx, &list));
}

struct reply identity_get_key_set(struct ctx *ctx, const struct get_key_set_in *in)
{
    struct str text = token_key_set(ctx, setting_text(ctx, "keys").ptr);
    return text.ptr ? reply_ok(ctx, text) : reply_error(ctx);
}
