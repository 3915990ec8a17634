/* The catcher: an SMTP server that sends nothing on. What it takes is a file each in a folder, the newest `keep` of them.
 * A kill loses none; they are not synced, so a power loss may. */
#pragma once

#include "base/ctx.h"

struct catcher;

struct caught_row {
    struct str caught_id; /* cgt_... */
    int64_t caught_us;
    struct str sender, recipients; /* of the envelope; recipients with commas between */
    struct str from, subject;      /* of the mail, in UTF-8 */
    int64_t bytes;
};

#define CATCHER_PAGE 200

/* `port` 0: it does not listen, and what was caught can still be read. NULL with UNAVAILABLE. */
struct catcher *catcher_open(struct ctx *ctx, struct str folder, int port, size_t keep);
void catcher_close(struct catcher *catcher); /* NULL-safe */

/* As if it had come by SMTP; *caught_id is in ctx's arena. */
bool catcher_put(struct ctx *ctx, struct catcher *catcher, struct str sender, struct str recipients,
                 struct str data, struct str *caught_id);

/* Newest first, those before `before` (ptr NULL: all); at most `most`, which is at most CATCHER_PAGE. */
bool catcher_list(struct ctx *ctx, struct catcher *catcher, struct str before, size_t most,
                  struct caught_row *out, size_t *n);

/* The mail with its envelope as headers before it (Return-Path, X-Envelope-To). NOT_FOUND. */
bool catcher_read(struct ctx *ctx, struct catcher *catcher, struct str caught_id,
                  struct str *source);
void catcher_about(struct ctx *ctx, struct str caught_id, struct str source,
                   struct caught_row *out);

bool catcher_delete(struct ctx *ctx, struct catcher *catcher, struct str caught_id); /* NOT_FOUND */
bool catcher_clear(struct ctx *ctx, struct catcher *catcher);
/* Deletes all that went to this address; for who is erased. */
bool catcher_forget(struct ctx *ctx, struct catcher *catcher, struct str address);
