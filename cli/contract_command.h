/* The parts of `fanfare contract`. */
#pragma once

#include "base/ctx.h"

enum contract_exit { CONTRACT_FITS = 0, CONTRACT_BREAKS = 1, CONTRACT_NOT_CHECKED = 2 };

int contract_can_deploy(struct ctx *ctx, int argc, char **argv);
int contract_docs(struct ctx *ctx, int argc, char **argv);

/* Prints ctx's error; gives CONTRACT_NOT_CHECKED. */
int contract_failed(const struct ctx *ctx);

/* --token, or one that the stack's folder can make; ptr NULL: neither. */
struct str contract_token(struct ctx *ctx, const char *token, const char *data);

/* --root, or the folder with services/ that this one is in; ptr NULL with a sentence. */
struct str contract_root(struct ctx *ctx, const char *option);
