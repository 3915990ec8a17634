/* Schemas by their ids. */
#include "services/registry/api.h"
#include "services/registry/refusal.h"

/* `subject`, where it is given, must have it. A schema that is softly deleted everywhere is found all the same: what was
 * written with it can still be read. */
static bool schema_find(struct ctx *ctx, int64_t id, struct str subject, struct schema_row *out)
{
    struct version_row version;
    if (store_schema(ctx, id, out) &&
        (!subject.len || store_version_of(ctx, subject, id, STORE_ALL, &version)))
        return true;
    return !ctx_failed(ctx) &&
           refuse(ctx, REFUSAL_NO_SCHEMA, "Schema %lld not found.", (long long)id);
}

struct reply registry_get_schema(struct ctx *ctx, const struct get_schema_in *in)
{
    struct schema_row row;
    struct schema_parts parts;
    struct schema_text text = { .schema_type = STR("JSON"),
                                .has_max_id = is_true(in->fetch_max_id) };
    if (!schema_find(ctx, in->id, in->subject, &row) || !parts_of(ctx, &row, &parts) ||
        !store_schema_last(ctx, &text.max_id))
        return refusal_reply(ctx);
    text.schema = row.body;
    text.references = parts.references;
    text.n_references = parts.n_references;
    text.metadata = parts.metadata;
    text.rule_set = parts.rule_set;
    return answer(ctx, schema_text_encode(ctx, &text));
}

struct reply registry_get_schema_text(struct ctx *ctx, const struct get_schema_text_in *in)
{
    struct schema_row row;
    if (!schema_find(ctx, in->id, in->subject, &row))
        return refusal_reply(ctx);
    return answer(ctx, row.body);
}

static bool versions_find(struct ctx *ctx, int64_t id, struct str deleted,
                          struct version_row **versions, size_t *n)
{
    struct schema_row row;
    return schema_find(ctx, id, STR(""), &row) &&
           store_versions_of(ctx, id, wish_of(deleted, STR("")), versions, n);
}

struct reply registry_list_schema_subjects(struct ctx *ctx,
                                           const struct list_schema_subjects_in *in)
{
    struct version_row *versions;
    struct json_out out;
    size_t n;
    if (!versions_find(ctx, in->id, in->deleted, &versions, &n))
        return refusal_reply(ctx);
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !str_eq(versions[i - 1].subject, versions[i].subject))
            json_put_str(&out, versions[i].subject);
    json_array_end(&out);
    return answer(ctx, json_out_str(&out));
}

struct reply registry_list_schema_versions(struct ctx *ctx,
                                           const struct list_schema_versions_in *in)
{
    struct version_row *versions;
    struct json_out out;
    size_t n;
    if (!versions_find(ctx, in->id, in->deleted, &versions, &n))
        return refusal_reply(ctx);
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < n; i++)
        contract_encode(&out, &subject_and_version_type,
                        &(struct subject_and_version){ versions[i].subject, versions[i].version });
    json_array_end(&out);
    return answer(ctx, json_out_str(&out));
}

struct reply registry_list_types(struct ctx *ctx, const struct list_types_in *in)
{
    return answer(ctx, STR("[\"JSON\"]"));
}
