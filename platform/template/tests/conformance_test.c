/* The golden cases of Liquid (golden_liquid.json) from the folder $FANFARE_CONFORMANCE, or ../shared/conformance beside
 * the source tree, in text mode. A case that uses what is left out (the table below) is counted by its name; every other
 * one must pass. */
#include <stdio.h>
#include <stdlib.h>

#include "base/tests/check.h"
#include "platform/template/template.h"

/* By the tags of the cases, or by the name of one case. */
static struct {
    const char *tag, *name;
    const char *why;
    size_t n;
} left_out[] = {
    { .tag = "include tag",
      .why = "sees and changes the names of its caller; render takes its place" },
    { .name = "tags, case, unexpected when token",
      .why = "nonsense in `when` is an error here, as in the strict form of the same case" },
};

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

static bool has_tag(const struct json *test, const char *tag)
{
    for (struct json_iter it = json_iter(json_get(test, "tags")); json_next(&it);)
        if (str_is(json_str(it.value), tag))
            return true;
    return false;
}

static bool is_left_out(const struct json *test)
{
    for (size_t i = 0; i < COUNT(left_out); i++)
        if ((left_out[i].tag && has_tag(test, left_out[i].tag)) ||
            (left_out[i].name && str_is(json_str(json_get(test, "name")), left_out[i].name))) {
            left_out[i].n++;
            return true;
        }
    return false;
}

struct snippets {
    const struct json *sources;
    struct template *compiled[16];
    size_t n;
};

static const struct template *snippet(struct ctx *ctx, struct str name, void *argument)
{
    struct snippets *snippets = argument;
    const struct json *source = json_get_n(snippets->sources, name);
    if (!source)
        return ctx_fail(ctx, ERR_NOT_FOUND, "there is no such snippet"), NULL;
    REQUIRE(snippets->n < COUNT(snippets->compiled));
    return snippets->compiled[snippets->n++] = template_compile(ctx, json_str(source));
}

static bool is_wanted(const struct json *test, bool ok, struct str text)
{
    if (json_bool(json_get(test, "invalid")))
        return !ok;
    if (json_type(json_get(test, "result")) == JSON_STRING)
        return ok && str_eq(text, json_str(json_get(test, "result")));
    for (struct json_iter it = json_iter(json_get(test, "results")); ok && json_next(&it);)
        if (str_eq(text, json_str(it.value)))
            return true;
    return false;
}

static bool holds(const struct json *test)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct snippets snippets = { .sources = json_get(test, "templates") };
    struct template_options options = {
        .data = json_get(test, "data"), .text = true, .snippet = snippet, .argument = &snippets
    };
    struct str text = STR("");
    struct template *template = template_compile(&ctx, json_str(json_get(test, "template")));
    bool ok = template && template_render(&ctx, template, &options, &text);
    bool wanted = is_wanted(test, ok, text);
    if (!wanted)
        fprintf(stderr, STR_FMT "\n    gives \"" STR_FMT "\" " STR_FMT "\n",
                STR_ARG(json_text(arena, test)), STR_ARG(text), STR_ARG(ctx.error.detail));
    template_free(template);
    for (size_t i = 0; i < snippets.n; i++)
        template_free(snippets.compiled[i]);
    return wanted;
}

int main(int argc, char **argv)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    const char *folder = getenv("FANFARE_CONFORMANCE");
    if (!folder)
        folder = arena_printf(arena, "%s/../shared/conformance", argc > 1 ? argv[1] : ".").ptr;
    const char *path = arena_printf(arena, "%s/liquid/golden_liquid.json", folder).ptr;
    struct str text = read_file(arena, path);
    if (!text.ptr) {
        printf("skipped: there is no %s (set FANFARE_CONFORMANCE)\n", path);
        return 77;
    }
    const struct json *tests = json_get(json_parse(&ctx, text), "tests");
    size_t passed = 0, failed = tests == NULL, left = 0;
    for (struct json_iter it = json_iter(tests); json_next(&it);) {
        if (is_left_out(it.value))
            left++;
        else if (holds(it.value))
            passed++;
        else
            failed++;
    }
    for (size_t i = 0; i < COUNT(left_out); i++)
        printf("left out: %zu of \"%s\": %s\n", left_out[i].n,
               left_out[i].tag ? left_out[i].tag : left_out[i].name, left_out[i].why);
    printf("%zu passed, %zu failed, %zu left out\n", passed, failed, left);
    return failed || passed == 0;
}
