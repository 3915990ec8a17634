/* A small page for people who follow a link of ours that is a secret: no script, nothing from elsewhere, kept nowhere; good on a phone and in
 * the dark. */
#pragma once

#include "platform/contract/contract.h"

/* `title` is its heading too, and is plain text; `body` is HTML: paragraphs, forms that post to where they stand. */
struct reply page_reply(struct ctx *ctx, int status, const char *title, struct str body);
