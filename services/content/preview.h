/* Preview tokens: signed, for one entry, until a time. Pure but for the clock that the caller reads. */
#pragma once

#include "base/ctx.h"

struct preview {
    struct str entry_id;
    int64_t version; /* 0: the newest when it is looked at */
    int64_t expires_us;
};

/* Base64url of what it says, '.', and base64url of its HMAC-SHA256 with the key. */
struct str preview_sign(struct arena *arena, struct str key, const struct preview *preview);

/* NOT_FOUND: not one of ours, or over. */
bool preview_verify(struct ctx *ctx, struct str key, struct str token, int64_t now_us,
                    struct preview *out);
