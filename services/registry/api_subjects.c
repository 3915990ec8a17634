/* Subjects and their versions. */
#include "platform/service/service.h"
#include "services/registry/api.h"
#include "services/registry/refusal.h"

struct bid bid_of(struct ctx *ctx, const struct schema_request *request, struct str normalize)
{
    struct reference_row *references =
        ARENA_ARRAY(ctx->arena, struct reference_row, request->n_references + 1);
    for (size_t i = 0; i < request->n_references; i++)
        references[i] = (struct reference_row){ request->references[i].name,
                                                request->references[i].subject,
                                                request->references[i].version };
    return (struct bid){ .text = request->schema,
                         .schema_type = request->schema_type,
                         .references = references,
                         .n_references = request->n_references,
                         .metadata = request->metadata,
                         .rule_set = request->rule_set,
                         .normalize = is_true(normalize) };
}

bool parts_of(struct ctx *ctx, const struct schema_row *row, struct schema_parts *out)
{
    struct reference_row *references;
    size_t n;
    *out = (struct schema_parts){ 0 };
    if (!references_parse(ctx, row->refs, &references, &n))
        return false;
    struct schema_reference *copies = ARENA_ARRAY(ctx->arena, struct schema_reference, n + 1);
    for (size_t i = 0; i < n; i++)
        copies[i] = (struct schema_reference){ references[i].name, references[i].subject,
                                               references[i].version };
    if (n)
        *out = (struct schema_parts){ .references = copies, .n_references = n };
    if (row->metadata.ptr && !(out->metadata = json_parse(ctx, row->metadata)))
        return false;
    return !row->rule_set.ptr || (out->rule_set = json_parse(ctx, row->rule_set)) != NULL;
}

static struct reply answer_version(struct ctx *ctx, const struct version_row *version,
                                   const struct schema_row *schema)
{
    struct schema_parts parts;
    if (!parts_of(ctx, schema, &parts))
        return refusal_reply(ctx);
    return answer(ctx, subject_version_encode(
                           ctx, &(struct subject_version){ .subject = version->subject,
                                                           .id = version->schema_id,
                                                           .version = version->version,
                                                           .schema_type = STR("JSON"),
                                                           .references = parts.references,
                                                           .n_references = parts.n_references,
                                                           .metadata = parts.metadata,
                                                           .rule_set = parts.rule_set,
                                                           .schema = schema->body }));
}

/* ---- lists ---- */

struct page {
    int64_t offset, limit; /* below 0: all */
    int64_t seen, given;
};

static bool page_takes(struct page *page)
{
    bool takes = page->seen++ >= page->offset && (page->limit < 0 || page->given < page->limit);
    page->given += takes;
    return takes;
}

struct reply registry_list_subjects(struct ctx *ctx, const struct list_subjects_in *in)
{
    struct version_row *versions;
    struct page page = { in->offset, in->limit, 0, 0 };
    struct str last = { NULL, 0 }, prefix = in->subject_prefix.ptr ? in->subject_prefix : STR("");
    struct json_out out;
    size_t n;
    if (!store_versions(ctx, (struct str){ NULL, 0 }, wish_of(in->deleted, in->deleted_only),
                        &versions, &n))
        return refusal_reply(ctx);
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < n; i++) {
        if ((last.ptr && str_eq(last, versions[i].subject)) ||
            !str_starts(versions[i].subject, prefix))
            continue;
        last = versions[i].subject;
        if (page_takes(&page))
            json_put_str(&out, last);
    }
    json_array_end(&out);
    return answer(ctx, json_out_str(&out));
}

static struct reply answer_numbers(struct ctx *ctx, const struct version_row *versions, size_t n,
                                   struct page page)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < n; i++)
        if (page_takes(&page))
            json_put_int(&out, versions[i].version);
    json_array_end(&out);
    return answer(ctx, json_out_str(&out));
}

struct reply registry_list_versions(struct ctx *ctx, const struct list_versions_in *in)
{
    struct version_row *versions;
    size_t n;
    if (!subject_versions(ctx, in->subject, wish_of(in->deleted, in->deleted_only), &versions, &n))
        return refusal_reply(ctx);
    return answer_numbers(ctx, versions, n, (struct page){ in->offset, in->limit, 0, 0 });
}

/* ---- one ---- */

struct reply registry_register_schema(struct ctx *ctx, const struct register_schema_in *in)
{
    struct bid bid = bid_of(ctx, in->body, in->normalize);
    struct version_row version;
    struct judgement why;
    if (!subject_register(ctx, in->subject, &bid, &version, &why))
        return refusal_reply(ctx);
    return answer(
        ctx, schema_id_answer_encode(ctx, &(struct schema_id_answer){ .id = version.schema_id }));
}

struct looking {
    struct str subject;
    struct bid bid;
    enum store_wish wish;
    struct version_row version;
    struct schema_row schema;
};

static bool look(struct ctx *ctx, void *argument)
{
    struct looking *looking = argument;
    return subject_find(ctx, looking->subject, &looking->bid, looking->wish, &looking->version,
                        &looking->schema);
}

struct reply registry_find_schema(struct ctx *ctx, const struct find_schema_in *in)
{
    struct looking looking = { .subject = in->subject,
                               .bid = bid_of(ctx, in->body, in->normalize),
                               .wish = wish_of(in->deleted, STR("")) };
    if (!sql_read(ctx, service_db(ctx), look, &looking))
        return refusal_reply(ctx);
    return answer_version(ctx, &looking.version, &looking.schema);
}

static bool one_version(struct ctx *ctx, struct str subject, struct str text, struct str deleted,
                        struct version_row *version, struct schema_row *schema)
{
    return subject_version(ctx, subject, text, wish_of(deleted, STR("")), version) &&
           store_schema(ctx, version->schema_id, schema);
}

struct reply registry_get_version(struct ctx *ctx, const struct get_version_in *in)
{
    struct version_row version;
    struct schema_row schema;
    if (!one_version(ctx, in->subject, in->version, in->deleted, &version, &schema))
        return refusal_reply(ctx);
    return answer_version(ctx, &version, &schema);
}

struct reply registry_get_version_schema(struct ctx *ctx, const struct get_version_schema_in *in)
{
    struct version_row version;
    struct schema_row schema;
    if (!one_version(ctx, in->subject, in->version, in->deleted, &version, &schema))
        return refusal_reply(ctx);
    return answer(ctx, schema.body);
}

struct reply registry_list_referencing(struct ctx *ctx, const struct list_referencing_in *in)
{
    struct version_row version;
    struct json_out out;
    int64_t *ids;
    size_t n;
    if (!subject_version(ctx, in->subject, in->version, STORE_ALL, &version) ||
        !store_referencing(ctx, in->subject, version.version, &ids, &n))
        return refusal_reply(ctx);
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < n; i++)
        json_put_int(&out, ids[i]);
    json_array_end(&out);
    return answer(ctx, json_out_str(&out));
}

/* ---- deleting ---- */

struct reply registry_delete_version(struct ctx *ctx, const struct delete_version_in *in)
{
    int64_t version;
    if (!subject_delete_version(ctx, in->subject, in->version, is_true(in->permanent), &version))
        return refusal_reply(ctx);
    return answer(ctx, arena_printf(ctx->arena, "%lld", (long long)version));
}

struct reply registry_delete_subject(struct ctx *ctx, const struct delete_subject_in *in)
{
    struct version_row *versions;
    size_t n;
    if (!subject_delete(ctx, in->subject, is_true(in->permanent), &versions, &n))
        return refusal_reply(ctx);
    return answer_numbers(ctx, versions, n, (struct page){ .limit = -1 });
}
