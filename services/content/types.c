#include "services/content/types.h"

#include "base/clock.h"

/* ---- schemas ---- */

bool type_is_reserved(struct str type)
{
    static const char *const reserved[] = { "page", "snippet", "email_template", "item" };
    for (size_t i = 0; i < COUNT(reserved); i++)
        if (str_is(type, reserved[i]))
            return true;
    return false;
}

/* What a type's schema may refer to beside itself. */
static const struct {
    const char *uri, *schema;
} shared[] = {
    { "fanfare:entry",
      "{\"type\":\"object\",\"required\":[\"$entry\"],\"additionalProperties\":false,"
      "\"properties\":{\"$entry\":{\"type\":\"string\",\"pattern\":\"^ent_\"}}}" },
    { "fanfare:media",
      "{\"type\":\"object\",\"required\":[\"$media\"],\"additionalProperties\":false,"
      "\"properties\":{\"$media\":{\"type\":\"string\",\"pattern\":\"^med_\"}}}" },
};

static const struct json *shared_resolve(struct ctx *ctx, struct str uri, void *argument)
{
    for (size_t i = 0; i < COUNT(shared); i++)
        if (str_is(uri, shared[i].uri))
            return json_parse(ctx, str_of(shared[i].schema));
    return NULL;
}

static void schema_end(void *schema)
{
    schema_free(schema);
}

/* What was said of a place inside, said of the place in the request. */
static bool pointer_below(struct ctx *ctx, const char *pointer)
{
    if (ctx->error.code == ERR_INVALID)
        ctx->error.pointer =
            arena_printf(ctx->arena, "%s" STR_FMT, pointer, STR_ARG(ctx->error.pointer));
    return false;
}

struct schema *type_compile(struct ctx *ctx, const struct json *schema, const char *pointer)
{
    struct schema_options options = { .resolve = shared_resolve, .assert_formats = true };
    struct schema *compiled = schema_compile(ctx, schema, &options);
    if (compiled)
        arena_at_end(ctx->arena, schema_end, compiled);
    else
        pointer_below(ctx, pointer);
    return compiled;
}

bool type_check(struct ctx *ctx, const struct schema *schema, const struct json *document)
{
    return schema_validate(ctx, schema, document) || pointer_below(ctx, "/document");
}

bool type_check_stored(struct ctx *ctx, struct str type, const struct json *document)
{
    struct type_row row;
    if (!store_type(ctx, type, &row))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/type"), "there is no type " STR_FMT,
                           STR_ARG(type));
    const struct json *json = json_parse(ctx, row.schema);
    struct schema *schema = json ? type_compile(ctx, json, "") : NULL;
    return schema && type_check(ctx, schema, document);
}

/* ---- a schema and what is stored ---- */

struct judge {
    const struct schema *schema;
    struct judgement *out;
};

/* Each document in memory of its own, which ends with it: there may be any number of them. */
static bool document_judge(struct ctx *ctx, const struct typed_row *row, void *argument)
{
    struct judge *judge = argument;
    struct arena *own CLEANUP(arena_freep) = arena_new(0);
    struct ctx scratch = { .arena = own };
    struct judgement *out = judge->out;
    const struct json *document = json_parse(&scratch, row->document);
    out->n_documents++;
    if (!document || schema_validate(&scratch, judge->schema, document))
        return document || ctx_fail(ctx, ERR_INTERNAL, "what is stored is not JSON");
    if (out->n_misfits++ < MISFITS_TOLD)
        out->misfits[out->n_misfits - 1] = (struct misfit){
            .entry_id = arena_str(ctx->arena, row->entry_id),
            .version = row->version,
            .pointer =
                arena_printf(ctx->arena, "/document" STR_FMT, STR_ARG(scratch.error.pointer)),
            .sentence = arena_str(ctx->arena, scratch.error.detail),
        };
    return true;
}

bool type_judge(struct ctx *ctx, struct str type, const struct schema *schema,
                struct judgement *out)
{
    struct judge judge = { schema, out };
    *out = (struct judgement){ 0 };
    return store_typed(ctx, type, document_judge, &judge);
}

/* ---- storing ---- */

static bool judged_well(struct ctx *ctx, const struct judgement *judgement)
{
    struct str some = STR("");
    size_t n = (size_t)MIN(judgement->n_misfits, 3);
    for (size_t i = 0; i < n; i++) {
        const struct misfit *misfit = &judgement->misfits[i];
        some = arena_printf(ctx->arena, STR_FMT "%s" STR_FMT " version %lld, " STR_FMT ": " STR_FMT,
                            STR_ARG(some), i ? "; " : "", STR_ARG(misfit->entry_id),
                            (long long)misfit->version, STR_ARG(misfit->pointer),
                            STR_ARG(misfit->sentence));
    }
    return n == 0 || ctx_fail(ctx, ERR_CONFLICT,
                              "%lld of %lld documents of the type would not fit: " STR_FMT "%s",
                              (long long)judgement->n_misfits, (long long)judgement->n_documents,
                              STR_ARG(some), judgement->n_misfits > (int64_t)n ? "; ..." : "");
}

static bool type_store(struct ctx *ctx, const struct json *schema_json, struct type_row *type)
{
    struct judgement judgement;
    struct schema *schema = type_compile(ctx, schema_json, "/schema");
    return schema && type_judge(ctx, type->type, schema, &judgement) &&
           judged_well(ctx, &judgement) && store_type_put(ctx, type);
}

static bool same(const struct type_row *a, const struct type_row *b)
{
    return a->version && str_eq(a->schema, b->schema) && str_eq(a->description, b->description);
}

bool type_save(struct ctx *ctx, const struct type_row *wanted, const struct json *schema,
               const struct expectation *expected, struct type_row *saved)
{
    struct type_row before = { 0 }, type = *wanted;
    if (type_is_reserved(type.type))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/type"), "this type is built in");
    store_type(ctx, type.type, &before);
    type.updated_us = clock_now_us();
    type.version = before.version + 1;
    type.n_entries = before.n_entries;
    if (ctx_failed(ctx) || !expectation_check(ctx, expected, before.version))
        return false;
    bool again = same(&before, &type);
    if (!again && !type_store(ctx, schema, &type))
        return false;
    *saved = again ? before : type;
    return true;
}
