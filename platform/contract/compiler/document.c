/* Documents: read, joined with what they refer to in other files, and closed. */
#include <errno.h>
#include <stdlib.h>

#include "platform/contract/compiler/compiler.h"

#define REFS_AT_MOST 32 /* a longer chain of $ref goes in a circle */

/* ---- files ---- */

static bool file_read(struct compiler *c, const char *path, struct str *out)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return wrong_file(c, path, "%s", strerror(errno));
    size_t cap = 1 << 16, len = 0, n;
    char *text = mem_alloc(cap);
    while ((n = fread(text + len, 1, cap - len, file)) > 0) {
        len += n;
        if (len == cap)
            text = mem_realloc(text, cap *= 2);
    }
    fclose(file);
    *out = arena_str(c->arena, (struct str){ text, len });
    free(text);
    return true;
}

/* "a/b/../c" -> "a/c": one file has one path, however it is referred to. */
static const char *path_tidy(struct arena *arena, struct str path)
{
    struct str rest = path, part, parts[64];
    size_t n = 0;
    while (str_split(&rest, '/', &part) && n < COUNT(parts)) {
        if (str_is(part, ".") || (part.len == 0 && n > 0))
            continue;
        if (str_is(part, "..") && n > 0 && !str_is(parts[n - 1], "..") && parts[n - 1].len)
            n--;
        else
            parts[n++] = part;
    }
    struct str out = { "", 0 };
    for (size_t i = 0; i < n; i++)
        out = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(out), i ? "/" : "",
                           STR_ARG(parts[i]));
    return out.ptr;
}

static struct source *source_read(struct compiler *c, const char *path)
{
    for (struct source *at = c->sources; at; at = at->next)
        if (strcmp(at->path, path) == 0)
            return at;
    struct str text;
    if (!file_read(c, path, &text))
        return NULL;
    bool json = str_ends(str_of(path), STR(".json"));
    ctx_clear(&c->ctx);
    const struct json *root = json ? json_parse(&c->ctx, text) : json_parse_yaml(&c->ctx, text);
    if (!root) {
        wrong_file(c, path, STR_FMT, STR_ARG(c->ctx.error.detail));
        return NULL;
    }
    struct source *source = ARENA_NEW(c->arena, struct source);
    *source = (struct source){ path, root, c->sources };
    c->sources = source;
    return source;
}

/* ---- joining ---- */

/* A shared part that goes into the document: components/<kind>/<name> of another file. */
struct shared {
    const struct source *source;
    struct str kind, name;
    const struct json *node;
    struct shared *next;
};

struct joining {
    struct compiler *c;
    const char *path;
    const struct source *main;
    bool event;
    struct shared *shared;
};

/* Members whose values are data, not schema: a "$ref" in there is nobody's. */
static bool is_data(struct str key)
{
    return str_is(key, "example") || str_is(key, "examples") || str_is(key, "default") ||
           str_is(key, "enum") || str_is(key, "const") || str_is(key, "x-provoke");
}

/* Members that map free names to things. */
static bool is_map(struct str key)
{
    return str_is(key, "properties") || str_is(key, "$defs") || str_is(key, "schemas") ||
           str_is(key, "parameters") || str_is(key, "responses") || str_is(key, "headers") ||
           str_is(key, "requestBodies") || str_is(key, "paths") || str_is(key, "content");
}

static bool split_ref(struct str ref, struct str *file, struct str *kind, struct str *name)
{
    ptrdiff_t hash = str_find_char(ref, '#');
    if (hash < 0)
        return false;
    *file = (struct str){ ref.ptr, (size_t)hash };
    struct str rest = { ref.ptr + hash + 1, ref.len - (size_t)hash - 1 }, empty, components;
    return str_split(&rest, '/', &empty) && empty.len == 0 && str_split(&rest, '/', &components) &&
           str_is(components, "components") && str_split(&rest, '/', kind) &&
           str_split(&rest, '/', name) && rest.len == 0;
}

static bool collect(struct joining *j, const struct source *source, const struct json *node,
                    bool map);

static bool collect_shared(struct joining *j, const struct source *source, struct str kind,
                           struct str name, struct str ref)
{
    for (struct shared *at = j->shared; at; at = at->next) {
        if (!str_eq(at->kind, kind) || !str_eq(at->name, name))
            continue;
        return at->source == source ||
               wrong_file(j->c, j->path,
                          "\"" STR_FMT "\" and %s have two different things of that name",
                          STR_ARG(ref), at->source->path);
    }
    const struct json *kinds = json_get_n(json_get(source->root, "components"), kind);
    const struct json *node = json_get_n(kinds, name);
    if (!node)
        return wrong_file(j->c, j->path, "$ref \"" STR_FMT "\" leads nowhere", STR_ARG(ref));
    if (j->event && !str_is(kind, "schemas"))
        return wrong_file(j->c, j->path,
                          "an event may only refer to schemas, not to \"" STR_FMT "\"",
                          STR_ARG(ref));
    struct shared *shared = ARENA_NEW(j->c->arena, struct shared);
    *shared = (struct shared){ source, kind, name, node, j->shared };
    j->shared = shared;
    return collect(j, source, node, false);
}

static bool collect_ref(struct joining *j, const struct source *source, struct str ref)
{
    struct str file, kind, name;
    bool local = ref.len && ref.ptr[0] == '#';
    if (local && source == j->main)
        return true;
    if (!split_ref(ref, &file, &kind, &name))
        return wrong_file(j->c, j->path,
                          "$ref \"" STR_FMT "\" is not of the form file#/components/kind/Name",
                          STR_ARG(ref));
    if (local)
        return collect_shared(j, source, kind, name, ref);
    const char *slash = strrchr(source->path, '/');
    int folder = slash ? (int)(slash - source->path) + 1 : 0;
    struct str path =
        arena_printf(j->c->arena, "%.*s" STR_FMT, folder, source->path, STR_ARG(file));
    const struct source *other = source_read(j->c, path_tidy(j->c->arena, path));
    return other && collect_shared(j, other, kind, name, ref);
}

/* Finds every reference that leaves the document. `map`: the node's keys are free names. */
static bool collect(struct joining *j, const struct source *source, const struct json *node,
                    bool map)
{
    if (json_type(node) != JSON_OBJECT && json_type(node) != JSON_ARRAY)
        return true;
    bool object = json_type(node) == JSON_OBJECT, fine = true;
    const struct json *ref = object && !map ? json_get(node, "$ref") : NULL;
    if (json_type(ref) == JSON_STRING)
        fine = collect_ref(j, source, json_str(ref));
    for (struct json_iter it = json_iter(node); json_next(&it);)
        if (!object || map || !is_data(it.key))
            fine &= collect(j, source, it.value, object && !map && is_map(it.key));
    return fine;
}

/* ---- writing the joined document ---- */

static void put_node(struct joining *j, struct json_out *out, const struct json *node, bool map);

static void put_ref(struct joining *j, struct json_out *out, struct str ref)
{
    struct str file, kind, name;
    if ((!j->event && ref.ptr[0] == '#') || !split_ref(ref, &file, &kind, &name)) {
        json_put_str(out, ref);
        return;
    }
    const char *form = j->event ? "#/$defs/" : "#/components/";
    struct str folder = j->event ? (struct str){ "", 0 }
                                 : arena_printf(j->c->arena, STR_FMT "/", STR_ARG(kind));
    json_put_str(
        out, arena_printf(j->c->arena, "%s" STR_FMT STR_FMT, form, STR_ARG(folder), STR_ARG(name)));
}

static bool is_object_schema(const struct json *node)
{
    const struct json *type = json_get(node, "type");
    if (json_type(type) == JSON_ARRAY)
        type = json_at(type, 0);
    return str_is(json_str(type), "object") && json_type(json_get(node, "type")) != JSON_OBJECT;
}

/* What the compiler's rules add, said in the document too, so that any other validator judges alike. */
static void put_implied(struct joining *j, struct json_out *out, const struct json *node)
{
    if (is_object_schema(node) && !json_get(node, "additionalProperties")) {
        json_key(out, "additionalProperties");
        json_put_bool(out, false);
    }
    struct str prefix = json_str(json_get(node, "x-id-prefix"));
    if (prefix.len) {
        json_key(out, "pattern");
        json_put_str(
            out, arena_printf(j->c->arena, "^" STR_FMT "_[A-Za-z0-9._-]{1,64}$", STR_ARG(prefix)));
    }
}

static void put_object(struct joining *j, struct json_out *out, const struct json *node, bool map)
{
    json_object(out);
    for (struct json_iter it = json_iter(node); json_next(&it);) {
        json_key_n(out, it.key);
        if (!map && str_is(it.key, "$ref") && json_type(it.value) == JSON_STRING)
            put_ref(j, out, json_str(it.value));
        else if (!map && is_data(it.key))
            json_put(out, it.value);
        else
            put_node(j, out, it.value, !map && is_map(it.key));
    }
    if (!map)
        put_implied(j, out, node);
    json_object_end(out);
}

static void put_node(struct joining *j, struct json_out *out, const struct json *node, bool map)
{
    if (json_type(node) == JSON_OBJECT) {
        put_object(j, out, node, map);
    } else if (json_type(node) == JSON_ARRAY) {
        json_array(out);
        for (struct json_iter it = json_iter(node); json_next(&it);)
            put_node(j, out, it.value, false);
        json_array_end(out);
    } else {
        json_put(out, node);
    }
}

/* One map of names ("schemas", "$defs"): the document's own, then the shared ones. */
static void put_kind(struct joining *j, struct json_out *out, struct str kind,
                     const struct json *own)
{
    json_object(out);
    for (struct json_iter it = json_iter(own); json_next(&it);) {
        json_key_n(out, it.key);
        put_node(j, out, it.value, false);
    }
    for (struct shared *at = j->shared; at; at = at->next) {
        if (!str_eq(at->kind, kind))
            continue;
        if (json_get_n(own, at->name)) {
            wrong_file(j->c, j->path, "\"" STR_FMT "\" is here and in %s, to which it refers",
                       STR_ARG(at->name), at->source->path);
            continue;
        }
        json_key_n(out, at->name);
        put_node(j, out, at->node, false);
    }
    json_object_end(out);
}

static void put_components(struct joining *j, struct json_out *out, const struct json *own)
{
    json_object(out);
    for (struct json_iter it = json_iter(own); json_next(&it);) {
        json_key_n(out, it.key);
        put_kind(j, out, it.key, it.value);
    }
    for (struct shared *at = j->shared; at; at = at->next) {
        bool done = json_get_n(own, at->kind) != NULL;
        for (struct shared *before = j->shared; before != at; before = before->next)
            done |= str_eq(before->kind, at->kind);
        if (done)
            continue;
        json_key_n(out, at->kind);
        put_kind(j, out, at->kind, NULL);
    }
    json_object_end(out);
}

static struct str join(struct joining *j)
{
    struct json_out out;
    const struct json *root = j->main->root;
    const char *last = j->event ? "$defs" : "components";
    json_out_init(&out, j->c->arena);
    json_object(&out);
    for (struct json_iter it = json_iter(root); json_next(&it);) {
        if (str_is(it.key, last))
            continue;
        json_key_n(&out, it.key);
        if (is_data(it.key))
            json_put(&out, it.value);
        else
            put_node(j, &out, it.value, is_map(it.key));
    }
    if (j->event)
        put_implied(j, &out, root);
    const struct json *own = json_get(root, last);
    if (own || j->shared) {
        json_key(&out, last);
        if (j->event)
            put_kind(j, &out, STR("schemas"), own);
        else
            put_components(j, &out, own);
    }
    json_object_end(&out);
    return json_out_str(&out);
}

bool document_read(struct compiler *c, const char *path, bool event, struct document *out)
{
    const struct source *source = source_read(c, path_tidy(c->arena, str_of(path)));
    if (!source)
        return false;
    if (json_type(source->root) != JSON_OBJECT)
        return wrong_file(c, path, "must be an object");
    struct joining joining = { c, path, source, event, NULL };
    if (!collect(&joining, source, source->root, false))
        return false;
    int before = c->errors;
    struct str text = join(&joining);
    if (c->errors != before)
        return false;
    ctx_clear(&c->ctx);
    const struct json *root = json_parse(&c->ctx, text);
    if (!root)
        return wrong_file(c, path, STR_FMT, STR_ARG(c->ctx.error.detail));
    *out = (struct document){ path, root, text, "" };
    return true;
}

/* ---- spots ---- */

struct spot spot_root(const struct document *document)
{
    return (struct spot){ document, document->root, STR("") };
}

struct spot spot_member_n(struct compiler *c, struct spot spot, struct str name)
{
    struct str escaped = { "", 0 };
    for (size_t i = 0; i < name.len; i++) {
        char letter[2] = { name.ptr[i] };
        escaped = arena_printf(c->arena, STR_FMT "%s", STR_ARG(escaped),
                               *letter == '~'   ? "~0"
                               : *letter == '/' ? "~1"
                                                : letter);
    }
    return (struct spot){ spot.document, json_get_n(spot.node, name),
                          arena_printf(c->arena, STR_FMT "/" STR_FMT, STR_ARG(spot.pointer),
                                       STR_ARG(escaped)) };
}

struct spot spot_member(struct compiler *c, struct spot spot, const char *name)
{
    return spot_member_n(c, spot, str_of(name));
}

struct spot spot_index(struct compiler *c, struct spot spot, size_t index, const struct json *node)
{
    return (struct spot){ spot.document, node,
                          arena_printf(c->arena, STR_FMT "/%zu", STR_ARG(spot.pointer), index) };
}

bool spot_follow(struct compiler *c, struct spot *spot)
{
    struct spot at = *spot;
    for (int i = 0; json_get(at.node, "$ref"); i++) {
        struct str ref = json_str(json_get(at.node, "$ref"));
        if (i == REFS_AT_MOST)
            return wrong(c, *spot, "$ref goes in a circle");
        struct str pointer = { ref.ptr + 1, ref.len - 1 };
        if (ref.len < 2 || ref.ptr[0] != '#')
            return wrong(c, at,
                         "$ref must be of the form \"#/...\" or \"file#/components/kind/Name\"");
        at = (struct spot){ at.document, json_pointer(at.document->root, pointer), pointer };
        if (!at.node)
            return wrong(c, *spot, "$ref \"" STR_FMT "\" leads nowhere", STR_ARG(ref));
    }
    *spot = at;
    return true;
}

bool spot_is(struct spot spot, const char *keyword, const char *value)
{
    return str_is(json_str(json_get(spot.node, keyword)), value);
}
