#include "platform/compat/findings.h"

#include <stdlib.h>

enum { _ = COMPAT_NOT_TOLD, F = COMPAT_FINE, W = COMPAT_WARNING, B = COMPAT_BREAKING };

static const struct compat_rule rules[] = {
#define RULE(id, name, schema, request, response, replay, event, new_reads, old_reads)             \
    { name, { schema, request, response, replay, event }, new_reads, old_reads },
    COMPAT_RULES(RULE)
#undef RULE
};

const struct compat_rule *compat_rules(size_t *n)
{
    *n = COUNT(rules);
    return rules;
}

/* ---- text ---- */

struct str pointer_down(struct arena *arena, struct str pointer, struct str name)
{
    char *text = arena_alloc_raw(arena, pointer.len + 2 * name.len + 2);
    size_t n = pointer.len;
    if (n)
        memcpy(text, pointer.ptr, n);
    text[n++] = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool escaped = c == '~' || c == '/';
        if (escaped)
            text[n++] = '~';
        text[n++] = !escaped ? c : c == '~' ? '0' : '1';
    }
    text[n] = '\0';
    return (struct str){ text, n };
}

struct str pointer_down_n(struct arena *arena, struct str pointer, size_t index)
{
    return arena_printf(arena, STR_FMT "/%zu", STR_ARG(pointer), index);
}

static struct str path_of(struct arena *arena, const struct at *at)
{
    if (!at || !at->up)
        return STR("");
    struct str up = path_of(arena, at->up);
    if (at->kind == AT_ITEM)
        return arena_printf(arena, STR_FMT "[" STR_FMT "]", STR_ARG(up), STR_ARG(at->name));
    if (at->kind == AT_OTHERS)
        return arena_printf(arena, STR_FMT "%s*", STR_ARG(up), up.len ? "." : "");
    return arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(up), up.len ? "." : "",
                        STR_ARG(at->name));
}

static struct str place_of(const struct reading *reading, const struct at *at)
{
    struct str path = path_of(reading->ctx->arena, at);
    if (!reading->head.len)
        return path;
    if (!path.len)
        return reading->head;
    return arena_printf(reading->ctx->arena, STR_FMT ": " STR_FMT, STR_ARG(reading->head),
                        STR_ARG(path));
}

/* The member of the data that it concerns, whatever is below it. */
static struct str member_of(const struct at *at)
{
    while (at && at->up && at->up->up)
        at = at->up;
    return at && at->up && at->kind == AT_MEMBER ? at->name : (struct str){ NULL, 0 };
}

static struct str word_of(const struct words *words, char letter)
{
    return letter == 'r' ? words->r : letter == 'w' ? words->w : words->x;
}

static struct str sentence_of(struct arena *arena, const char *form, const struct words *words)
{
    struct str out = { "", 0 };
    for (const char *at = form; *at;) {
        const char *brace = strchr(at, '{');
        size_t n = brace ? (size_t)(brace - at) : strlen(at);
        struct str word = brace ? word_of(words, brace[1]) : (struct str){ "", 0 };
        out = arena_printf(arena, STR_FMT "%.*s" STR_FMT, STR_ARG(out), (int)n, at, STR_ARG(word));
        at += brace ? n + 3 : n;
    }
    return out;
}

/* ---- findings ---- */

static bool is_known(const struct compat_findings *findings, const struct compat_finding *finding)
{
    for (size_t i = 0; i < findings->n; i++) {
        const struct compat_finding *item = &findings->items[i];
        if (item->rule == finding->rule && item->use == finding->use &&
            str_eq(item->pointer, finding->pointer) && str_eq(item->place, finding->place) &&
            str_eq(item->sentence, finding->sentence))
            return true;
    }
    return false;
}

static void append(struct ctx *ctx, struct compat_findings *findings,
                   const struct compat_finding *finding)
{
    if (is_known(findings, finding))
        return;
    if (findings->n == findings->cap) {
        size_t cap = MAX(16, findings->cap * 2);
        struct compat_finding *items = ARENA_ARRAY(ctx->arena, struct compat_finding, cap);
        if (findings->n)
            memcpy(items, findings->items, findings->n * sizeof(*items));
        findings->items = items;
        findings->cap = cap;
    }
    findings->items[findings->n++] = *finding;
    findings->worst = MAX(findings->worst, finding->severity);
}

void finding_add(const struct reading *reading, enum rule rule, const struct at *at,
                 struct spot spot, struct words words)
{
    const struct compat_rule *row = &rules[rule];
    int severity = row->severity[reading->use];
    if (severity < 0)
        return;
    struct compat_finding finding = {
        .rule = row->name,
        .severity = (enum compat_severity)severity,
        .use = reading->use,
        .pointer = spot.pointer,
        .in_old = spot.in_old,
        .place = place_of(reading, at),
        .member = reading->operation.ptr ? (struct str){ NULL, 0 } : member_of(at),
        .operation = reading->operation,
        .sentence = sentence_of(reading->ctx->arena,
                                reading->old_reads ? row->old_reads : row->new_reads, &words),
    };
    append(reading->ctx, reading->findings, &finding);
}

void findings_take(struct ctx *ctx, struct compat_findings *into,
                   const struct compat_findings *from)
{
    for (size_t i = 0; i < from->n; i++)
        append(ctx, into, &from->items[i]);
}

const char *compat_severity_name(enum compat_severity severity)
{
    static const char *const names[] = { "fine", "warning", "breaking" };
    return names[severity];
}

const char *compat_use_name(enum compat_use use)
{
    static const char *const names[] = { "schema", "request", "response", "replay", "event" };
    return names[use];
}
