/* Templates that never end, or grow: a clear error, soon, and in little memory. */
#include "base/clock.h"
#include "platform/template/tests/rendering.h"

#define STEPS "the template takes more than 500000 steps"
#define BYTES "the result has more than 4194304 bytes"

static const struct {
    const char *source, *error;
} endless[] = {
    { "{% for a in (1..999999999999) %}{% endfor %}", STEPS },
    { "{% for a in (1..9999) %}{% for b in (1..9999) %}{% endfor %}{% endfor %}", STEPS },
    { "{% for a in (1..9999) %}{% for b in (1..9999) %}.{% endfor %}{% endfor %}", STEPS },
    { "{% for a in (1..99999) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}",
      BYTES },
    { "{% assign a = 'x' %}{% for b in (1..99999) %}{% assign a = a | append: a %}{% endfor %}",
      STEPS },
    { "{% assign a = 'x' %}{% for b in (1..99999) %}{% assign a = a | replace: 'x', 'xx' %}{% endfor %}",
      STEPS },
    { "{% assign a = 'xy' %}{% for b in (1..99999) %}{% assign a = a | replace: '', a %}{% endfor %}",
      STEPS },
    { "{% assign a = '<' %}{% for b in (1..99999) %}{% assign a = a | escape %}{% assign a = a | append: a %}"
      "{% endfor %}",
      STEPS },
    { "{% assign a = 'a' | split: '' %}{% for b in (1..99999) %}{% assign a = a | concat: a %}{% endfor %}",
      STEPS },
    { "{% assign a = 'x' %}{% for b in (1..99) %}{% capture a %}{{ a }}{{ a }}{% endcapture %}{% endfor %}",
      BYTES },
    { "{% assign a = (1..20000) | join: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' %}"
      "{% for b in (1..99) %}{{ a }}{% endfor %}",
      BYTES },
    { "{{ (1..999999999) | join: '' }}", STEPS },
    { "{{ (1..999999999) | reverse }}", STEPS },
    { "{{ (1..999999999) | sort }}", STEPS },
    { "{{ (1..90000) | uniq }}", STEPS },
    { "{% if (1..999999999) contains 'a' %}{% endif %}", STEPS },
    { "{% tablerow a in (1..9999999) cols: 1 %}{% endtablerow %}", STEPS },
    { "{% for a in (1..999999) %}{% cycle a: 1, 2 %}{% endfor %}", STEPS },
    { "{% for a in (1..9999999) %}{% case a %}{% when 0 %}{% endcase %}{% endfor %}", STEPS },
    { "{% for a in (1..99999) %}{% render 'loop' %}{% endfor %}", STEPS },
    { "{% render 'wide' for (1..999999999) %}", STEPS },
    { "{% assign a = '          ' %}{% for b in (1..15) %}{% assign a = a | append: a %}{% endfor %}"
      "{% for b in (1..99999) %}{% assign c = a | strip %}{% if a == blank %}{% endif %}{% endfor %}",
      STEPS },
    { "{% for b in (1..99999) %}{% if big == big %}{% endif %}{% endfor %}", STEPS },
    { "{% for b in (1..99999) %}{% if text == text %}{% endif %}{% if text < text %}{% endif %}{% endfor %}",
      STEPS },
    { "{% for b in (1..99999) %}{{ text | replace_last: text, '' }}{% cycle text: 1 %}{% endfor %}",
      STEPS },
    { "{% render 'self' %}", "more than 16 snippets are inside each other" },
    { "{% render 'this' %}", "more than 16 snippets are inside each other" },
    { "{% render 'two' %}", "more than 16 snippets are inside each other" },
};

static const struct {
    const char *name, *source;
} sources[] = {
    { "loop", "{% for a in (1..99999) %}{% endfor %}" },
    { "wide", "{% for a in (1..999) %}{% endfor %}" },
    { "self", "{% render 'self' %}" },
    { "this", "{% render 'that' %}" },
    { "that", "{% render 'this' %}" },
    { "two", "{% for a in (1..2) %}{% render 'two' %}{% endfor %}" },
};

static struct template *compiled[COUNT(sources)];

static const struct template *snippet(struct ctx *ctx, struct str name, void *argument)
{
    for (size_t i = 0; i < COUNT(sources); i++)
        if (str_is(name, sources[i].name)) {
            if (!compiled[i])
                compiled[i] = template_compile(ctx, str_of(sources[i].source));
            return compiled[i];
        }
    return NULL;
}

static struct str repeated(struct arena *arena, const char *text, size_t n)
{
    size_t length = strlen(text);
    char *all = arena_alloc(arena, n * length + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(all + i * length, text, length);
    return (struct str){ all, n * length };
}

/* A large text, and objects inside objects. */
static const struct json *large_data(struct ctx *ctx)
{
    struct str text = repeated(ctx->arena, "x", 200000);
    struct str member = repeated(ctx->arena, "{\"a\":[1,2,{\"b\":\"c\"}]},", 10000);
    member.len--;
    const struct json *data = json_parse(
        ctx, arena_printf(ctx->arena, "{\"text\":\"" STR_FMT "\",\"big\":{\"deep\":[" STR_FMT "]}}",
                          STR_ARG(text), STR_ARG(member)));
    REQUIRE(data);
    return data;
}

static void check_endless(const char *source, const char *error)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str text;
    struct template *template = template_compile(&ctx, str_of(source));
    struct template_options options = { .data = large_data(&ctx), .snippet = snippet };
    REQUIRE(template);
    int64_t begun = clock_mono_us();
    bool ok = template_render(&ctx, template, &options, &text);
    bool said = !ok && strstr(ctx.error.detail.ptr, error);
    if (!said || ctx.error.code != ERR_TOO_LARGE)
        fprintf(stderr, "%s: %s\n", source, ok ? "ends" : ctx.error.detail.ptr);
    CHECK(said && ctx.error.code == ERR_TOO_LARGE);
    CHECK(clock_mono_us() - begun < 10 * US_PER_S);
    CHECK(arena_bytes(arena) < 192u << 20);
    template_free(template);
}

/* The options of the caller. */
static void test_limits_of_the_caller(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    const char *loop = "{% for a in (1..10) %}.{% endfor %}";
    CHECK_STR(rendered(arena, loop, NULL, (struct template_options){ .most_bytes = 10 }),
              "..........");
    CHECK_STR(rendered(arena, loop, NULL, (struct template_options){ .most_bytes = 9 }),
              "line 1, column 23: the result has more than 9 bytes");
    CHECK_STR(rendered(arena, loop, NULL, (struct template_options){ .most_steps = 33 }),
              "..........");
    CHECK_STR(rendered(arena, loop, NULL, (struct template_options){ .most_steps = 32 }),
              "line 1, column 3: the template takes more than 32 steps");
}

static void check_refused(struct str source, const char *error)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct template *template = template_compile(&ctx, source);
    if (!CHECK(!template && strstr(ctx.error.detail.ptr, error)))
        fprintf(stderr, "%s: %s\n", error, template ? "compiles" : ctx.error.detail.ptr);
    template_free(template);
}

static void test_sources_that_are_too_deep_or_too_long(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    check_refused(repeated(arena, "{% if a %}", 200), "more than 100 blocks and brackets");
    check_refused(repeated(arena, "{% liquid\n if a\n", 60), "has no meaning");
    check_refused(arena_printf(arena, "{{ " STR_FMT, STR_ARG(repeated(arena, "(", 100000))),
                  "more than 100 blocks and brackets");
    check_refused(arena_printf(arena, "{{ " STR_FMT, STR_ARG(repeated(arena, "[a", 100000))),
                  "more than 100 blocks and brackets");
    check_refused(arena_printf(arena, "{{ a" STR_FMT, STR_ARG(repeated(arena, ".a", 100000))),
                  "more than 32 steps");
    check_refused(repeated(arena, "x", (1u << 20) + 1), "more than 1048576 bytes");
    check_refused(STR("\xff"), "not UTF-8");
    check_refused(repeated(arena, "{% comment %}", 50000), "comment is not closed");
}

/* Sources for which a careless compiler takes minutes. */
static void test_compiling_takes_as_long_as_the_source(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    int64_t begun = clock_mono_us();
    check_refused(
        arena_printf(arena, "{%% raw %%}" STR_FMT, STR_ARG(repeated(arena, "{%", 500000))),
        "raw is not closed");
    check_refused(arena_printf(arena, STR_FMT "{%%",
                               STR_ARG(repeated(arena, "{% doc %}{% enddoc %}", 40000))),
                  "the name of a tag is missing");
    check_refused(arena_printf(arena, STR_FMT "{%%",
                               STR_ARG(repeated(arena, "{% raw %}{% endraw %}", 40000))),
                  "the name of a tag is missing");
    char *names = arena_alloc(arena, 50000 * 16), *at = names;
    for (int i = 0; i < 50000; i++)
        at += sprintf(at, "{{ a%d }}", i);
    check_refused((struct str){ names, (size_t)(at - names) }, "more than 1000 names");
    CHECK(clock_mono_us() - begun < 20 * US_PER_S);
}

int main(void)
{
    for (size_t i = 0; i < COUNT(endless); i++)
        check_endless(endless[i].source, endless[i].error);
    test_limits_of_the_caller();
    test_sources_that_are_too_deep_or_too_long();
    test_compiling_takes_as_long_as_the_source();
    for (size_t i = 0; i < COUNT(sources); i++)
        template_free(compiled[i]);
    return check_end();
}
