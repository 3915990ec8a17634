/* mint FOLDER SCOPES: prints a token, for tests that are not in C. */
#include <stdio.h>

#include "platform/token/token.h"

int main(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str token = { NULL, 0 };
    if (argc == 3)
        token =
            token_mint(&ctx, argv[1], STR("test"), str_of(argv[2]), (struct str){ NULL, 0 }, 600);
    printf("%s\n", token.ptr ? token.ptr : "");
    return token.ptr ? 0 : 1;
}
