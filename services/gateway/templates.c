#include "services/gateway/templates.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

/* One snippet as it was at a moment. */
struct compiled {
    struct template *template; /* NULL: `why` it is none */
    enum error_code code;
    char *why;
    int refs;
    int64_t published_us, checked_us;
    uint64_t key; /* of name and locale */
};

struct templates {
    pthread_mutex_t mutex;
    struct compiled *kept[TEMPLATES_KEPT]; /* NULL: free */
};

struct templates *templates_new(void)
{
    struct templates *templates = mem_alloc(sizeof(*templates));
    pthread_mutex_init(&templates->mutex, NULL);
    return templates;
}

/* With the lock held. */
static void compiled_drop(struct compiled *compiled)
{
    if (!compiled || --compiled->refs > 0)
        return;
    template_free(compiled->template);
    free(compiled->why);
    free(compiled);
}

void templates_free(struct templates *templates)
{
    if (!templates)
        return;
    for (size_t i = 0; i < TEMPLATES_KEPT; i++)
        compiled_drop(templates->kept[i]);
    pthread_mutex_destroy(&templates->mutex);
    free(templates);
}

/* The place of this key, or the one that was looked at longest ago. With the lock held. */
static struct compiled **place_of(struct templates *templates, uint64_t key)
{
    struct compiled **oldest = &templates->kept[0];
    for (size_t i = 0; i < TEMPLATES_KEPT; i++) {
        struct compiled **place = &templates->kept[i];
        if (*place && (*place)->key == key)
            return place;
        if (*oldest && (!*place || (*place)->checked_us < (*oldest)->checked_us))
            oldest = place;
    }
    return oldest;
}

/* What is kept of it and needs no look at the disk; a reference for the caller, or NULL. */
static struct compiled *fresh(struct templates *templates, uint64_t key)
{
    pthread_mutex_lock(&templates->mutex);
    struct compiled *kept = *place_of(templates, key);
    bool good = kept && kept->key == key && clock_mono_us() - kept->checked_us < TEMPLATES_FRESH_US;
    if (good)
        kept->refs++;
    pthread_mutex_unlock(&templates->mutex);
    return good ? kept : NULL;
}

/* The same snippet as before need not be compiled again. */
static struct compiled *same(struct templates *templates, uint64_t key, int64_t published_us)
{
    pthread_mutex_lock(&templates->mutex);
    struct compiled *kept = *place_of(templates, key);
    bool good = kept && kept->key == key && kept->published_us == published_us;
    if (good) {
        kept->refs++;
        kept->checked_us = clock_mono_us();
    }
    pthread_mutex_unlock(&templates->mutex);
    return good ? kept : NULL;
}

static struct compiled *keep(struct templates *templates, struct compiled *compiled)
{
    pthread_mutex_lock(&templates->mutex);
    struct compiled **place = place_of(templates, compiled->key);
    compiled_drop(*place);
    *place = compiled;
    compiled->refs = 2; /* the place's and the caller's */
    pthread_mutex_unlock(&templates->mutex);
    return compiled;
}

static struct compiled *compile(struct ctx *ctx, struct templates_use *use, struct str name,
                                uint64_t key)
{
    struct published snippet = { 0 };
    bool found = edge_shown(ctx, use->edge, ENTRY_KIND_SNIPPET, name, use->locale, &snippet);
    struct compiled *compiled = same(use->templates, key, snippet.published_at);
    if (compiled)
        return compiled;
    compiled = mem_alloc(sizeof(*compiled));
    *compiled = (struct compiled){ .key = key,
                                   .published_us = snippet.published_at,
                                   .checked_us = clock_mono_us() };
    if (found)
        compiled->template = template_compile(ctx, json_str(json_get(snippet.document, "liquid")));
    else
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no snippet of this name");
    compiled->code = ctx->error.code;
    compiled->why = mem_strdup(ctx->error.detail.ptr ? ctx->error.detail.ptr : "");
    ctx_clear(ctx);
    return keep(use->templates, compiled);
}

const struct template *templates_take(struct ctx *ctx, struct templates_use *use, struct str name)
{
    uint64_t key = hash_fnv1a(name.ptr, name.len) * 31 +
                   hash_fnv1a(use->locale.ptr, use->locale.len);
    if (use->n == TEMPLATES_KEPT) {
        ctx_fail(ctx, ERR_TOO_LARGE, "a page takes more than %d snippets", TEMPLATES_KEPT);
        return NULL;
    }
    struct compiled *compiled = fresh(use->templates, key);
    if (!compiled)
        compiled = compile(ctx, use, name, key);
    use->taken[use->n++] = compiled;
    if (!compiled->template)
        ctx_fail(ctx, compiled->code, STR_FMT ": %s", STR_ARG(name), compiled->why);
    return compiled->template;
}

void templates_give(struct templates_use *use)
{
    pthread_mutex_lock(&use->templates->mutex);
    for (size_t i = 0; i < use->n; i++)
        compiled_drop(use->taken[i]);
    pthread_mutex_unlock(&use->templates->mutex);
    use->n = 0;
}
