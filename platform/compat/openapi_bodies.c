/* Request bodies and responses. */
#include "platform/compat/openapi.h"

/* ---- media types ---- */

/* Is `type` what `range` says, which may end in a star? Parameters ("; charset=utf-8") do not
 * count. */
static bool media_covers(struct str range, struct str type)
{
    ptrdiff_t end = str_find_char(range, ';');
    range = str_trim((struct str){ range.ptr, end < 0 ? range.len : (size_t)end });
    end = str_find_char(type, ';');
    type = str_trim((struct str){ type.ptr, end < 0 ? type.len : (size_t)end });
    if (str_is(range, "*/*") || str_eq_nocase(range, type))
        return true;
    if (!str_ends(range, STR("/*")) || type.len < range.len)
        return false;
    return str_eq_nocase((struct str){ range.ptr, range.len - 1 },
                         (struct str){ type.ptr, range.len - 1 });
}

/* The media type of `content` that is, or covers, this one; .json NULL: none. */
static struct node media_find(struct ctx *ctx, struct node content, struct str type)
{
    if (json_get_n(content.json, type))
        return node_get_n(ctx, content, type);
    for (struct json_iter it = json_iter(content.json); json_next(&it);)
        if (media_covers(it.key, type))
            return node_get_n(ctx, content, it.key);
    return (struct node){ 0 };
}

/* `content` of a body or a response; who reads by which contract depends on the use. */
static bool compare_content(const struct operation_pair *pair, enum compat_use use, struct str head,
                            struct node before, struct node after)
{
    struct ctx *ctx = pair->ctx;
    struct reading reading = operation_reading(pair, use, head);
    struct node was = node_get(ctx, before, "content"), is = node_get(ctx, after, "content");
    for (struct json_iter it = json_iter(was.json); json_next(&it);) {
        struct node media_was = node_get_n(ctx, was, it.key),
                    media_is = media_find(ctx, is, it.key);
        if (!media_is.json) {
            operation_found(pair, use, RULE_MEDIA_TYPE_REMOVED, head, media_was,
                            (struct words){ .x = it.key });
            continue;
        }
        struct node old_schema = node_get(ctx, media_was, "schema"),
                    new_schema = node_get(ctx, media_is, "schema");
        if (use == COMPAT_REQUEST ? !compare_schemas(reading, old_schema, new_schema)
                                  : !compare_schemas(reading, new_schema, old_schema))
            return false;
    }
    for (struct json_iter it = json_iter(is.json); json_next(&it);)
        if (!media_find(ctx, was, it.key).json)
            operation_found(pair, use, RULE_MEDIA_TYPE_ADDED, head, node_get_n(ctx, is, it.key),
                            (struct words){ .x = it.key });
    return true;
}

/* ---- request bodies ---- */

bool compare_bodies(const struct operation_pair *pair)
{
    struct ctx *ctx = pair->ctx;
    struct node before = node_get(ctx, pair->before, "requestBody"),
                after = node_get(ctx, pair->after, "requestBody");
    struct str head = arena_printf(ctx->arena, "request body of " STR_FMT, STR_ARG(pair->name));
    if (!before.json && !after.json)
        return true;
    if (!after.json) {
        operation_found(pair, COMPAT_REQUEST, RULE_BODY_REMOVED, head, before, (struct words){ 0 });
        return true;
    }
    if (!node_follow(ctx, after, &after) || (before.json && !node_follow(ctx, before, &before)))
        return false;
    bool was_required = before.json && json_bool(json_get(before.json, "required")),
         required = json_bool(json_get(after.json, "required"));
    if (required && !was_required)
        operation_found(pair, COMPAT_REQUEST, RULE_BODY_REQUIRED, head, after, (struct words){ 0 });
    else if (!before.json)
        operation_found(pair, COMPAT_REQUEST, RULE_BODY_ADDED, head, after, (struct words){ 0 });
    return !before.json || compare_content(pair, COMPAT_REQUEST, head, before, after);
}

/* ---- responses ---- */

/* The response to this status, or what covers it ("4XX", "default"); .json NULL: none. */
static struct node response_find(struct ctx *ctx, struct node responses, struct str status)
{
    char range[4] = { status.len ? status.ptr[0] : '\0', 'X', 'X', '\0' };
    const char *const names[] = { range, "default" };
    struct node found = node_get_n(ctx, responses, status);
    for (size_t i = 0; i < COUNT(names) && !found.json; i++)
        found = node_get(ctx, responses, names[i]);
    return found;
}

static struct node header_find(struct ctx *ctx, struct node headers, struct str name)
{
    for (struct json_iter it = json_iter(headers.json); json_next(&it);)
        if (str_eq_nocase(it.key, name))
            return node_get_n(ctx, headers, it.key);
    return (struct node){ 0 };
}

static bool compare_headers(const struct operation_pair *pair, struct str head, struct node before,
                            struct node after)
{
    struct ctx *ctx = pair->ctx;
    struct node was = node_get(ctx, before, "headers"), is = node_get(ctx, after, "headers");
    for (struct json_iter it = json_iter(was.json); json_next(&it);) {
        struct node old_header = node_get_n(ctx, was, it.key),
                    new_header = header_find(ctx, is, it.key);
        struct str place = arena_printf(ctx->arena, "header " STR_FMT " of " STR_FMT,
                                        STR_ARG(it.key), STR_ARG(head));
        if (!new_header.json) {
            operation_found(pair, COMPAT_RESPONSE, RULE_HEADER_REMOVED, place, old_header,
                            (struct words){ 0 });
            continue;
        }
        if (!node_follow(ctx, old_header, &old_header) ||
            !node_follow(ctx, new_header, &new_header))
            return false;
        if (!compare_schemas(operation_reading(pair, COMPAT_RESPONSE, place),
                             node_get(ctx, new_header, "schema"),
                             node_get(ctx, old_header, "schema")))
            return false;
    }
    return true;
}

static struct str head_of(const struct operation_pair *pair, struct str status)
{
    return arena_printf(pair->ctx->arena, "response " STR_FMT " of " STR_FMT, STR_ARG(status),
                        STR_ARG(pair->name));
}

static bool compare_response(const struct operation_pair *pair, struct str status,
                             struct node before, struct node after)
{
    struct ctx *ctx = pair->ctx;
    struct str head = head_of(pair, status);
    return node_follow(ctx, before, &before) && node_follow(ctx, after, &after) &&
           compare_headers(pair, head, before, after) &&
           compare_content(pair, COMPAT_RESPONSE, head, before, after);
}

/* A status that the old contract did not name by itself. */
static bool compare_new(const struct operation_pair *pair, struct str status, struct node before,
                        struct node after)
{
    struct node covering = response_find(pair->ctx, before, status);
    if (covering.json)
        return compare_response(pair, status, covering, after);
    bool success = status.len && status.ptr[0] < '4';
    operation_found(pair, COMPAT_RESPONSE, success ? RULE_SUCCESS_ADDED : RULE_STATUS_ADDED,
                    head_of(pair, status), after, (struct words){ 0 });
    return true;
}

bool compare_responses(const struct operation_pair *pair)
{
    struct ctx *ctx = pair->ctx;
    struct node before = node_get(ctx, pair->before, "responses"),
                after = node_get(ctx, pair->after, "responses");
    for (struct json_iter it = json_iter(before.json); json_next(&it);) {
        struct node was = node_get_n(ctx, before, it.key), is = response_find(ctx, after, it.key);
        if (!is.json)
            operation_found(pair, COMPAT_RESPONSE, RULE_STATUS_REMOVED, head_of(pair, it.key), was,
                            (struct words){ 0 });
        else if (!compare_response(pair, it.key, was, is))
            return false;
    }
    for (struct json_iter it = json_iter(after.json); json_next(&it);)
        if (!json_get_n(before.json, it.key) &&
            !compare_new(pair, it.key, before, node_get_n(ctx, after, it.key)))
            return false;
    return true;
}
