/* OpenFeature Remote Evaluation Protocol 0.3: flags as stock OpenFeature clients ask for them. */
#include "base/hash.h"
#include "platform/http/http.h"
#include "platform/token/token.h"
#include "services/personalization/flags.h"
#include "services/personalization/ofrep.h"
#include "services/personalization/personalization.h"
#include "personalization_contract.h"

#define KEY_MAX_BYTES 200 /* a person's id, as everywhere in the contract */

/* ---- refusing ---- */

/* The last part of the path, as it was sent; ptr NULL for the operation that evaluates all. */
static struct str key_of_target(const struct ctx *ctx)
{
    static const char before_key[] = "/evaluate/flags/";
    struct str path, query = ctx->request->target;
    str_split(&query, '?', &path);
    const char *at = memmem(path.ptr, path.len, before_key, sizeof(before_key) - 1);
    if (!at)
        return (struct str){ NULL, 0 };
    at += sizeof(before_key) - 1;
    return (struct str){ at, (size_t)(path.ptr + path.len - at) };
}

/* Clients read only 400, 404 and 500 by their bodies, so whatever is wrong with a request is a 400. */
static int refusal_status(enum error_code code)
{
    return code == ERR_INVALID || code == ERR_MALFORMED ? 400 : error_status(code);
}

static enum flag_error_code error_code_of(enum error_code code)
{
    if (code == ERR_NOT_FOUND)
        return FLAG_ERROR_CODE_FLAG_NOT_FOUND;
    return code == ERR_INVALID || code == ERR_MALFORMED ? FLAG_ERROR_CODE_INVALID_CONTEXT
                                                        : FLAG_ERROR_CODE_GENERAL;
}

static struct reply reply_failure(struct ctx *ctx, int status, const struct flag_failure *failure)
{
    return reply_text(ctx, status, "application/json", flag_failure_encode(ctx, failure));
}

struct reply ofrep_refusal(struct ctx *ctx)
{
    enum error_code code = ctx_failed(ctx) ? ctx->error.code : ERR_INTERNAL;
    bool hidden = error_status(code) >= 500 && !ctx->error.open;
    struct flag_failure failure = { .key = key_of_target(ctx),
                                    .error_code = error_code_of(code),
                                    .error_details = hidden ? str_of(error_title(code))
                                                            : ctx->error.detail };
    return reply_failure(ctx, refusal_status(code), &failure);
}

/* ---- who asks ---- */

static bool context_read(struct ctx *ctx, const struct json *body, struct flag_asker *out)
{
    const struct json *context = json_get(body, "context"),
                      *key = json_get(context, "targetingKey");
    if (json_type(context) != JSON_OBJECT)
        return ctx_fail(ctx, ERR_INVALID, "The request has no context.");
    if (key && json_type(key) != JSON_STRING)
        return ctx_fail(ctx, ERR_INVALID, "The targetingKey of the context is no text.");
    struct str text = json_str(key);
    if (text.len > KEY_MAX_BYTES)
        return ctx_fail(ctx, ERR_INVALID, "The targetingKey of the context has more than %d bytes.",
                        KEY_MAX_BYTES);
    out->context = context;
    out->targeting_key = text.len ? text : (struct str){ NULL, 0 };
    return true;
}

/* A write key stands in pages for everybody to read: with it one sees what is marked for that. */
static bool may_see(const struct ctx *ctx, const struct compiled_flag *flag)
{
    return ctx->who->kind != PRINCIPAL_WRITE_KEY || (flag->put.has_public && flag->put.public);
}

/* ---- evaluating ---- */

static struct str success_text(struct ctx *ctx, const struct compiled_flag *flag,
                               const struct flag_outcome *outcome)
{
    struct flag_evaluation evaluation = { .key = flag->flag_key,
                                          .value = outcome->variant->value,
                                          .reason = outcome->reason,
                                          .variant = outcome->variant->variant,
                                          .metadata = flag->put.metadata };
    return flag_evaluation_encode(ctx, &evaluation);
}

static struct flag_failure failure_of(const struct compiled_flag *flag,
                                      const struct flag_outcome *outcome)
{
    return (struct flag_failure){ .key = flag->flag_key,
                                  .error_code = outcome->error,
                                  .error_details = outcome->details };
}

static struct reply evaluate_one(struct ctx *ctx, struct str key, struct flag_asker *asker)
{
    const struct personalization *app = ctx->app;
    const struct compiled_flag *flag = flags_find(&definitions_now(app->definitions)->flags, key);
    if (!flag || !may_see(ctx, flag)) {
        ctx_fail(ctx, ERR_NOT_FOUND, "There is no flag with this key.");
        return ofrep_refusal(ctx);
    }
    struct flag_outcome outcome = flag_evaluate(ctx, flag, asker);
    struct flag_failure failure = failure_of(flag, &outcome);
    return outcome.error ? reply_failure(ctx, 400, &failure)
                         : reply_ok(ctx, success_text(ctx, flag, &outcome));
}

static struct str evaluate_all(struct ctx *ctx, struct flag_asker *asker)
{
    const struct personalization *app = ctx->app;
    const struct compiled_flags *flags = &definitions_now(app->definitions)->flags;
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "flags");
    json_array(&out);
    for (size_t i = 0; i < flags->n; i++) {
        if (!may_see(ctx, &flags->items[i]))
            continue;
        struct flag_outcome outcome = flag_evaluate(ctx, &flags->items[i], asker);
        struct flag_failure failure = failure_of(&flags->items[i], &outcome);
        json_put_raw(&out, outcome.error ? flag_failure_encode(ctx, &failure)
                                         : success_text(ctx, &flags->items[i], &outcome));
    }
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

struct reply personalization_evaluate_flag(struct ctx *ctx, const struct evaluate_flag_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct flag_asker *asker = ARENA_NEW(ctx->arena, struct flag_asker);
    struct lmdb_read read;
    if (!context_read(ctx, in->body, asker) || !people_read_begin(ctx, people.model, &read))
        return ofrep_refusal(ctx);
    struct reply reply = flag_asker_load(ctx, people.model, &read, asker)
                             ? evaluate_one(ctx, in->key, asker)
                             : ofrep_refusal(ctx);
    lmdb_read_end(&read);
    return reply;
}

/* The tag is made of the answer, so it changes when a definition, the person or the context does, and only then. */
static struct reply reply_tagged(struct ctx *ctx, struct str body, struct str known)
{
    struct str tag =
        arena_printf(ctx->arena, "\"%016llx\"", (unsigned long long)hash_fnv1a(body.ptr, body.len));
    if (str_eq(known, tag))
        return reply_not_modified(ctx, tag);
    struct reply reply = reply_ok(ctx, body);
    reply_add(ctx, &reply, "ETag", tag);
    return reply;
}

struct reply personalization_evaluate_flags(struct ctx *ctx, const struct evaluate_flags_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct flag_asker *asker = ARENA_NEW(ctx->arena, struct flag_asker);
    struct lmdb_read read;
    if (!context_read(ctx, in->body, asker) || !people_read_begin(ctx, people.model, &read))
        return ofrep_refusal(ctx);
    struct reply reply = flag_asker_load(ctx, people.model, &read, asker)
                             ? reply_tagged(ctx, evaluate_all(ctx, asker), in->if_none_match)
                             : ofrep_refusal(ctx);
    lmdb_read_end(&read);
    return reply;
}
