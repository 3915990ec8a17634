/* Fills the store of people for the benchmark `decide`: N people with features that follow from their number. Prints how
 * many there are.
 *
 * decide_people FOLDER N */
#include <stdio.h>
#include <stdlib.h>

#include "bench/people.h"
#include "services/personalization/people.h"

#define PER_COMMIT 10000

static bool fill(struct ctx *ctx, struct people *people, uint32_t from, uint32_t to)
{
    if (!people_event_store.begin(ctx, people))
        return false;
    for (uint32_t i = from; i < to; i++) {
        struct str id = arena_printf(ctx->arena, "prf_bench-%u", i);
        struct person room, *person;
        if (!people_update(ctx, people, id, &room, &person) || !person)
            return false;
        person_make(ctx, i, person);
        if (!people_put(ctx, people, id, person))
            return false;
    }
    return people_event_store.commit(ctx, people);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "decide_people FOLDER N\n");
        return 2;
    }
    uint32_t n = (uint32_t)strtoul(argv[2], NULL, 10);
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct people *people = people_open(&ctx, argv[1]);
    for (uint32_t i = 0; people && i < n && !ctx_failed(&ctx); i += PER_COMMIT) {
        CLEANUP(arena_freep) struct arena *own = arena_new(0);
        ctx.arena = own;
        fill(&ctx, people, i, MIN(i + PER_COMMIT, n));
        ctx.arena = arena;
    }
    people_close(people);
    if (ctx_failed(&ctx)) {
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
        return 1;
    }
    printf("%u\n", n);
    return 0;
}
