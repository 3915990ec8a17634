/* `fanfare events replay`. */
#pragma once

#include "cli/command.h"

int events_replay(struct ctx *ctx, int argc, char **argv);
