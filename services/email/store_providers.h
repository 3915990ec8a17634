/* The part of email's database that is the providers that mail goes out by. As store.h. */
#pragma once

#include "platform/sql/sql.h"

struct provider_row {
    struct str provider, key, topic; /* key, topic: ptr NULL without */
    int64_t most_age_s, updated_us;
};

bool store_provider_put(struct ctx *ctx, const struct provider_row *row);
bool store_provider(struct ctx *ctx, struct str provider,
                    struct provider_row *out); /* false, no error: no such */
bool store_provider_delete(struct ctx *ctx, struct str provider, bool *was);
