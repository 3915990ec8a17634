/* bounce_show FILE...: what each mail tells, a line per recipient: file, kind, address, status, Message-ID. */
#include <stdio.h>
#include <stdlib.h>

#include "platform/mail/bounce.h"

static struct str file_read(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    char *bytes = arena_alloc(arena, 1 << 20);
    size_t n = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return (struct str){ bytes, n };
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct bounce bounce;
        if (!bounce_read(arena, mime_parse(arena, file_read(arena, argv[i])), &bounce))
            continue;
        for (size_t r = 0; r < bounce.n; r++)
            printf("%s\t%s\t" STR_FMT "\t" STR_FMT "\t" STR_FMT "\n", argv[i],
                   bounce_kind_name(bounce.recipients[r].kind),
                   STR_ARG(bounce.recipients[r].address), STR_ARG(bounce.recipients[r].status),
                   STR_ARG(bounce.message_id));
    }
    return 0;
}
