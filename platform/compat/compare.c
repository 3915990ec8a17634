#include "platform/compat/compare.h"

#define STEPS_AT_MOST                                                                              \
    20000 /* schemas as people write them need some hundreds; each takes some KB until the end */

/* ---- findings ---- */

/* The new contract is where something can be changed: findings point into it where it has a
 * counterpart. */
static struct spot spot_of(struct compare *c, const struct writer *writer, struct node reader,
                           const char *keyword)
{
    struct arena *arena = c->reading.ctx->arena;
    if (c->reading.old_reads && writer->n)
        return (struct spot){ writer->atoms[0].node.pointer, writer->atoms[0].node.side->is_old };
    struct str pointer = reader.pointer;
    if (keyword && json_get(reader.json, keyword))
        pointer = pointer_down(arena, pointer, str_of(keyword));
    return (struct spot){ pointer, reader.side->is_old };
}

void compare_found(struct compare *c, enum rule rule, const struct at *at,
                   const struct writer *writer, struct node reader, const char *keyword,
                   struct words words)
{
    finding_add(&c->reading, rule, at, spot_of(c, writer, reader, keyword), words);
}

/* ---- one schema of the reader ---- */

static void compare_types(struct compare *c, const struct writer *writer, struct node reader,
                          const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    unsigned wrote = writer_types(c, writer), read = types_of(&reader), lost = wrote & ~read;
    if (!lost)
        return;
    struct words words = { .r = types_text(arena, read),
                           .w = types_text(arena, wrote),
                           .x = types_text(arena, lost) };
    compare_found(c, wrote & read ? RULE_TYPE_NARROWED : RULE_TYPE_CHANGED, at, writer, reader,
                  "type", words);
}

/* The reader's own keywords, but for $ref and allOf, on the writer as a whole. */
static void compare_whole(struct compare *c, const struct writer *writer, struct node reader,
                          const struct at *at)
{
    unsigned types = writer_types(c, writer) & types_of(&reader);
    compare_types(c, writer, reader, at);
    compare_scalars(c, writer, reader, types, at);
    if (types & TYPE_OBJECT)
        compare_object(c, writer, reader, at);
    if (types & TYPE_ARRAY)
        compare_array(c, writer, reader, at);
    compare_alternatives(c, writer, reader, at);
}

static void compare_own(struct compare *c, const struct writer *writer, struct node reader,
                        const struct at *at);

/* Runs `compare` with findings of its own. */
static struct compat_findings aside(struct compare *c,
                                    void (*compare)(struct compare *, const struct writer *,
                                                    struct node, const struct at *),
                                    const struct writer *writer, struct node reader,
                                    const struct at *at)
{
    struct compat_findings own = { 0 }, *outer = c->reading.findings;
    c->reading.findings = &own;
    compare(c, writer, reader, at);
    c->reading.findings = outer;
    return own;
}

/* What is written, a part at a time: each may fit where the whole cannot be seen to. */
static struct compat_findings compare_parts(struct compare *c, const struct writer *parts, size_t n,
                                            struct node reader, const struct at *at)
{
    struct compat_findings all = { 0 };
    for (size_t i = 0; i < n; i++) {
        struct compat_findings found = aside(c, compare_own, &parts[i], reader, at);
        findings_take(c->reading.ctx, &all, &found);
    }
    return all;
}

static void compare_own(struct compare *c, const struct writer *writer, struct node reader,
                        const struct at *at)
{
    if (writer_types(c, writer) == 0)
        return;
    struct compat_findings found = aside(c, compare_whole, writer, reader, at);
    struct writer *parts;
    bool alternatives;
    size_t n = 0;
    if (found.worst == COMPAT_BREAKING && !c->failed && --c->steps_left > 0)
        n = writer_parts(c, writer, &parts, &alternatives);
    if (n) {
        struct compat_findings finer = compare_parts(c, parts, n, reader, at);
        if (alternatives || finer.worst < COMPAT_BREAKING)
            found = finer;
    }
    findings_take(c->reading.ctx, c->reading.findings, &found);
}

static void compare_one(struct compare *c, const struct writer *writer, struct node reader,
                        const struct at *at);

static void compare_reference(struct compare *c, const struct writer *writer, struct node reader,
                              const char *keyword, const struct at *at)
{
    struct str reference = json_str(json_get(reader.json, keyword));
    struct node target;
    if (!reference.ptr)
        return;
    if (node_resolve(c->reading.ctx, reader, reference, &target))
        compare_one(c, writer, target, at);
    else
        c->failed = true;
}

/* All that the reader asks for holds at once, so each is compared by itself. */
static void compare_all(struct compare *c, const struct writer *writer, struct node reader,
                        const struct at *at)
{
    compare_reference(c, writer, reader, "$ref", at);
    if (reader.side->draft7 && json_get(reader.json, "$ref"))
        return;
    compare_reference(c, writer, reader, "$dynamicRef", at);
    compare_reference(c, writer, reader, "$recursiveRef", at);
    struct node all = node_get(c->reading.ctx, reader, "allOf");
    for (size_t i = 0; i < json_size(all.json); i++)
        compare_one(c, writer, node_at(c->reading.ctx, all, i), at);
    compare_own(c, writer, reader, at);
}

static bool is_met(const struct compare *c, const struct writer *writer, struct node reader)
{
    for (const struct pair *at = c->pairs; at; at = at->up)
        if (at->reader == reader.json && writer_same(at->writer, writer))
            return true;
    return false;
}

static bool has_reference(const struct json *json)
{
    bool object = json_type(json) == JSON_OBJECT;
    for (struct json_iter it = json_iter(json); json_next(&it);)
        if ((object && (str_is(it.key, "$ref") || str_is(it.key, "$dynamicRef") ||
                        str_is(it.key, "$recursiveRef"))) ||
            has_reference(it.value))
            return true;
    return false;
}

/* Has the writer this very schema? Then nothing inside it needs to be understood. */
static bool has_same(const struct compare *c, const struct writer *writer, struct node reader)
{
    for (size_t i = 0; i < writer->n; i++) {
        struct node own = writer->atoms[i].node;
        const struct compat_document *wrote = own.side->given, *reads = reader.side->given;
        if (wrote->closed == reads->closed && own.side->draft7 == reader.side->draft7 &&
            json_equal(own.json, reader.json) &&
            (!has_reference(reader.json) ||
             (json_equal(wrote->root, reads->root) && !reads->resolve && !wrote->resolve)))
            return true;
    }
    return false;
}

/* One schema of those that hold of the reader's value. */
static void compare_one(struct compare *c, const struct writer *writer, struct node reader,
                        const struct at *at)
{
    if (c->failed || writer->never || !reader.json)
        return;
    if (--c->steps_left < 0) {
        compare_found(c, RULE_NOT_COMPARABLE, at, writer, reader, NULL,
                      (struct words){ .x = STR("the schemas are too intertwined") });
        return;
    }
    if (json_type(reader.json) == JSON_BOOL && !json_bool(reader.json) &&
        writer_types(c, writer) != 0)
        compare_found(c, RULE_VALUE_REFUSED, at, writer, reader, NULL, (struct words){ 0 });
    if (json_type(reader.json) != JSON_OBJECT || is_met(c, writer, reader) ||
        has_same(c, writer, reader))
        return;
    struct pair pair = { writer, reader.json, c->pairs };
    c->pairs = &pair;
    struct compat_findings found = aside(c, compare_all, writer, reader, at);
    bool much = found.n > 1 || types_of(&reader) != TYPE_ALL;
    if (much && writer_is_any(writer) && found.worst == COMPAT_BREAKING)
        compare_found(c, RULE_VALUE_NARROWED, at, writer, reader, NULL, (struct words){ 0 });
    else
        findings_take(c->reading.ctx, c->reading.findings, &found);
    c->pairs = pair.up;
}

struct compat_findings compare_aside(struct compare *c, const struct writer *writer,
                                     struct node reader, const struct at *at)
{
    return aside(c, compare_one, writer, reader, at);
}

bool compare_fits(struct compare *c, const struct writer *writer, struct node reader,
                  const struct at *at)
{
    struct compat_findings found = compare_aside(c, writer, reader, at);
    for (size_t i = 0; i < found.n; i++)
        if (strcmp(found.items[i].rule, "alternatives-overlap") == 0)
            return false;
    return found.worst < COMPAT_BREAKING;
}

void compare_values(struct compare *c, const struct writer *writer, struct node reader,
                    const struct at *at)
{
    compare_one(c, writer, reader, at);
    if (json_type(reader.json) == JSON_OBJECT && !c->failed && !writer->never)
        compare_ignored(c, writer, reader, at);
}

bool compare_schemas(struct reading reading, struct node writer, struct node reader)
{
    struct compare c = { .reading = reading, .steps_left = STEPS_AT_MOST };
    c.words = json_parse(reading.ctx, STR("[null,true,false]"));
    struct writer wrote = writer_new(&c, writer);
    if (!c.failed && reader.json)
        compare_values(&c, &wrote, reader, &(struct at){ 0 });
    return !c.failed;
}

bool compat_json_schema(struct ctx *ctx, const struct compat_document *old_schema,
                        const struct compat_document *new_schema, enum compat_direction direction,
                        struct compat_findings *findings)
{
    struct node before = side_root(side_new(ctx, old_schema, true)),
                after = side_root(side_new(ctx, new_schema, false));
    bool backward = direction == COMPAT_BACKWARD;
    struct reading reading = {
        .ctx = ctx, .use = COMPAT_SCHEMA, .old_reads = !backward, .findings = findings
    };
    return backward ? compare_schemas(reading, before, after)
                    : compare_schemas(reading, after, before);
}
