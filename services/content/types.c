#include "services/content/types.h"

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
