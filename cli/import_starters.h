/* `fanfare import starters`: templates of mail to begin with. */
#pragma once

#include "cli/command.h"
#include "platform/client/client.h"

/* Publishes those starter templates that content has nothing in the place of, neither under their ids nor under their slugs, and
 * says what became of each: what is there stays as it is, whoever made or changed it. `data` is the stack's folder, `url`
 * content, where it is not the stack's own. The exit status. */
int import_starters(struct ctx *ctx, const char *data, const char *url);
