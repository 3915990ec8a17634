#include <stdio.h>

#include "cli/command.h"

#define VERSION "0.1.0"

static const struct command *const commands[] = {
    &command_up,     &command_down,   &command_status,   &command_stop,      &command_start,
    &command_import, &command_export, &command_token,    &command_write_key, &command_rotate_key,
    &command_events, &command_dlq,    &command_contract,
};

static void usage(FILE *to)
{
    fprintf(to, "Usage: fanfare COMMAND [OPTION]...\n\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->help);
    fprintf(to, "\n`fanfare COMMAND --help` tells what a command takes.\n");
}

static void command_usage(const struct command *command)
{
    printf("Usage: fanfare %s %s\n\n%s.\n\n%s", command->name, command->arguments, command->help,
           command->details);
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run(const struct command *command, int argc, char **argv)
{
    if (asks_help(argc, argv)) {
        command_usage(command);
        return 0;
    }
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    int status = command->run(&ctx, argc, argv);
    arena_free(arena);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("fanfare %s\n", VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run(commands[i], argc - 1, argv + 1);
    fprintf(stderr, "fanfare: there is no command %s\n\n", argv[1]);
    usage(stderr);
    return 2;
}
