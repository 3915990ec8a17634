/* anyOf, oneOf, not, if. */
#include "platform/compat/compare.h"

#define MEMBERS_DEEP 3 /* so deep is looked for what tells alternatives apart */

/* ---- apart ---- */

static bool values_apart(struct compare *c, const struct writer *a, const struct writer *b)
{
    size_t n, m;
    const struct json **left = writer_values(c, a, &n), **right = writer_values(c, b, &m);
    if (!left || !right)
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (json_equal(left[i], right[k]))
                return false;
    return true;
}

static bool apart(struct compare *c, const struct writer *a, const struct writer *b, int depth);

/* A member that one requires and that the other forbids or means otherwise. */
static bool members_apart(struct compare *c, const struct writer *a, const struct writer *b,
                          int depth)
{
    struct str *names;
    size_t n = writer_names(c, a, &names);
    for (size_t i = 0; i < n; i++) {
        bool named;
        if (!writer_requires(a, names[i]))
            continue;
        struct writer left = writer_member(c, a, names[i], &named),
                      right = writer_member(c, b, names[i], &named);
        if (right.never || (writer_requires(b, names[i]) && apart(c, &left, &right, depth + 1)))
            return true;
    }
    return false;
}

static bool apart(struct compare *c, const struct writer *a, const struct writer *b, int depth)
{
    unsigned types = writer_types(c, a) & writer_types(c, b);
    if (!types || values_apart(c, a, b))
        return true;
    return types == TYPE_OBJECT && depth < MEMBERS_DEEP &&
           (members_apart(c, a, b, depth) || members_apart(c, b, a, depth));
}

bool writers_apart(struct compare *c, const struct writer *a, const struct writer *b)
{
    return apart(c, a, b, 0);
}

/* ---- anyOf, oneOf ---- */

/* When none takes it: the one alternative that is meant, by its types. SIZE_MAX: it is not clear
 * which. */
static size_t alternative_meant(struct compare *c, const struct writer *writer, struct node list)
{
    size_t meant = SIZE_MAX, n = json_size(list.json);
    unsigned types = writer_types(c, writer);
    if (n == 1)
        return 0;
    for (size_t i = 0; i < n; i++) {
        struct writer alternative = writer_new(c, node_at(c->reading.ctx, list, i));
        if (types & ~writer_types(c, &alternative))
            continue;
        if (meant != SIZE_MAX)
            return SIZE_MAX;
        meant = i;
    }
    return meant;
}

/* The alternative that takes all that is written, its findings noted; SIZE_MAX when there is none,
 * and that is noted. */
static size_t compare_list(struct compare *c, const struct writer *writer, struct node reader,
                           const char *keyword, const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct node list = node_get(ctx, reader, keyword);
    for (size_t i = 0; i < json_size(list.json); i++) {
        struct compat_findings found = compare_aside(c, writer, node_at(ctx, list, i), at);
        if (found.worst == COMPAT_BREAKING)
            continue;
        findings_take(ctx, c->reading.findings, &found);
        return i;
    }
    size_t meant = alternative_meant(c, writer, list);
    if (meant != SIZE_MAX)
        compare_values(c, writer, node_at(ctx, list, meant), at);
    else
        compare_found(c, RULE_ALTERNATIVES, at, writer, reader, keyword, (struct words){ 0 });
    return SIZE_MAX;
}

/* A part of a writer's oneOf is none of its other parts: what is inside one of those, it is not. */
static bool is_excluded(struct compare *c, const struct writer *writer, struct node other,
                        const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct writer wanted = writer_new(c, other);
    for (size_t i = 0; i < writer->n; i++) {
        if (!(writer->atoms[i].apart & APART_ONE))
            continue;
        struct node list = node_get(ctx, writer->atoms[i].node, "oneOf");
        for (size_t k = 0; k < json_size(list.json); k++) {
            struct node part = node_at(ctx, list, k);
            if (k != writer->atoms[i].part && compare_fits(c, &wanted, part, at))
                return true;
        }
    }
    return false;
}

/* Is nothing that is written of the reader's other alternative, too? */
static bool stays_out(struct compare *c, const struct writer *writer, struct node other,
                      const struct at *at)
{
    struct writer wanted = writer_new(c, other), *parts;
    bool alternatives;
    if (writers_apart(c, writer, &wanted) || is_excluded(c, writer, other, at))
        return true;
    size_t n = writer_parts(c, writer, &parts, &alternatives);
    for (size_t i = 0; i < n && alternatives; i++)
        if (--c->steps_left < 0 || !stays_out(c, &parts[i], other, at))
            return false;
    return n && alternatives;
}

static void compare_one_of(struct compare *c, const struct writer *writer, struct node reader,
                           const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct node list = node_get(ctx, reader, "oneOf");
    size_t taken = compare_list(c, writer, reader, "oneOf", at);
    for (size_t i = 0; taken != SIZE_MAX && i < json_size(list.json); i++) {
        if (i == taken || stays_out(c, writer, node_at(ctx, list, i), at))
            continue;
        compare_found(c, RULE_ALTERNATIVES_OVERLAP, at, writer, reader, "oneOf",
                      (struct words){ 0 });
        return;
    }
}

/* ---- not ---- */

static void compare_not(struct compare *c, const struct writer *writer, struct node reader,
                        const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct node excluded = node_get(ctx, reader, "not");
    if (!excluded.json)
        return;
    struct writer wanted = writer_new(c, excluded);
    if (wanted.never || writers_apart(c, writer, &wanted))
        return;
    for (size_t i = 0; i < writer->n; i++) {
        struct node own = node_get(ctx, writer->atoms[i].node, "not");
        if (own.json && compare_fits(c, &wanted, own, at))
            return;
    }
    compare_found(c, RULE_NOT, at, writer, reader, "not", (struct words){ 0 });
}

/* ---- if ---- */

static bool fits_or_absent(struct compare *c, const struct writer *writer, struct node reader,
                           const struct at *at)
{
    return !reader.json || compare_fits(c, writer, reader, at);
}

/* Has the writer the same condition, with narrower consequences? */
static bool has_condition(struct compare *c, const struct writer *writer, struct node condition,
                          struct node then, struct node other, const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct writer wanted = writer_new(c, condition);
    for (size_t i = 0; i < writer->n; i++) {
        struct node atom = writer->atoms[i].node, own = node_get(ctx, atom, "if");
        if (!own.json)
            continue;
        struct writer same = writer_new(c, own);
        if (!compare_fits(c, &wanted, own, at) || !compare_fits(c, &same, condition, at))
            continue;
        struct writer met = writer_with(c, writer, node_get(ctx, atom, "then")),
                      unmet = writer_with(c, writer, node_get(ctx, atom, "else"));
        if (fits_or_absent(c, &met, then, at) && fits_or_absent(c, &unmet, other, at))
            return true;
    }
    return false;
}

static void compare_condition(struct compare *c, const struct writer *writer, struct node reader,
                              const struct at *at)
{
    struct ctx *ctx = c->reading.ctx;
    struct node condition = node_get(ctx, reader, "if"), then = node_get(ctx, reader, "then"),
                other = node_get(ctx, reader, "else");
    if (!condition.json || (!then.json && !other.json))
        return;
    struct writer wanted = writer_new(c, condition);
    bool never_met = writers_apart(c, writer, &wanted),
         always_met = !never_met && compare_fits(c, writer, condition, at);
    if ((never_met || fits_or_absent(c, writer, then, at)) &&
        (always_met || fits_or_absent(c, writer, other, at)))
        return;
    if (!has_condition(c, writer, condition, then, other, at))
        compare_found(c, RULE_CONDITION, at, writer, reader, "if", (struct words){ 0 });
}

void compare_alternatives(struct compare *c, const struct writer *writer, struct node reader,
                          const struct at *at)
{
    if (json_size(json_get(reader.json, "anyOf")))
        compare_list(c, writer, reader, "anyOf", at);
    if (json_size(json_get(reader.json, "oneOf")))
        compare_one_of(c, writer, reader, at);
    compare_not(c, writer, reader, at);
    compare_condition(c, writer, reader, at);
}
