/* Whose name and address mail comes from. */
#pragma once

#include "base/ctx.h"

struct sender_row {
    struct str sender_id, name, address, reply_to;
    bool is_default;
    int64_t updated_us;
};

bool store_sender(struct ctx *ctx, struct str sender_id,
                  struct sender_row *out); /* false, no error: no such */
bool store_sender_put(struct ctx *ctx, const struct sender_row *sender);
bool store_sender_delete(struct ctx *ctx, struct str sender_id, bool *was);
bool store_senders(struct ctx *ctx, struct str after, size_t limit, struct sender_row *out,
                   size_t *n);

/* Is there such a sender (ptr NULL: the default one, which there always is)? NOT_FOUND with a sentence for people. */
bool sender_check(struct ctx *ctx, struct str sender_id);
/* The sender, or the default one: that which was made so, else that of the settings. */
bool sender_find(struct ctx *ctx, struct str sender_id, struct sender_row *out);
