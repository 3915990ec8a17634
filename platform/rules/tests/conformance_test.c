/* The common JsonLogic set (json-logic/compat-tables, compatible.json) from the folder $FANFARE_CONFORMANCE, or
 * ../shared/conformance beside the source tree. Nothing of it is left out. */
#include <stdio.h>
#include <stdlib.h>

#include "base/tests/check.h"
#include "platform/rules/rules.h"

static struct str read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return (struct str){ NULL, 0 };
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = arena_alloc(arena, size + 1);
    size_t got = fread(text, 1, size, file);
    fclose(file);
    return (struct str){ text, got };
}

static bool holds(struct arena *arena, const struct json *test)
{
    struct ctx ctx = { .arena = arena };
    struct rule *rule = rule_compile(&ctx, json_get(test, "rule"));
    struct rule_input input = { .data = json_get(test, "data") };
    struct value result;
    struct json_out out;
    json_out_init(&out, arena);
    bool ok = rule && rule_evaluate(&ctx, rule, &input, &result);
    if (ok) {
        rule_put_value(&out, &result);
        ok = json_equal(json_parse(&ctx, json_out_str(&out)), json_get(test, "result"));
    }
    if (!ok)
        fprintf(stderr, STR_FMT " gives " STR_FMT " " STR_FMT "\n", STR_ARG(json_text(arena, test)),
                STR_ARG(json_out_str(&out)), STR_ARG(ctx.error.detail));
    rule_free(rule);
    return ok;
}

int main(int argc, char **argv)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    const char *folder = getenv("FANFARE_CONFORMANCE");
    if (!folder)
        folder = arena_printf(arena, "%s/../shared/conformance", argc > 1 ? argv[1] : ".").ptr;
    const char *path = arena_printf(arena, "%s/jsonlogic/compatible.json", folder).ptr;
    struct str text = read_file(arena, path);
    if (!text.ptr) {
        printf("skipped: there is no %s (set FANFARE_CONFORMANCE)\n", path);
        return 77;
    }
    const struct json *tests = json_parse(&ctx, text);
    size_t passed = 0, failed = tests == NULL;
    for (struct json_iter it = json_iter(tests); json_next(&it);) {
        if (json_type(it.value) != JSON_OBJECT)
            continue; /* a heading */
        if (holds(arena, it.value))
            passed++;
        else
            failed++;
    }
    printf("%zu passed, %zu failed, none skipped\n", passed, failed);
    return failed || passed == 0;
}
