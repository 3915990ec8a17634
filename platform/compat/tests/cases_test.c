/* The rules on cases: `cases_test [--all-rules] FILE...` (JSON or YAML), each a list of
 *   { "name", "kind": "schema" | "event" | "openapi", "old", "new", "closed"?, "others"?: { URI: document },
 *     "backward"? / "forward"? (schemas) or "expect" (others): ["breaking length-most lines[].note: sentence", ...] }
 * where a text is the severity, the rule, the place and, after ": ", the sentence, the last two left out at will.
 * --all-rules: each rule of the table is found by some case. */
#include <stdio.h>

#include "base/tests/check.h"
#include "platform/compat/compat.h"

#define RULES_AT_MOST 128

static bool rule_found[RULES_AT_MOST];

static void note_rules(const struct compat_findings *findings)
{
    size_t n;
    const struct compat_rule *rules = compat_rules(&n);
    REQUIRE(n <= RULES_AT_MOST);
    for (size_t i = 0; i < findings->n; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(rules[k].name, findings->items[i].rule) == 0)
                rule_found[k] = true;
}

static void check_all_rules(void)
{
    size_t n;
    const struct compat_rule *rules = compat_rules(&n);
    for (size_t k = 0; k < n; k++)
        if (!CHECK(rule_found[k]))
            fprintf(stderr, "  no case finds \"%s\"\n", rules[k].name);
}

static const struct json *other_document(struct ctx *ctx, struct str uri, void *argument)
{
    return json_get_n(argument, uri);
}

static struct compat_document document_of(const struct json *test, const char *key)
{
    return (struct compat_document){ .root = json_get(test, key),
                                     .resolve = other_document,
                                     .argument = (void *)(uintptr_t)json_get(test, "others"),
                                     .closed = json_bool(json_get(test, "closed")) };
}

static struct str text_of(struct arena *arena, const struct compat_finding *finding, int parts)
{
    struct str text =
        arena_printf(arena, "%s %s", compat_severity_name(finding->severity), finding->rule);
    if (parts > 0)
        text = arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(text), STR_ARG(finding->place));
    if (parts > 1)
        text = arena_printf(arena, STR_FMT ": " STR_FMT, STR_ARG(text), STR_ARG(finding->sentence));
    return text;
}

static bool is_expected(struct arena *arena, const struct compat_finding *finding,
                        const struct json *expected)
{
    for (struct json_iter it = json_iter(expected); json_next(&it);)
        for (int parts = 0; parts < 3; parts++)
            if (str_eq(text_of(arena, finding, parts), json_str(it.value)))
                return true;
    return false;
}

static bool is_found(struct arena *arena, const struct compat_findings *findings,
                     struct str expected)
{
    for (size_t i = 0; i < findings->n; i++)
        for (int parts = 0; parts < 3; parts++)
            if (str_eq(text_of(arena, &findings->items[i], parts), expected))
                return true;
    return false;
}

static void show(struct arena *arena, const struct compat_findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        fprintf(stderr, "    " STR_FMT "  (" STR_FMT "%s)\n",
                STR_ARG(text_of(arena, &findings->items[i], 2)),
                STR_ARG(findings->items[i].pointer), findings->items[i].in_old ? ", old" : "");
}

static void check_findings(struct arena *arena, const struct json *test, const char *what,
                           const struct compat_findings *findings)
{
    const struct json *expected = json_get(test, what);
    bool same = true;
    if (json_type(expected) == JSON_BOOL) {
        same = json_bool(expected) == (findings->worst < COMPAT_BREAKING);
    } else {
        for (struct json_iter it = json_iter(expected); json_next(&it);)
            same &= is_found(arena, findings, json_str(it.value));
        for (size_t i = 0; i < findings->n; i++)
            same &= is_expected(arena, &findings->items[i], expected);
    }
    if (CHECK(same))
        return;
    fprintf(stderr, "  " STR_FMT ", %s: wanted " STR_FMT ", found:\n",
            STR_ARG(json_str(json_get(test, "name"))), what, STR_ARG(json_text(arena, expected)));
    show(arena, findings);
}

static bool judge(struct ctx *ctx, const struct json *test, const char *what,
                  struct compat_findings *findings)
{
    struct compat_document before = document_of(test, "old"), after = document_of(test, "new");
    struct str kind = json_str(json_get(test, "kind"));
    if (str_is(kind, "event"))
        return compat_event(ctx, before.root ? &before : NULL, after.root ? &after : NULL,
                            findings);
    if (str_is(kind, "openapi"))
        return compat_openapi(ctx, &before, &after, findings);
    bool forward = strcmp(what, "forward") == 0;
    return compat_json_schema(ctx, &before, &after, forward ? COMPAT_FORWARD : COMPAT_BACKWARD,
                              findings);
}

static void check_case(const struct json *test)
{
    static const char *const whats[] = { "backward", "forward", "expect" };
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    for (size_t i = 0; i < COUNT(whats); i++) {
        struct ctx ctx = { .arena = arena };
        struct compat_findings findings = { 0 };
        if (!json_get(test, whats[i]))
            continue;
        const struct json *error = json_get(test, "error");
        if (!judge(&ctx, test, whats[i], &findings)) {
            if (!CHECK(str_eq(ctx.error.detail, json_str(error))))
                fprintf(stderr, "  " STR_FMT ": " STR_FMT "\n",
                        STR_ARG(json_str(json_get(test, "name"))), STR_ARG(ctx.error.detail));
            continue;
        }
        check_findings(arena, test, whats[i], &findings);
        note_rules(&findings);
    }
}

static struct str file_text(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = arena_alloc(arena, (size_t)size + 1);
    REQUIRE(fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return (struct str){ text, (size_t)size };
}

int main(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    bool all = argc > 1 && strcmp(argv[1], "--all-rules") == 0;
    for (int i = 1 + all; i < argc; i++) {
        struct ctx ctx = { .arena = arena };
        struct str text = file_text(arena, argv[i]);
        const struct json *cases = str_ends(str_of(argv[i]), STR(".json"))
                                       ? json_parse(&ctx, text)
                                       : json_parse_yaml(&ctx, text);
        if (!CHECK(cases != NULL))
            fprintf(stderr, "  %s: " STR_FMT "\n", argv[i], STR_ARG(ctx.error.detail));
        for (struct json_iter it = json_iter(cases); json_next(&it);)
            check_case(it.value);
    }
    if (all)
        check_all_rules();
    return check_end();
}
