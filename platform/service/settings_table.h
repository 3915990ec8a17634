/* The settings of one process: declared, read, looked up, shown. For this folder; services see settings.h. */
#pragma once

#include "platform/service/service.h"

struct settings;

enum settings_wish { SETTINGS_RUN, SETTINGS_HELP, SETTINGS_VERSION, SETTINGS_REFERENCE };

/* Declares the common keys, the service's own and <peer>_url of its peers; then reads flags, environment and file.
 * False with one sentence that says where the mistake is and what would be right. */
struct settings *settings_new(const struct service *service);
bool settings_read(struct ctx *ctx, struct settings *settings, int argc, char **argv,
                   char **environment, enum settings_wish *wish);
void settings_free(struct settings *settings);

/* One "key=value", as a flag would set it; for tests. settings_finish works out the defaults of what is not set. */
bool settings_set(struct ctx *ctx, struct settings *settings, struct str pair);
bool settings_finish(struct ctx *ctx, struct settings *settings);

/* NULL when it is not declared. */
const struct setting_value *settings_get(const struct settings *settings, const char *key);

/* --help, and the reference page of this service in Markdown. */
struct str settings_help(struct arena *arena, const struct settings *settings);
struct str settings_reference(struct arena *arena, const struct settings *settings);

/* ---- inside ---- */

enum setting_source {
    FROM_DEFAULT,
    FROM_FILE,
    FROM_COMMON_ENVIRONMENT,
    FROM_ENVIRONMENT,
    FROM_FLAG
};

struct setting_value {
    struct setting setting;
    enum setting_source source;
    struct str text;
    int64_t number;
};

struct settings {
    const struct service *service;
    struct arena *arena;
    struct setting_value *values;
    size_t n_values, n_own, n_peers; /* the service's own are declared first, then its peers' */
    const char *config;     /* path of the file, or NULL */
};

/* Checks `text` and makes it the value, unless one of a stronger source is there. `where` names the place:
 * "loyalty.yaml:3: port", "--port". */
bool settings_put(struct ctx *ctx, struct settings *settings, struct setting_value *value,
                  enum setting_source source, struct str text, const char *where);

/* By its key, '-' taken as '_'. */
struct setting_value *settings_find(struct settings *settings, struct str key);

/* "there is no such setting; did you mean `port`?" */
bool settings_unknown(struct ctx *ctx, const struct settings *settings, struct str key,
                      const char *where);

/* FANFARE_LOYALTY_PORT; service NULL: FANFARE_PORT. */
struct str settings_variable(struct arena *arena, const char *service, const char *key);

/* Parses by kind into *number (microseconds, bytes, 0 or 1); false without a sentence. */
bool setting_parse(const struct setting *setting, struct str text, int64_t *number);

/* "a whole number from 1 to 65535". */
struct str setting_wanted(struct arena *arena, const struct setting *setting);
