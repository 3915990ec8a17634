/* The broker's settings: one table gives --help, flags, environment, file and defaults. The keys
 * and rules are those of all services; the broker reads them by itself because it stands on
 * little but base. */
#pragma once

#include "base/ctx.h"

enum settings_wish { SETTINGS_RUN, SETTINGS_HELP, SETTINGS_VERSION };

/* Reads `--key value`, then FANFARE_BROKER_<KEY> (and FANFARE_<KEY> for keys that all services
 * share), then the file named by `--config` or FANFARE_BROKER_CONFIG ("key: value" lines), then
 * the defaults; the first that says something counts. False with a sentence that says where the
 * mistake is and what would be right. Texts live in ctx->arena or in the arguments and the
 * environment. */
bool settings_read(struct ctx *ctx, int argc, char **argv, enum settings_wish *wish);

void settings_help(void); /* to standard output */

/* Of a key in the table; an unknown one is a mistake in the program and ends it. */
const char *setting_text(const char *key);
int64_t setting_int(const char *key); /* numbers, bytes, microseconds, 0 or 1 */
