/* How many events of a file a core validates in a second.
 *
 * schema_rate SCHEMA EVENTS SECONDS
 *
 * EVENTS has one a line. Prints {"validate": N, "both": N}: of events that are parsed already, and of their text. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/schema/schema.h"

static struct {
    struct str *texts;
    const struct json **events;
    size_t n;
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

static void load_events(struct ctx *ctx, struct str text)
{
    size_t most = 0;
    for (size_t i = 0; i < text.len; i++)
        most += text.ptr[i] == '\n';
    load.texts = ARENA_ARRAY(ctx->arena, struct str, most);
    load.events = ARENA_ARRAY(ctx->arena, const struct json *, most);
    for (const char *at = text.ptr, *end; load.n < most; at = end + 1, load.n++) {
        end = strchr(at, '\n');
        load.texts[load.n] = (struct str){ at, (size_t)(end - at) };
        load.events[load.n] = json_parse(ctx, load.texts[load.n]);
        REQUIRE(load.events[load.n]);
    }
    REQUIRE(load.n);
}

/* Rounds over all events until the time is over; events in a second of CPU. */
static double rate(struct ctx *ctx, const struct schema *schema, double seconds, bool parse)
{
    int64_t until = clock_mono_us() + (int64_t)(seconds * US_PER_S), done = 0;
    clock_t before = clock();
    do {
        for (size_t i = 0; i < load.n; i++) {
            const struct json *event = parse ? json_parse(ctx, load.texts[i]) : load.events[i];
            REQUIRE(event && schema_validate(ctx, schema, event));
            if (parse)
                arena_clear(ctx->arena);
        }
        done += (int64_t)load.n;
    } while (clock_mono_us() < until);
    return (double)done * CLOCKS_PER_SEC / (double)(clock() - before);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "schema_rate SCHEMA EVENTS SECONDS\n");
        return 2;
    }
    CLEANUP(arena_freep) struct arena *kept = arena_new(0);
    CLEANUP(arena_freep) struct arena *passing = arena_new(0);
    struct ctx setup = { .arena = kept }, ctx = { .arena = passing };
    struct schema_options options = { .assert_formats = true };
    const struct json *document = json_parse(&setup, read_file(kept, argv[1]));
    struct schema *schema = document ? schema_compile(&setup, document, &options) : NULL;
    REQUIRE(schema);
    load_events(&setup, read_file(kept, argv[2]));

    double seconds = atof(argv[3]);
    size_t held = arena_bytes(passing);
    double validate = rate(&ctx, schema, seconds, false);
    REQUIRE(arena_bytes(passing) == held); /* what is valid costs no memory */
    double both = rate(&ctx, schema, seconds, true);
    printf("{\"validate\": %.0f, \"both\": %.0f}\n", validate, both);
    schema_free(schema);
    return 0;
}
