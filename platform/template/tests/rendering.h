/* What the tests of templates share. */
#pragma once

#include "base/tests/check.h"
#include "platform/template/template.h"

/* A source, the data it sees (JSON; NULL: none), and what comes out, or the error's sentence. */
struct rendering {
    const char *source, *data, *result;
};

static inline struct str rendered(struct arena *arena, const char *source, const char *data,
                                  struct template_options options)
{
    struct ctx ctx = { .arena = arena };
    struct str text = STR("");
    if (data) {
        options.data = json_parse(&ctx, str_of(data));
        REQUIRE(options.data);
    }
    struct template *template = template_compile(&ctx, str_of(source));
    bool ok = template && template_render(&ctx, template, &options, &text);
    CHECK(ok == !ctx_failed(&ctx));
    template_free(template);
    return ok ? text : ctx.error.detail;
}

static inline void check_renderings(const struct rendering *renderings, size_t n,
                                    struct template_options options)
{
    for (size_t i = 0; i < n; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(0);
        struct str got = rendered(arena, renderings[i].source, renderings[i].data, options);
        check_str(got, renderings[i].result, renderings[i].source, __FILE__, __LINE__);
    }
}

#define CHECK_RENDERINGS(renderings, ...)                                                          \
    check_renderings((renderings), COUNT(renderings), (struct template_options){ __VA_ARGS__ })
