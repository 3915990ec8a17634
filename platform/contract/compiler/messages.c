/* What goes in and out of an operation: parameters, body, responses. */
#include "platform/contract/compiler/compiler.h"

/* ---- parameters ---- */

static bool place_read(struct compiler *c, struct spot spot, enum param_place *place)
{
    if (spot_is(spot, "in", "path"))
        *place = PARAM_PATH;
    else if (spot_is(spot, "in", "query"))
        *place = PARAM_QUERY;
    else if (spot_is(spot, "in", "header"))
        *place = PARAM_HEADER;
    else
        return wrong(c, spot, "\"in\" is path, query or header");
    return true;
}

static bool param_kind(struct compiler *c, struct spot spot, const struct model_param *param)
{
    enum field_kind kind = param->field.kind;
    if (kind == FIELD_MONEY || kind == FIELD_OBJECT || kind == FIELD_JSON ||
        param->field.flags & FIELD_NULLABLE)
        return wrong(c, spot, "a parameter is a text, a number, a boolean, a time or an enum");
    if (param->field.flags & FIELD_ARRAY && param->place != PARAM_QUERY)
        return wrong(c, spot, "only query parameters may be arrays");
    return true;
}

static bool param_unique(struct compiler *c, struct spot spot,
                         const struct model_operation *operation, const struct model_param *param)
{
    const char *name = param->field.name;
    bool clash = strcmp(name, "body") == 0 || strcmp(name, "body_raw") == 0;
    for (size_t i = 0; i < operation->n_params; i++)
        clash |= strcmp(operation->params[i].field.name, name) == 0;
    return !clash || wrong(c, spot, "the name \"%s\" is taken", name);
}

static bool param_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    if (!spot_follow(c, &spot))
        return false;
    struct model_param param;
    struct str name = json_str(json_get(spot.node, "name"));
    struct spot schema = spot_member(c, spot, "schema");
    bool required = json_bool(json_get(spot.node, "required"));
    if (!name.len || !schema.node)
        return wrong(c, spot, "\"name\" and \"schema\" are required");
    if (!place_read(c, spot, &param.place) ||
        !model_field_of(c, &c->types, operation->id, name, schema, &param.field) ||
        !param_kind(c, schema, &param) || !param_unique(c, spot, operation, &param))
        return false;
    if (param.place == PARAM_PATH && !required)
        return wrong(c, spot, "a path parameter is required: true");
    if (required && param.field.flags & FIELD_DEFAULT)
        return wrong(c, spot, "a required parameter has no use for a default");
    if (required)
        param.field.flags |= FIELD_REQUIRED;
    else if (!(param.field.flags & FIELD_DEFAULT))
        param.field.flags |= FIELD_OPTIONAL;
    bool example = json_get(spot.node, "example") || json_get(spot.node, "examples");
    if (required && !example)
        return wrong(c, spot, "a required parameter needs an \"example\"");
    if (example && !examples_check(c, spot, schema))
        return false;
    operation->params[operation->n_params++] = param;
    return true;
}

bool params_read(struct compiler *c, struct spot list, struct model_operation *operation)
{
    struct model_param *all =
        ARENA_ARRAY(c->arena, struct model_param, operation->n_params + json_size(list.node));
    if (operation->n_params)
        memcpy(all, operation->params, operation->n_params * sizeof(*all));
    operation->params = all;
    bool fine = true;
    for (struct json_iter it = json_iter(list.node); json_next(&it);)
        fine &= param_read(c, spot_index(c, list, it.index, it.value), operation);
    return fine;
}

/* Every {name} of the path is declared, and no other. */
bool params_complete(struct compiler *c, struct spot spot, const struct model_operation *operation)
{
    size_t in_path = 0, declared = 0;
    for (const char *at = operation->path; (at = strchr(at, '{')); at++) {
        struct str name = { at + 1, strcspn(at + 1, "}/") };
        bool found = false;
        for (size_t i = 0; i < operation->n_params; i++)
            found |= operation->params[i].place == PARAM_PATH &&
                     str_eq(operation->params[i].field.json_name, name);
        if (!found)
            return wrong(c, spot, "the path parameter \"" STR_FMT "\" is not declared",
                         STR_ARG(name));
        in_path++;
    }
    for (size_t i = 0; i < operation->n_params; i++)
        declared += operation->params[i].place == PARAM_PATH;
    return declared == in_path ||
           wrong(c, spot, "a path parameter is declared that the path does not have");
}

/* ---- body ---- */

static bool is_json_type(struct str type)
{
    return str_is(type, "application/json") || str_ends(type, STR("+json"));
}

static bool body_struct(struct compiler *c, struct spot schema, struct model_operation *operation)
{
    struct model_field field;
    struct str name = STR("body");
    if (!model_field_of(c, &c->types, operation->id, name, schema, &field))
        return false;
    if (field.flags & FIELD_ARRAY || (field.kind != FIELD_OBJECT && field.kind != FIELD_JSON))
        return wrong(c, schema, "a body is an object (or with \"x-raw-body\" anything)");
    if (field.kind == FIELD_OBJECT && !json_get(schema.node, "$ref"))
        return wrong(c, schema, "name it: put it under components/schemas and refer to it by $ref");
    operation->body = field.object;
    operation->body_json = field.kind == FIELD_JSON;
    operation->body_object = field.limits.object;
    return true;
}

static bool body_content(struct compiler *c, struct spot content, struct model_operation *operation)
{
    struct spot first = { 0 };
    for (struct json_iter it = json_iter(content.node); json_next(&it);) {
        struct spot media = spot_member_n(c, content, it.key);
        if (operation->n_body_types + 1 == COUNT(operation->body_types))
            return wrong(c, content, "has too many media types");
        operation->body_types[operation->n_body_types++] = it.key.ptr;
        if (operation->body_raw)
            continue;
        if (!is_json_type(it.key))
            return wrong(c, media,
                         "only JSON is decoded; other media types need \"x-raw-body: true\"");
        struct spot schema = spot_member(c, media, "schema");
        if (!schema.node)
            return wrong(c, media, "\"schema\" is required");
        if (!examples_check(c, media, schema))
            return false;
        if (!first.node)
            first = schema;
        else if (!json_equal(first.node, schema.node))
            return wrong(c, media, "all media types of a body have one schema");
    }
    if (operation->n_body_types == 0)
        return wrong(c, content, "\"content\" is required");
    return operation->body_raw || body_struct(c, first, operation);
}

bool body_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    struct spot body = spot_member(c, spot, "requestBody");
    operation->body_raw = json_bool(json_get(spot.node, "x-raw-body"));
    if (!body.node)
        return !operation->body_raw || wrong(c, spot, "\"x-raw-body\" needs a requestBody");
    if (!spot_follow(c, &body))
        return false;
    if (strcmp(operation->method, "GET") == 0 || strcmp(operation->method, "HEAD") == 0)
        return wrong(c, body, "%s has no body", operation->method);
    operation->body_required = json_bool(json_get(body.node, "required"));
    return body_content(c, spot_member(c, body, "content"), operation);
}

/* ---- responses ---- */

static bool response_success(struct compiler *c, struct spot spot)
{
    struct spot content = spot_member(c, spot, "content");
    for (struct json_iter it = json_iter(content.node); json_next(&it);) {
        struct spot media = spot_member_n(c, content, it.key),
                    schema = spot_member(c, media, "schema");
        if (is_json_type(it.key) && !schema.node)
            return wrong(c, media, "\"schema\" is required");
        if (is_json_type(it.key) && !examples_check(c, media, schema))
            return false;
    }
    return true;
}

static bool response_problem(struct compiler *c, struct spot spot, struct spot site,
                             const struct model_operation *operation)
{
    struct spot content = spot_member(c, spot, "content");
    struct spot media = spot_member(c, content, "application/problem+json"),
                schema = spot_member(c, media, "schema");
    if (operation->foreign)
        return true;
    if (!schema.node || !spot_follow(c, &schema) || !spot_is(schema, "x-type", "problem"))
        return wrong(c, site,
                     "an error's response is the shared Problem "
                     "($ref: '../../contracts/common.yaml#/components/responses/Problem')");
    return true;
}

/* Requests by which a test provokes the error: the last one is refused, those before may be of other operations. */
static bool response_provoke(struct compiler *c, struct spot site)
{
    static const char *const words[] = { "operation", "params", "headers", "body",
                                         "token",     "status", "take" };
    struct spot steps = spot_member(c, site, "x-provoke");
    if (!steps.node)
        return true;
    bool fine = json_type(steps.node) == JSON_ARRAY && json_size(steps.node) > 0;
    for (struct json_iter it = json_iter(steps.node); json_next(&it);)
        for (struct json_iter word = json_iter(it.value); json_next(&word);) {
            bool known = false;
            for (size_t i = 0; i < COUNT(words); i++)
                known |= str_is(word.key, words[i]);
            fine &= known;
        }
    return fine ||
           wrong(
               c, steps,
               "is a list of requests: { operation, params, headers, body, token, status, take }");
}

static bool response_read(struct compiler *c, struct spot site, struct str code,
                          struct model_operation *operation)
{
    int64_t status;
    struct spot spot = site;
    if (!str_to_int(code, &status) || status < 200 || status > 599)
        return wrong(c, site, "a response is named by its status (200 to 599)");
    if (!spot_follow(c, &spot))
        return false;
    if (!json_str(json_get(spot.node, "description")).len &&
        !json_str(json_get(site.node, "description")).len)
        return wrong(c, site, "\"description\" is required");
    if (status >= 400)
        return response_problem(c, spot, site, operation) && response_provoke(c, site);
    if (status == 304 || status == 206) /* the same, unchanged or a part of it */
        return true;
    if (operation->success)
        return wrong(c, site, "an operation has exactly one success (%d is the other)",
                     operation->success);
    operation->success = (int)status;
    return response_success(c, spot);
}

bool responses_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    struct spot responses = spot_member(c, spot, "responses");
    bool fine = true;
    for (struct json_iter it = json_iter(responses.node); json_next(&it);)
        fine &= response_read(c, spot_member_n(c, responses, it.key), it.key, operation);
    if (fine && !operation->success)
        return wrong(c, spot, "has no success among its responses");
    return fine;
}
