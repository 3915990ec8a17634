/* Settings shown: --help, and the reference page. */
#include <stdio.h>
#include <stdlib.h>

#include "platform/service/settings_table.h"

static void buffer_freep(char **buffer)
{
    free(*buffer);
}

/* The default as a reader may understand it: ports as numbers. */
static struct str shown_default(struct arena *arena, const struct settings *settings,
                                const struct setting *setting)
{
    if (strcmp(setting->fallback, "{default_port}") == 0)
        return arena_printf(arena, "%d", settings->service->port);
    if (strcmp(setting->fallback, "{port+1000}") == 0)
        return STR("the API's port + 1000");
    struct str rest = str_of(setting->fallback), text = STR(""), part;
    while (str_split(&rest, '{', &part)) {
        text = arena_printf(arena, "%s" STR_FMT, text.ptr, STR_ARG(part));
        if (!rest.ptr || !str_split(&rest, '}', &part))
            break;
        text = str_is(part, "service")
                   ? arena_printf(arena, "%s%s", text.ptr, settings->service->name)
                   : arena_printf(arena, "%s<" STR_FMT ">", text.ptr, STR_ARG(part));
    }
    return text;
}

static const char *group_of(const struct settings *settings, size_t i)
{
    if (i < settings->n_own)
        return "Its own";
    return i < settings->n_own + settings->n_peers ? "Neighbours" : "Of every service";
}

struct str settings_help(struct arena *arena, const struct settings *settings)
{
    CLEANUP(buffer_freep) char *buffer = NULL;
    size_t bytes = 0;
    const char *name = settings->service->name, *group = "";
    FILE *out = open_memstream(&buffer, &bytes);
    fprintf(out,
            "Usage: fanfare-%s [--config FILE] [--<key> VALUE]...\n\n"
            "Runs the %s service until SIGTERM or SIGINT. Each key may also stand in the file\n"
            "(\"key: value\") or in the environment (%s). A flag goes before the\n"
            "environment, the environment before the file.\n\n"
            "  --config FILE          settings in YAML\n"
            "  --help, --version      this text; the version\n"
            "  --settings-reference   all settings as a page of Markdown\n",
            name, name, settings_variable(arena, name, "<key>").ptr);
    for (size_t i = 0; i < settings->n_values; i++) {
        const struct setting *setting = &settings->values[i].setting;
        if (group != group_of(settings, i)) {
            group = group_of(settings, i);
            fprintf(out, "\n%s:\n", group);
        }
        struct str fallback = shown_default(arena, settings, setting);
        fprintf(out, "  --%s\n      %s.\n      It is %s; default: %s\n", setting->key,
                setting->help, setting_wanted(arena, setting).ptr,
                fallback.len ? fallback.ptr : "nothing");
    }
    fclose(out);
    return arena_str(arena, (struct str){ buffer, bytes });
}

/* Text in a cell of a Markdown table. */
static struct str cell(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            copy[n++] = '\\';
        copy[n++] = text.ptr[i];
    }
    return (struct str){ copy, n };
}

struct str settings_reference(struct arena *arena, const struct settings *settings)
{
    CLEANUP(buffer_freep) char *buffer = NULL;
    size_t bytes = 0;
    const char *name = settings->service->name, *group = "";
    FILE *out = open_memstream(&buffer, &bytes);
    fprintf(out, "## %s\n", name);
    for (size_t i = 0; i < settings->n_values; i++) {
        const struct setting *setting = &settings->values[i].setting;
        if (group != group_of(settings, i)) {
            group = group_of(settings, i);
            fprintf(out,
                    "\n### %s\n\n| key | environment | default | what it is |\n|---|---|---|---|\n",
                    group);
        }
        struct str fallback = shown_default(arena, settings, setting);
        struct str variable = settings_variable(arena, setting->common ? NULL : name, setting->key);
        fprintf(out, "| `%s` | `%s` | %s%s%s | %s: " STR_FMT " |\n", setting->key, variable.ptr,
                fallback.len ? "`" : "", fallback.len ? fallback.ptr : "-", fallback.len ? "`" : "",
                setting->help, STR_ARG(cell(arena, setting_wanted(arena, setting))));
    }
    fclose(out);
    return arena_str(arena, (struct str){ buffer, bytes });
}
