/* `fanfare events rebuild`. */
#pragma once

#include "cli/command.h"

int events_rebuild(struct ctx *ctx, int argc, char **argv);
