/* How many newsletters a core renders in a second.
 *
 * template_rate TEMPLATE DATA SECONDS RESULT
 *
 * Prints {"render": N, "both": N, "compile": N}: of data that is parsed already, of its text, and how often the template
 * is compiled. What the first rendering gave is written to RESULT. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/template/template.h"

#define AT_A_TIME 100 /* between two looks at the clock */

enum job { RENDER, BOTH, COMPILE };

static struct {
    struct str source, text;
    const struct json *data;
    struct template *template;
} load;

static struct str read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    REQUIRE(file);
    REQUIRE(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    REQUIRE(size >= 0);
    rewind(file);
    char *text = arena_alloc(arena, (size_t)size + 1);
    REQUIRE(fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return (struct str){ text, (size_t)size };
}

static struct str once(struct ctx *ctx, enum job job)
{
    struct str result = STR("");
    if (job == COMPILE) {
        struct template *template = template_compile(ctx, load.source);
        REQUIRE(template);
        template_free(template);
        return result;
    }
    struct template_options options = { .data = job == BOTH ? json_parse(ctx, load.text)
                                                            : load.data };
    REQUIRE(options.data && template_render(ctx, load.template, &options, &result));
    return result;
}

/* In a second of CPU. */
static double rate(struct ctx *ctx, enum job job, double seconds)
{
    int64_t until = clock_mono_us() + (int64_t)(seconds * US_PER_S), done = 0;
    clock_t before = clock();
    do {
        for (int i = 0; i < AT_A_TIME; i++) {
            once(ctx, job);
            arena_clear(ctx->arena);
        }
        done += AT_A_TIME;
    } while (clock_mono_us() < until);
    return (double)done * CLOCKS_PER_SEC / (double)(clock() - before);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "template_rate TEMPLATE DATA SECONDS RESULT\n");
        return 2;
    }
    CLEANUP(arena_freep) struct arena *kept = arena_new(0);
    CLEANUP(arena_freep) struct arena *passing = arena_new(0);
    struct ctx setup = { .arena = kept }, ctx = { .arena = passing };
    load.source = read_file(kept, argv[1]);
    load.text = read_file(kept, argv[2]);
    load.data = json_parse(&setup, load.text);
    load.template = template_compile(&setup, load.source);
    REQUIRE(load.data && load.template);

    struct str result = once(&setup, RENDER);
    FILE *file = fopen(argv[4], "wb");
    REQUIRE(file && fwrite(result.ptr, 1, result.len, file) == result.len && fclose(file) == 0);
    double seconds = atof(argv[3]), rates[3];
    for (enum job job = RENDER; job <= COMPILE; job++)
        rates[job] = rate(&ctx, job, seconds);
    printf("{\"render\": %.0f, \"both\": %.0f, \"compile\": %.0f}\n", rates[RENDER], rates[BOTH],
           rates[COMPILE]);
    template_free(load.template);
    return 0;
}
