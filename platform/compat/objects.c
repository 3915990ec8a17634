/* Keywords on objects. */
#include "platform/compat/compare.h"

/* ---- one member ---- */

static struct at member_at(const struct at *up, struct str name)
{
    return (struct at){ up, AT_MEMBER, name };
}

static struct node property_of(struct compare *c, struct node schema, struct str name)
{
    return node_get_n(c->reading.ctx, node_get(c->reading.ctx, schema, "properties"), name);
}

static bool is_required(struct node schema, struct str name)
{
    return list_has(json_get(schema.json, "required"), name);
}

static void found_at(struct compare *c, enum rule rule, const struct at *at, struct node node)
{
    finding_add(&c->reading, rule, at, (struct spot){ node.pointer, node.side->is_old },
                (struct words){ 0 });
}

/* Where a writer's schema names the member; `otherwise` where none does. */
static struct node written_at(struct compare *c, const struct writer *writer, struct str name,
                              struct node otherwise)
{
    for (size_t i = 0; i < writer->n; i++) {
        struct node own = property_of(c, writer->atoms[i].node, name);
        if (own.json)
            return own;
    }
    return otherwise;
}

/* The writer names it, the reader does not. */
static void compare_unknown(struct compare *c, const struct writer *writer,
                            const struct writer *member, struct node reader, const struct at *at,
                            bool named)
{
    bool closed;
    struct node others = additional_of(c, reader, at->name, false, &closed);
    if (!closed && json_type(others.json) == JSON_OBJECT)
        compare_values(c, member, others, at);
    else if (named && closed)
        found_at(c, RULE_MEMBER_UNKNOWN, at, written_at(c, writer, at->name, reader));
}

static void compare_default(struct compare *c, const struct writer *member, struct node own,
                            const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    const struct json *wrote = NULL, *read = json_get(own.json, "default");
    for (size_t i = 0; i < member->n && !wrote; i++)
        wrote = json_get(member->atoms[i].node.json, "default");
    if ((!wrote && !read) || (wrote && read && json_equal(wrote, read)))
        return;
    struct words words = { .r = read ? json_text(arena, read) : STR("nothing"),
                           .w = wrote ? json_text(arena, wrote) : STR("nothing") };
    compare_found(c, RULE_DEFAULT_CHANGED, at, member, own, "default", words);
}

/* The reader names it; no schema of the writer does. True: that is all there is to say. */
static bool compare_unnamed(struct compare *c, const struct writer *member, struct node reader,
                            struct node own, const struct at *at)
{
    bool required = is_required(reader, at->name);
    if (json_type(own.json) == JSON_BOOL && !json_bool(own.json))
        return member->never;
    if (!required)
        found_at(c, c->reading.old_reads ? RULE_MEMBER_GONE : RULE_MEMBER_ADDED, at, own);
    if (!member->never && writer_is_any(member) && !compare_fits(c, member, own, at))
        compare_found(c, RULE_MEMBER_CLAIMED, at, member, own, NULL, (struct words){ 0 });
    return member->never || writer_is_any(member);
}

static void compare_member(struct compare *c, const struct writer *writer, struct node reader,
                           const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    bool named, known;
    struct writer member = writer_member(c, writer, at->name, &named);
    struct node own = property_of(c, reader, at->name),
                patterns = node_get(ctx, reader, "patternProperties");
    known = own.json != NULL;
    if (own.json && (member.never || !named) && compare_unnamed(c, &member, reader, own, at))
        return;
    if (member.never)
        return;
    if (own.json)
        compare_values(c, &member, own, at);
    for (struct json_iter it = json_iter(patterns.json); json_next(&it);) {
        if (!pattern_matches(c, it.key, at->name))
            continue;
        compare_values(c, &member, node_get_n(ctx, patterns, it.key), at);
        known = true;
    }
    if (!known)
        compare_unknown(c, writer, &member, reader, at, named);
    else if (named && own.json && !is_required(reader, at->name))
        compare_default(c, &member, own, at);
}

/* ---- all members ---- */

/* Readers of the old contract, who find what they know missing rather than a schema violated. */
static bool misses_members(const struct compare *c)
{
    bool tolerant = c->reading.use == COMPAT_RESPONSE || c->reading.use == COMPAT_EVENT;
    return tolerant && c->reading.old_reads;
}

static void compare_members(struct compare *c, const struct writer *writer, struct node reader,
                            const struct at *at)
{
    const struct json *properties = json_get(reader.json, "properties");
    struct str *names;
    size_t n = writer_names(c, writer, &names);
    for (size_t i = 0; i < n; i++) {
        struct at member = member_at(at, names[i]);
        compare_member(c, writer, reader, &member);
    }
    for (struct json_iter it = json_iter(properties); json_next(&it);) {
        struct at member = member_at(at, it.key);
        size_t known = 0;
        while (known < n && !str_eq(names[known], it.key))
            known++;
        if (known == n)
            compare_member(c, writer, reader, &member);
    }
}

static void compare_required(struct compare *c, const struct writer *writer, struct node reader,
                             const struct at *at)
{
    const struct json *required = json_get(reader.json, "required");
    if (json_type(required) != JSON_ARRAY)
        return;
    for (struct json_iter it = json_iter(required); json_next(&it);) {
        struct str name = json_str(it.value);
        struct at member = member_at(at, name);
        bool named;
        if (!name.ptr || writer_requires(writer, name))
            continue;
        struct writer wrote = writer_member(c, writer, name, &named);
        struct node own = property_of(c, reader, name);
        bool has_default = json_get(own.json, "default") != NULL;
        if (misses_members(c) && own.json && !named) {
            found_at(c, RULE_MEMBER_GONE, &member, own);
            continue;
        }
        compare_found(c, has_default ? RULE_REQUIRED_DEFAULT : RULE_REQUIRED, &member,
                      wrote.n ? &wrote : writer, reader, "required", (struct words){ 0 });
    }
}

/* The text that all names begin with which match an anchored pattern. */
static struct str literal_start(struct str pattern)
{
    size_t n = 1;
    if (!pattern.len || pattern.ptr[0] != '^' || memchr(pattern.ptr, '|', pattern.len))
        return (struct str){ NULL, 0 };
    while (n < pattern.len && !strchr("\\^$.[]()*+?{}", pattern.ptr[n]))
        n++;
    bool repeated = n < pattern.len && strchr("*?{", pattern.ptr[n]) && n > 1;
    return (struct str){ pattern.ptr + 1, n - 1 - repeated };
}

/* Can there be no name that matches both? Only when it is certain. */
static bool patterns_apart(struct str a, struct str b)
{
    struct str left = literal_start(a), right = literal_start(b);
    size_t n = MIN(left.len, right.len);
    return n && memcmp(left.ptr, right.ptr, n) != 0;
}

/* What the writer may put under names that match the reader's pattern, and others of its own. */
static void compare_overlapping(struct compare *c, const struct writer *writer, struct str pattern,
                                struct node schema, const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    for (size_t i = 0; i < writer->n; i++) {
        struct node own = node_get(ctx, writer->atoms[i].node, "patternProperties");
        for (struct json_iter it = json_iter(own.json); json_next(&it);) {
            struct writer wrote = writer_new(c, node_get_n(ctx, own, it.key));
            if (!patterns_apart(it.key, pattern))
                compare_values(c, &wrote, schema, at);
        }
    }
}

/* What the writer may put under names that match the reader's pattern. */
static void compare_pattern(struct compare *c, const struct writer *writer,
                            const struct writer *others, struct str pattern, struct node schema,
                            const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct writer same = writer_any();
    bool found = false;
    for (size_t i = 0; i < writer->n; i++) {
        struct node own =
            node_get_n(ctx, node_get(ctx, writer->atoms[i].node, "patternProperties"), pattern);
        found |= own.json != NULL;
        if (own.json)
            same = writer_with(c, &same, own);
    }
    if (found) {
        compare_values(c, &same, schema, at);
        return;
    }
    if (!others->never)
        compare_values(c, others, schema, at);
    compare_overlapping(c, writer, pattern, schema, at);
}

/* What the writer may put under its own patterns, that the reader does not have. */
static void compare_own_patterns(struct compare *c, const struct writer *writer, struct node reader,
                                 const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    const struct json *known = json_get(reader.json, "patternProperties");
    bool closed;
    struct node others = additional_of(c, reader, (struct str){ NULL, 0 }, false, &closed);
    for (size_t i = 0; i < writer->n; i++) {
        struct node patterns = node_get(ctx, writer->atoms[i].node, "patternProperties");
        for (struct json_iter it = json_iter(patterns.json); json_next(&it);) {
            struct node own = node_get_n(ctx, patterns, it.key);
            struct writer wrote = writer_new(c, own);
            if (json_get_n(known, it.key) || wrote.never)
                continue;
            struct at place = { at, AT_OTHERS, it.key };
            if (closed)
                found_at(c, RULE_MEMBER_UNKNOWN, &place, own);
            else if (others.json)
                compare_values(c, &wrote, others, &place);
        }
    }
}

static void compare_others(struct compare *c, const struct writer *writer, struct node reader,
                           const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct at place = { at, AT_OTHERS, { NULL, 0 } };
    struct writer others = writer_others(c, writer);
    struct node patterns = node_get(ctx, reader, "patternProperties");
    bool closed;
    struct node additional = additional_of(c, reader, (struct str){ NULL, 0 }, false, &closed);
    for (struct json_iter it = json_iter(patterns.json); json_next(&it);)
        compare_pattern(c, writer, &others, it.key, node_get_n(ctx, patterns, it.key), &place);
    compare_own_patterns(c, writer, reader, at);
    if (others.never)
        return;
    if (closed)
        compare_found(c, RULE_OBJECT_CLOSED, at, writer, reader, "additionalProperties",
                      (struct words){ 0 });
    else if (additional.json)
        compare_values(c, &others, additional, &place);
}

/* ---- names, and what depends on them ---- */

static struct writer writer_of_name(struct compare *c, struct str name)
{
    struct arena *arena = c->reading.ctx->arena;
    struct json_out out;
    json_out_init(&out, arena);
    json_put_str(&out, name);
    struct writer writer = writer_any();
    writer.value = json_parse(&(struct ctx){ .arena = arena }, json_out_str(&out));
    return writer;
}

static bool names_fit(struct compare *c, const struct writer *writer, struct node wanted,
                      const struct at *at)
{
    struct str *names;
    for (size_t i = 0; i < writer->n; i++) {
        struct node own = node_get(c->reading.ctx, writer->atoms[i].node, "propertyNames");
        struct writer wrote = writer_new(c, own);
        if (own.json && compare_fits(c, &wrote, wanted, at))
            return true;
    }
    size_t n = writer_names(c, writer, &names);
    if (!writer_is_listed(c, writer))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct writer name = writer_of_name(c, names[i]);
        if (!compare_fits(c, &name, wanted, at))
            return false;
    }
    return true;
}

static void compare_names(struct compare *c, const struct writer *writer, struct node reader,
                          const struct at *at)
{
    struct node wanted = node_get(c->reading.ctx, reader, "propertyNames");
    if (wanted.json && !names_fit(c, writer, wanted, at))
        compare_found(c, RULE_MEMBER_NAMES, at, writer, reader, "propertyNames",
                      (struct words){ 0 });
}

static const char *const dependencies[] = { "dependentRequired", "dependentSchemas",
                                            "dependencies" };

/* Does the writer itself say that `needed` is there where `name` is? */
static bool depends(const struct writer *writer, struct str name, struct str needed)
{
    for (size_t i = 0; i < writer->n; i++)
        for (size_t k = 0; k < COUNT(dependencies); k++)
            if (list_has(json_get_n(json_get(writer->atoms[i].node.json, dependencies[k]), name),
                         needed))
                return true;
    return writer_requires(writer, needed);
}

static bool dependents_fit(struct compare *c, const struct writer *writer, struct str name,
                           struct node wanted, const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    if (json_type(wanted.json) == JSON_ARRAY) {
        for (struct json_iter it = json_iter(wanted.json); json_next(&it);)
            if (!depends(writer, name, json_str(it.value)))
                return false;
        return true;
    }
    struct writer there = *writer;
    for (size_t i = 0; i < writer->n; i++)
        for (size_t k = 1; k < COUNT(dependencies); k++) {
            struct node own =
                node_get_n(ctx, node_get(ctx, writer->atoms[i].node, dependencies[k]), name);
            if (own.json && json_type(own.json) != JSON_ARRAY)
                there = writer_with(c, &there, own);
        }
    return compare_fits(c, &there, wanted, at);
}

static void compare_dependents(struct compare *c, const struct writer *writer, struct node reader,
                               const struct at *at)
{
    for (size_t k = 0; k < COUNT(dependencies); k++) {
        struct node map = node_get(c->reading.ctx, reader, dependencies[k]);
        for (struct json_iter it = json_iter(map.json); json_next(&it);) {
            bool named;
            if (writer_member(c, writer, it.key, &named).never ||
                dependents_fit(c, writer, it.key, node_get_n(c->reading.ctx, map, it.key), at))
                continue;
            compare_found(c, RULE_DEPENDENT, at, writer, reader, dependencies[k],
                          (struct words){ .x = it.key });
        }
    }
}

/* Which alternative would hold is not looked into. */
static bool has_alternatives(const struct writer *writer)
{
    static const char *const keywords[] = { "anyOf", "oneOf", "if", "dependentSchemas", "not" };
    for (size_t i = 0; i < writer->n; i++)
        for (size_t k = 0; k < COUNT(keywords); k++)
            if (json_get(writer->atoms[i].node.json, keywords[k]))
                return true;
    return false;
}

void compare_ignored(struct compare *c, const struct writer *writer, struct node reader,
                     const struct at *at)
{
    struct writer wanted = writer_new(c, reader);
    struct str *names;
    size_t n = writer_types(c, &wanted) & TYPE_OBJECT ? writer_names(c, writer, &names) : 0;
    if (has_alternatives(&wanted) || writer_is_listed(c, &wanted))
        return;
    for (size_t i = 0; i < n; i++) {
        struct at member = member_at(at, names[i]);
        bool named, written;
        struct writer read = writer_member(c, &wanted, names[i], &named);
        bool never = writer_member(c, writer, names[i], &written).never;
        if (!named && !never && writer_is_any(&read))
            found_at(c, RULE_MEMBER_IGNORED, &member, written_at(c, writer, names[i], reader));
    }
}

void compare_object(struct compare *c, const struct writer *writer, struct node reader,
                    const struct at *at)
{
    struct writer objects = *writer;
    objects.types &= TYPE_OBJECT;
    compare_members(c, &objects, reader, at);
    compare_required(c, &objects, reader, at);
    compare_others(c, &objects, reader, at);
    compare_names(c, &objects, reader, at);
    compare_dependents(c, &objects, reader, at);
}
