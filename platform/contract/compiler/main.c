/* contractc: openapi.yaml and event schemas to C. See docs/contracts.md. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "platform/contract/compiler/compiler.h"

static const char usage[] =
    "contractc --service NAME --out-dir DIR [--depfile FILE] [--guard] [OPENAPI.yaml] [EVENT.json | FOLDER]...\n"
    "Writes NAME_types, NAME_client, NAME_events and NAME_contract, .h and .c, into DIR. A folder stands for the\n"
    "event schemas in it. --guard: only who defines OWNS_<NAME> may include NAME_contract.h and publish.\n";

bool wrong(struct compiler *c, struct spot spot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vprintf(c->arena, format, args);
    va_end(args);
    fprintf(stderr, "%s#" STR_FMT ": " STR_FMT "\n", spot.document->path, STR_ARG(spot.pointer),
            STR_ARG(sentence));
    c->errors++;
    return false;
}

bool wrong_file(struct compiler *c, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vprintf(c->arena, format, args);
    va_end(args);
    fprintf(stderr, "%s: " STR_FMT "\n", path, STR_ARG(sentence));
    c->errors++;
    return false;
}

struct arguments {
    const char *service, *out_dir, *depfile, *openapi;
    const char **events;
    size_t n_events;
    const char *folders[8];
    size_t n_folders;
    bool guard;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_event(struct arguments *arguments, const char *path)
{
    arguments->events =
        mem_realloc(arguments->events, (arguments->n_events + 1) * sizeof(*arguments->events));
    arguments->events[arguments->n_events++] = path;
}

static bool add_folder(struct compiler *c, struct arguments *arguments, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return wrong_file(c, folder, "%s", strerror(errno));
    for (struct dirent *at; (at = readdir(dir));)
        if (at->d_name[0] != '.' && str_ends(str_of(at->d_name), STR(".json")))
            add_event(arguments, arena_printf(c->arena, "%s/%s", folder, at->d_name).ptr);
    closedir(dir);
    if (arguments->n_folders < COUNT(arguments->folders))
        arguments->folders[arguments->n_folders++] = folder;
    return true;
}

static bool add_input(struct compiler *c, struct arguments *arguments, const char *path)
{
    struct str name = str_of(path);
    const char *slash = strrchr(path, '/');
    bool in_events = slash && slash - path >= 6 && strncmp(slash - 6, "events", 6) == 0;
    if (str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")) ||
        (str_ends(name, STR(".json")) && !in_events)) {
        if (arguments->openapi)
            return wrong_file(c, path, "a service has one contract, and %s is it",
                              arguments->openapi);
        arguments->openapi = path;
        return true;
    }
    if (!str_ends(name, STR(".json")))
        return add_folder(c, arguments, path);
    add_event(arguments, path);
    return true;
}

static bool arguments_read(struct compiler *c, int argc, char **argv, struct arguments *out)
{
    for (int i = 1; i < argc; i++) {
        const char **option = strcmp(argv[i], "--service") == 0 ? &out->service
                              : strcmp(argv[i], "--out-dir") == 0 ? &out->out_dir
                              : strcmp(argv[i], "--depfile") == 0 ? &out->depfile
                                                                  : NULL;
        if (option && i + 1 < argc)
            *option = argv[++i];
        else if (strcmp(argv[i], "--guard") == 0)
            out->guard = true;
        else if (argv[i][0] == '-' || !add_input(c, out, argv[i]))
            return false;
    }
    if (out->n_events)
        qsort(out->events, out->n_events, sizeof(*out->events), by_name);
    return out->service && out->out_dir && name_is_snake(str_of(out->service));
}

static bool write_file(struct compiler *c, const char *out_dir, const char *suffix,
                       void (*write)(struct compiler *c, FILE *out))
{
    struct str path = arena_printf(c->arena, "%s/%s_%s", out_dir, c->service, suffix);
    FILE *out = fopen(path.ptr, "w");
    if (!out)
        return wrong_file(c, path.ptr, "%s", strerror(errno));
    write(c, out);
    bool failed = ferror(out);
    if (fclose(out) != 0 || failed)
        return wrong_file(c, path.ptr, "could not be written: %s", strerror(errno));
    return true;
}

static bool write_all(struct compiler *c, const char *out_dir)
{
    return write_file(c, out_dir, "types.h", write_types_h) &&
           write_file(c, out_dir, "types.c", write_types_c) &&
           write_file(c, out_dir, "events.h", write_events_h) &&
           write_file(c, out_dir, "events.c", write_events_c) &&
           write_file(c, out_dir, "client.h", write_client_h) &&
           write_file(c, out_dir, "contract.h", write_contract_h) &&
           write_file(c, out_dir, "contract.c", write_contract_c);
}

/* For ninja: what was read. The folders are in it, so that a new event file is seen. */
static bool write_depfile(struct compiler *c, const struct arguments *arguments)
{
    if (!arguments->depfile)
        return true;
    FILE *out = fopen(arguments->depfile, "w");
    if (!out)
        return wrong_file(c, arguments->depfile, "%s", strerror(errno));
    fprintf(out, "%s/%s_types.h:", arguments->out_dir, c->service);
    for (const struct source *at = c->sources; at; at = at->next)
        fprintf(out, " \\\n  %s", at->path);
    for (size_t i = 0; i < arguments->n_folders; i++)
        fprintf(out, " \\\n  %s", arguments->folders[i]);
    fputs("\n", out);
    return fclose(out) == 0;
}

int main(int argc, char **argv)
{
    struct compiler c = { .arena = arena_new(1 << 16) };
    struct arguments arguments = { 0 };
    c.ctx.arena = c.arena;
    if (!arguments_read(&c, argc, argv, &arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    c.service = arguments.service;
    if (arguments.guard)
        c.owner = arena_printf(c.arena, "OWNS_%s", name_upper(c.arena, c.service)).ptr;
    if (arguments.openapi && document_read(&c, arguments.openapi, false, &c.openapi)) {
        model_components(&c);
        operations_read(&c);
        model_order(&c, &c.types);
    }
    for (size_t i = 0; i < arguments.n_events; i++)
        event_read(&c, arguments.events[i]);
    bool fine = c.errors == 0 && write_all(&c, arguments.out_dir) && write_depfile(&c, &arguments);
    free(arguments.events);
    arena_free(c.arena);
    return fine ? 0 : 1;
}
