/* Examples: every body and response has one, and it fits its schema. */
#include "platform/contract/compiler/compiler.h"
#include "platform/schema/schema.h"

/* A document whose root is the schema at the spot, and in which the document's references lead where they did. */
static const struct json *stand_alone(struct compiler *c, struct spot schema)
{
    struct json_out out;
    const struct json *root = schema.document->root;
    if (schema.node == root)
        return root;
    json_out_init(&out, c->arena);
    json_object(&out);
    json_key(&out, "allOf");
    json_array(&out);
    json_put(&out, schema.node);
    json_array_end(&out);
    if (json_get(root, "components")) {
        json_key(&out, "components");
        json_put(&out, json_get(root, "components"));
    }
    json_object_end(&out);
    return json_parse(&c->ctx, json_out_str(&out));
}

static bool example_fits(struct compiler *c, const struct schema *schema, struct spot example)
{
    ctx_clear(&c->ctx);
    if (schema_validate(&c->ctx, schema, example.node))
        return true;
    struct error error = c->ctx.error;
    example.pointer =
        arena_printf(c->arena, STR_FMT STR_FMT, STR_ARG(example.pointer), STR_ARG(error.pointer));
    return wrong(c, example, STR_FMT, STR_ARG(error.detail));
}

/* `examples` of OpenAPI are named and have values; those of JSON Schema are a list. */
static bool examples_fit(struct compiler *c, const struct schema *schema, struct spot holder)
{
    struct spot one = spot_member(c, holder, "example"), many = spot_member(c, holder, "examples");
    bool fine = !one.node || example_fits(c, schema, one);
    for (struct json_iter it = json_iter(many.node); json_next(&it);) {
        bool list = json_type(many.node) == JSON_ARRAY;
        struct spot example = list ? spot_index(c, many, it.index, it.value)
                                   : spot_member(c, spot_member_n(c, many, it.key), "value");
        if (!example.node)
            fine = wrong(c, example, "\"value\" is required");
        else
            fine &= example_fits(c, schema, example);
    }
    return fine;
}

bool examples_check(struct compiler *c, struct spot holder, struct spot schema)
{
    if (!json_get(holder.node, "example") && !json_size(json_get(holder.node, "examples")))
        return wrong(c, holder, "an \"example\" is required");
    struct schema_options options = { .base_uri = STR("urn:fanfare:contract"),
                                      .assert_formats = true };
    ctx_clear(&c->ctx);
    const struct json *document = stand_alone(c, schema);
    struct schema *compiled = document ? schema_compile(&c->ctx, document, &options) : NULL;
    if (!compiled)
        return wrong(c, schema, STR_FMT " " STR_FMT, STR_ARG(c->ctx.error.pointer),
                     STR_ARG(c->ctx.error.detail));
    bool fine = examples_fit(c, compiled, holder);
    schema_free(compiled);
    return fine;
}
