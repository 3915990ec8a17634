/* One event type: its data both ways, and where and how it is kept. */
#include "platform/compat/compare.h"

#define NESTED_AT_MOST 32

struct event_pair {
    struct ctx *ctx;
    struct node before, after; /* .json NULL: there is none */
    struct compat_findings *findings;
};

static struct reading reading_of(const struct event_pair *pair, enum compat_use use)
{
    return (struct reading){
        .ctx = pair->ctx, .use = use, .old_reads = use == COMPAT_EVENT, .findings = pair->findings
    };
}

static void found_at(const struct event_pair *pair, enum compat_use use, enum rule rule,
                     const struct at *at, struct node node, struct words words)
{
    struct reading reading = reading_of(pair, use);
    finding_add(&reading, rule, at, (struct spot){ node.pointer, node.side->is_old }, words);
}

/* ---- x-event ---- */

static struct node header_get(const struct event_pair *pair, struct node event, const char *key)
{
    return node_get(pair->ctx, node_get(pair->ctx, event, "x-event"), key);
}

/* Where the new contract says it, or would. */
static void found_header(const struct event_pair *pair, enum compat_use use, enum rule rule,
                         const char *key, struct words words)
{
    found_at(pair, use, rule, NULL, header_get(pair, pair->after, key), words);
}

static struct str key_of(const struct event_pair *pair, struct node event)
{
    struct str key = json_str(header_get(pair, event, "key").json);
    return key.ptr ? key : json_str(header_get(pair, event, "subject").json);
}

static void compare_name(const struct event_pair *pair, enum rule rule, const char *keyword,
                         struct str before, struct str after)
{
    if (!str_eq(before, after))
        found_header(pair, COMPAT_EVENT, rule, keyword, (struct words){ .r = before, .w = after });
}

static void compare_partitions(const struct event_pair *pair)
{
    const struct json *before = header_get(pair, pair->before, "partitions").json,
                      *after = header_get(pair, pair->after, "partitions").json;
    struct arena *arena = pair->ctx->arena;
    if (before && after && !json_equal(before, after))
        found_header(pair, COMPAT_EVENT, RULE_PARTITIONS_CHANGED, "partitions",
                     (struct words){ .r = json_text(arena, before), .w = json_text(arena, after) });
}

static bool is_compacted(const struct json *keeping)
{
    return str_is(json_str(keeping), "compacted");
}

/* Days that a rebuild can look back; INT64_MAX: for ever. */
static int64_t days_of(const struct json *keeping)
{
    const struct json *days = json_get(keeping, "days");
    return days ? json_int(days) : INT64_MAX;
}

static struct str keeping_text(struct arena *arena, const struct json *keeping)
{
    if (is_compacted(keeping))
        return STR("compacted (the newest of each key)");
    if (days_of(keeping) == INT64_MAX)
        return STR("for ever");
    return arena_printf(arena, "for %lld days", (long long)days_of(keeping));
}

static void compare_keeping(const struct event_pair *pair)
{
    const struct json *before = header_get(pair, pair->before, "keeping").json,
                      *after = header_get(pair, pair->after, "keeping").json;
    struct arena *arena = pair->ctx->arena;
    if (!before || !after || json_equal(before, after))
        return;
    bool shorter = days_of(after) < days_of(before) ||
                   (is_compacted(after) && !is_compacted(before));
    found_header(
        pair, COMPAT_REPLAY, shorter ? RULE_KEEPING_SHORTENED : RULE_KEEPING_CHANGED, "keeping",
        (struct words){ .r = keeping_text(arena, after), .w = keeping_text(arena, before) });
}

static bool is_erasable(const struct event_pair *pair, struct node event)
{
    return json_bool(header_get(pair, event, "erasable").json) &&
           is_compacted(header_get(pair, event, "keeping").json);
}

static void compare_header(const struct event_pair *pair)
{
    bool was = is_erasable(pair, pair->before), is = is_erasable(pair, pair->after);
    bool commanded = json_bool(header_get(pair, pair->before, "command").json),
         commands = json_bool(header_get(pair, pair->after, "command").json);
    compare_name(pair, RULE_TOPIC_CHANGED, "topic",
                 json_str(header_get(pair, pair->before, "topic").json),
                 json_str(header_get(pair, pair->after, "topic").json));
    compare_name(pair, RULE_SUBJECT_CHANGED, "subject",
                 json_str(header_get(pair, pair->before, "subject").json),
                 json_str(header_get(pair, pair->after, "subject").json));
    compare_name(pair, RULE_KEY_CHANGED, "key", key_of(pair, pair->before),
                 key_of(pair, pair->after));
    compare_partitions(pair);
    compare_keeping(pair);
    if (was != is)
        found_header(pair, COMPAT_REPLAY, was ? RULE_ERASABLE_LOST : RULE_ERASABLE_GAINED,
                     "erasable", (struct words){ 0 });
    if (commanded != commands)
        found_header(pair, COMPAT_EVENT, RULE_COMMAND_CHANGED, "command",
                     (struct words){ .r = commanded ? STR("a command") : STR("an event"),
                                     .w = commands ? STR("a command") : STR("an event") });
}

/* ---- personal members ---- */

struct personal {
    const struct event_pair *pair;
    bool was_erasable, is_erasable;
};

static bool is_marked(struct node node)
{
    return json_bool(json_get(node.json, "x-personal"));
}

static bool walk_personal(const struct personal *walk, struct node before, struct node after,
                          const struct at *at, int depth);

/* One member or element: its own mark, then what is below. */
static bool walk_below(const struct personal *walk, struct node before, struct node after,
                       const struct at *at, int depth)
{
    struct ctx *ctx = walk->pair->ctx;
    struct node was = before, is = after;
    if ((before.json && !node_follow(ctx, before, &was)) || !node_follow(ctx, after, &is))
        return false;
    bool marked_before = is_marked(before) || is_marked(was),
         marked = is_marked(after) || is_marked(is);
    if (marked && !walk->is_erasable && !(marked_before && !walk->was_erasable))
        found_at(walk->pair, COMPAT_REPLAY, RULE_PERSONAL_KEPT, at, after, (struct words){ 0 });
    if (marked_before && !marked)
        found_at(walk->pair, COMPAT_REPLAY, RULE_PERSONAL_UNMARKED, at, after, (struct words){ 0 });
    return walk_personal(walk, was, is, at, depth + 1);
}

static bool walk_personal(const struct personal *walk, struct node before, struct node after,
                          const struct at *at, int depth)
{
    struct ctx *ctx = walk->pair->ctx;
    struct node members = node_get(ctx, after, "properties"), were = { 0 }, item = { 0 };
    if (before.json) {
        were = node_get(ctx, before, "properties");
        item = node_get(ctx, before, "items");
    }
    if (depth > NESTED_AT_MOST)
        return true;
    for (struct json_iter it = json_iter(members.json); json_next(&it);) {
        struct at place = { at, AT_MEMBER, it.key };
        struct node was = were.json ? node_get_n(ctx, were, it.key) : (struct node){ 0 };
        if (!walk_below(walk, was, node_get_n(ctx, members, it.key), &place, depth))
            return false;
    }
    struct node items = node_get(ctx, after, "items");
    struct at place = { at, AT_ITEM, STR("") };
    return !items.json || walk_below(walk, item, items, &place, depth);
}

static bool compare_personal(const struct event_pair *pair)
{
    struct personal walk = { pair, false, is_erasable(pair, pair->after) };
    struct node before = pair->before, after;
    if (before.json) {
        walk.was_erasable = is_erasable(pair, before);
        if (!node_follow(pair->ctx, before, &before))
            return false;
    }
    return node_follow(pair->ctx, pair->after, &after) &&
           walk_personal(&walk, before, after, &(struct at){ 0 }, 0);
}

/* ---- the event ---- */

static bool compare_data(const struct event_pair *pair)
{
    return compare_schemas(reading_of(pair, COMPAT_REPLAY), pair->before, pair->after) &&
           compare_schemas(reading_of(pair, COMPAT_EVENT), pair->after, pair->before);
}

static struct node root_of(struct ctx *ctx, const struct compat_document *document, bool is_old)
{
    return document ? side_root(side_new(ctx, document, is_old)) : (struct node){ 0 };
}

bool compat_event(struct ctx *ctx, const struct compat_document *old_schema,
                  const struct compat_document *new_schema, struct compat_findings *findings)
{
    struct event_pair pair = { ctx, root_of(ctx, old_schema, true), root_of(ctx, new_schema, false),
                               findings };
    if (!new_schema) {
        found_at(&pair, COMPAT_EVENT, RULE_EVENT_REMOVED, NULL, pair.before, (struct words){ 0 });
        return true;
    }
    if (!old_schema) {
        found_at(&pair, COMPAT_EVENT, RULE_EVENT_ADDED, NULL, pair.after, (struct words){ 0 });
        return compare_personal(&pair);
    }
    compare_header(&pair);
    return compare_data(&pair) && compare_personal(&pair);
}

bool compat_event_read(struct ctx *ctx, const struct compat_document *written,
                       const struct compat_document *read, struct compat_findings *findings)
{
    struct reading reading = { .ctx = ctx, .use = COMPAT_EVENT, .findings = findings };
    return compare_schemas(reading, root_of(ctx, written, true), root_of(ctx, read, false));
}
