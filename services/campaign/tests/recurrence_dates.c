/* For recurrence_test.py: for each line "start_s n rule", the first n moments of the rule, or what is wrong with it. */
#include <stdio.h>
#include <stdlib.h>

#include "services/campaign/recurrence.h"

static void dates_print(const struct recurrence *rule, int64_t start_s, int n)
{
    int64_t at_s = INT64_MIN;
    for (int i = 0; i < n && recurrence_next(rule, start_s, at_s, &at_s); i++)
        printf("%s%lld", i ? " " : "", (long long)at_s);
    putchar('\n');
}

int main(void)
{
    char line[1024], text[1000];
    long long start_s;
    int n;
    while (fgets(line, sizeof(line), stdin) &&
           sscanf(line, "%lld %d %999s", &start_s, &n, text) == 3) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct ctx ctx = { .arena = arena };
        struct recurrence rule;
        if (recurrence_parse(&ctx, str_of(text), &rule))
            dates_print(&rule, start_s, n);
        else
            printf("refused: " STR_FMT "\n", STR_ARG(ctx.error.detail));
    }
    return 0;
}
