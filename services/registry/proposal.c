#include "services/registry/proposal.h"

#include "platform/schema/schema.h"
#include "services/registry/draft.h"
#include "services/registry/normal.h"
#include "services/registry/refusal.h"

#define BODY_AT_MOST                                                                               \
    (256 * 1024) /* judging takes time and memory by the square of what is to be compared */
#define DOCUMENTS_AT_MOST 200 /* that one schema leads to, also by way of others */

/* ---- references ---- */

static struct str references_text(struct ctx *ctx, const struct reference_row *references, size_t n)
{
    struct json_out out;
    if (n == 0)
        return (struct str){ NULL, 0 };
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < n; i++) {
        json_object(&out);
        json_key(&out, "name");
        json_put_str(&out, references[i].name);
        json_key(&out, "subject");
        json_put_str(&out, references[i].subject);
        json_key(&out, "version");
        json_put_int(&out, references[i].version);
        json_object_end(&out);
    }
    json_array_end(&out);
    return json_out_str(&out);
}

bool references_parse(struct ctx *ctx, struct str refs, struct reference_row **out, size_t *n)
{
    const struct json *list = refs.ptr ? json_parse(ctx, refs) : NULL;
    if (refs.ptr && !list)
        return false;
    *n = json_size(list);
    *out = ARENA_ARRAY(ctx->arena, struct reference_row, *n + 1);
    for (struct json_iter it = json_iter(list); json_next(&it);)
        (*out)[it.index] = (struct reference_row){ json_str(json_get(it.value, "name")),
                                                   json_str(json_get(it.value, "subject")),
                                                   json_int(json_get(it.value, "version")) };
    return true;
}

static const struct json *known_find(const struct known_documents *known, struct str name)
{
    for (size_t i = 0; i < known->n; i++)
        if (str_eq(known->items[i].name, name))
            return known->items[i].root;
    return NULL;
}

static bool known_add(struct ctx *ctx, struct known_documents *known,
                      struct reference_row *reference, enum store_wish wish)
{
    struct version_row version;
    struct schema_row row;
    if (!store_version(ctx, reference->subject, reference->version, wish, &version))
        return !ctx_failed(ctx) &&
               refuse(ctx, REFUSAL_BAD_SCHEMA,
                      "The reference \"" STR_FMT "\" leads to no version of subject '" STR_FMT "'.",
                      STR_ARG(reference->name), STR_ARG(reference->subject));
    reference->version = version.version;
    const struct json *root = store_schema(ctx, version.schema_id, &row) ? json_parse(ctx, row.body)
                                                                         : NULL;
    if (!root)
        return false;
    if (known->n == DOCUMENTS_AT_MOST)
        return refuse(ctx, REFUSAL_BAD_SCHEMA, "It refers to more than %d schemas.",
                      DOCUMENTS_AT_MOST);
    known->items[known->n++] = (struct known_document){ reference->name, root };
    struct reference_row *more;
    size_t n;
    if (!references_parse(ctx, row.refs, &more, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!known_find(known, more[i].name) && !known_add(ctx, known, &more[i], STORE_ALL))
            return false;
    return true;
}

/* Loads what they lead to; "latest" becomes the number that it is now. */
static bool known_load(struct ctx *ctx, struct reference_row *references, size_t n,
                       enum store_wish wish, struct known_documents *known)
{
    *known = (struct known_documents){ 0 };
    if (n == 0)
        return true;
    known->items = ARENA_ARRAY(ctx->arena, struct known_document, DOCUMENTS_AT_MOST);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            if (str_eq(references[i].name, references[j].name))
                return refuse(ctx, REFUSAL_BAD_SCHEMA,
                              "The reference \"" STR_FMT "\" stands there twice.",
                              STR_ARG(references[i].name));
        if (!known_add(ctx, known, &references[i], wish))
            return false;
    }
    return true;
}

/* A $ref is made absolute by the $id around it, so a reference's name may be the end of what is asked for. */
const struct json *known_resolve(struct ctx *ctx, struct str uri, void *argument)
{
    const struct known_documents *known = argument;
    const struct json *found = known_find(known, uri);
    for (size_t i = 0; i < known->n && !found; i++) {
        struct str name = known->items[i].name;
        bool ends = str_ends(uri, name) && uri.len > name.len &&
                    uri.ptr[uri.len - name.len - 1] == '/';
        if (ends || str_eq(json_str(json_get(known->items[i].root, "$id")), uri))
            found = known->items[i].root;
    }
    return found;
}

static const struct json *modern_resolve(struct ctx *ctx, struct str uri, void *argument)
{
    const struct json *found = known_resolve(ctx, uri, argument);
    return found ? schema_modern(ctx, found) : NULL;
}

/* ---- reading ---- */

static bool document_read(struct ctx *ctx, const struct bid *bid, struct proposal *out)
{
    out->document = bid->document;
    if (!out->document && bid->text.len == 0)
        return refuse(ctx, REFUSAL_BAD_SCHEMA, "The schema is empty.");
    if (!out->document && !(out->document = json_parse(ctx, bid->text))) {
        struct str why = ctx->error.detail;
        ctx_clear(ctx);
        return refuse(ctx, REFUSAL_BAD_SCHEMA, "The schema is not JSON: " STR_FMT, STR_ARG(why));
    }
    return true;
}

static struct str normal_or_none(struct ctx *ctx, const struct json *value)
{
    bool none = json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL;
    return none ? (struct str){ NULL, 0 } : schema_normal(ctx, value);
}

bool proposal_read(struct ctx *ctx, const struct bid *bid, struct proposal *out)
{
    *out = (struct proposal){ 0 };
    if (!bid->document && !str_is(bid->schema_type, "JSON"))
        return refuse(
            ctx, REFUSAL_BAD_SCHEMA,
            "schemaType must be JSON; Avro (the protocol's default) and Protobuf are not kept here.");
    if (!document_read(ctx, bid, out))
        return false;
    out->references =
        arena_copy(ctx->arena, bid->references, bid->n_references * sizeof(*out->references));
    out->n_references = bid->n_references;
    if (!known_load(ctx, out->references, out->n_references, STORE_LIVE, &out->known))
        return false;
    struct str normal = schema_normal(ctx, out->document);
    if (normal.len > BODY_AT_MOST)
        return refuse(ctx, REFUSAL_BAD_SCHEMA, "The schema is larger than %d KB.",
                      BODY_AT_MOST / 1024);
    out->row =
        (struct schema_row){ .body = bid->normalize ? normal : json_text(ctx->arena, out->document),
                             .refs = references_text(ctx, out->references, out->n_references),
                             .metadata = normal_or_none(ctx, bid->metadata),
                             .rule_set = normal_or_none(ctx, bid->rule_set) };
    out->row.fingerprint = schema_fingerprint(
        ctx, normal, (const struct str[]){ out->row.refs, out->row.metadata, out->row.rule_set },
        3);
    return true;
}

bool proposal_check(struct ctx *ctx, const struct proposal *proposal)
{
    const struct json *modern = schema_modern(ctx, proposal->document);
    struct schema_options options = { .resolve = modern_resolve,
                                      .argument = (void *)&proposal->known };
    struct schema *schema = modern ? schema_compile(ctx, modern, &options) : NULL;
    if (schema) {
        schema_free(schema);
        return true;
    }
    struct error error = ctx->error;
    ctx_clear(ctx);
    return refuse(ctx, REFUSAL_BAD_SCHEMA, "Not a JSON Schema: %s" STR_FMT "%s" STR_FMT,
                  error.pointer.len ? "at " : "", STR_ARG(error.pointer),
                  error.pointer.len ? ": " : "", STR_ARG(error.detail));
}

bool stored_read(struct ctx *ctx, const struct schema_row *row, const struct json **document,
                 struct known_documents *known)
{
    struct reference_row *references;
    size_t n;
    *document = json_parse(ctx, row->body);
    return *document && references_parse(ctx, row->refs, &references, &n) &&
           known_load(ctx, references, n, STORE_ALL, known);
}
