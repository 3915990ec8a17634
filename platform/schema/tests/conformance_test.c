/* JSON Schema's own test suite (json-schema-org/JSON-Schema-Test-Suite), draft 2020-12, from the folder
 * $FANFARE_CONFORMANCE, or ../shared/conformance beside the source tree. Nothing of it is left out. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tests/check.h"
#include "platform/schema/schema.h"

#define REMOTE "http://localhost:1234/"

static const char *folder;
static size_t failed, passed;

/* ptr NULL when it cannot be read. */
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

static const struct json *remote(struct ctx *ctx, struct str uri, void *argument)
{
    if (!str_starts(uri, STR(REMOTE)))
        return NULL;
    struct str path = arena_printf(ctx->arena, "%s/json-schema/remotes/" STR_FMT, folder,
                                   (int)(uri.len - strlen(REMOTE)), uri.ptr + strlen(REMOTE));
    struct str text = read_file(ctx->arena, path.ptr);
    return text.ptr ? json_parse(ctx, text) : NULL;
}

static void run_group(struct arena *arena, const char *file, const struct json *group)
{
    struct str name = json_str(json_get(group, "description"));
    const struct json *tests = json_get(group, "tests");
    struct ctx ctx = { .arena = arena };
    struct schema_options options = { .resolve = remote };
    struct schema *schema = schema_compile(&ctx, json_get(group, "schema"), &options);
    if (!schema) {
        fprintf(stderr, "%s, " STR_FMT ": does not compile: " STR_FMT ": " STR_FMT "\n", file,
                STR_ARG(name), STR_ARG(ctx.error.pointer), STR_ARG(ctx.error.detail));
        failed += json_size(tests);
        return;
    }
    for (struct json_iter it = json_iter(tests); json_next(&it);) {
        struct ctx each = { .arena = arena };
        bool valid = schema_validate(&each, schema, json_get(it.value, "data"));
        if (valid == json_bool(json_get(it.value, "valid")) && ctx_failed(&each) == !valid) {
            passed++;
            continue;
        }
        failed++;
        fprintf(stderr, "%s, " STR_FMT ", " STR_FMT ": %s " STR_FMT "\n", file, STR_ARG(name),
                STR_ARG(json_str(json_get(it.value, "description"))),
                valid ? "fits" : "does not fit", STR_ARG(each.error.detail));
    }
    schema_free(schema);
}

static void run_file(const char *file)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str text =
        read_file(arena, arena_printf(arena, "%s/json-schema/draft2020-12/%s", folder, file).ptr);
    const struct json *groups = json_parse(&ctx, text);
    if (!groups) {
        fprintf(stderr, "%s: " STR_FMT "\n", file, STR_ARG(ctx.error.detail));
        failed++;
        return;
    }
    size_t passed_before = passed, failed_before = failed;
    for (struct json_iter it = json_iter(groups); json_next(&it);)
        run_group(arena, file, it.value);
    printf("%-28s %4zu passed, %zu failed\n", file, passed - passed_before, failed - failed_before);
}

int main(int argc, char **argv)
{
    char beside[4096], path[5000];
    folder = getenv("FANFARE_CONFORMANCE");
    if (!folder) {
        snprintf(beside, sizeof(beside), "%s/../shared/conformance", argc > 1 ? argv[1] : ".");
        folder = beside;
    }
    snprintf(path, sizeof(path), "%s/json-schema/draft2020-12", folder);
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        printf("skipped: there is no %s (set FANFARE_CONFORMANCE)\n", path);
        return 77;
    }
    for (int i = 0; i < n; i++) {
        if (strstr(entries[i]->d_name, ".json"))
            run_file(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    printf("%zu passed, %zu failed, none skipped\n", passed, failed);
    return failed || passed == 0;
}
