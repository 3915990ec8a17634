/* Fills search's index as its consumer does, in transactions of as many events: search_fill FOLDER FILE; a line of FILE is a
 * product as commerce tells it. Prints seconds, CPU seconds and how many. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "services/search/index.h"
#include "services/search/reactions.h"

#define BATCH 500 /* platform/events: a consumer's transaction */

static bool run(struct ctx *ctx, bool (*step)(struct ctx *ctx, void *store))
{
    return step(ctx, ctx->model) ||
           (fprintf(stderr, STR_FMT "\n", STR_ARG(ctx->error.detail)), exit(1), false);
}

static void hear(struct ctx *ctx, struct str line)
{
    struct product_upserted event;
    const struct json *json = json_parse(ctx, line);
    if (json && product_upserted_read(ctx, json, &event) &&
        on_product_upserted(ctx, &event) == DONE)
        return;
    fprintf(stderr, STR_FMT "\n", STR_ARG(ctx->error.detail));
    exit(1);
}

int main(int argc, char **argv)
{
    FILE *file = argc == 3 ? fopen(argv[2], "re") : NULL;
    struct ctx ctx = { .arena = arena_new(0) };
    char *line = NULL;
    size_t room = 0, n = 0;
    if (!file || !(ctx.model = index_open(&ctx, argv[1]))) {
        fprintf(stderr, "search_fill FOLDER FILE " STR_FMT "\n", STR_ARG(ctx.error.detail));
        return 2;
    }
    int64_t begun_us = clock_mono_us();
    for (ssize_t bytes; (bytes = getline(&line, &room, file)) > 0; n++) {
        if (n % BATCH == 0)
            run(&ctx, index_event_store.begin);
        hear(&ctx, (struct str){ line, (size_t)bytes });
        arena_clear(ctx.arena);
        if (n % BATCH == BATCH - 1)
            run(&ctx, index_event_store.commit);
    }
    if (n % BATCH)
        run(&ctx, index_event_store.commit);
    index_close(ctx.model);
    printf("{\"documents\":%zu,\"seconds\":%.2f,\"cpu_seconds\":%.2f}\n", n,
           (double)(clock_mono_us() - begun_us) / 1e6, (double)clock() / CLOCKS_PER_SEC);
    free(line);
    fclose(file);
    arena_free(ctx.arena);
    return 0;
}
