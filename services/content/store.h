/* Content's database: the only file that knows its tables. Functions need ctx->sql; false leaves the error in ctx, or
 * none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"

/* An entry and its newest version. */
struct entry_row {
    struct str entry_id, kind, slug;
    struct str locale; /* empty: for every locale that has none of its own */
    struct str title;  /* ptr NULL: none */
    struct str document; /* JSON; ptr NULL in lists */
    int64_t version, updated_us;
    int64_t published_version, published_us; /* 0: not shown */
    int64_t told_us;
};

struct version_row {
    int64_t version, saved_us;
    struct str slug, locale, title;
    struct str document; /* ptr NULL in lists */
};

struct shown_row {
    struct str entry_id, kind, slug, locale, title, document;
    int64_t version, published_us;
};

bool store_entry(struct ctx *ctx, struct str entry_id,
                 struct entry_row *out); /* false, no error: no such */

/* Whose slug it is among the entries, or among what is shown. False, no error: nobody's. */
bool store_slug_owner(struct ctx *ctx, const struct entry_row *entry, struct str *entry_id);
bool store_shown_owner(struct ctx *ctx, struct str kind, const struct version_row *version,
                       struct str *entry_id);

/* Writes the entry, and its document as a new version. `was` is the version that it follows (0: a new entry); CONFLICT
 * when that is not the newest any more. */
bool store_entry_put(struct ctx *ctx, const struct entry_row *entry, int64_t was);

/* Up to `limit` entries with an id beyond `after` (ptr NULL: from the first); kind and state (draft, published, changed)
 * filter where their ptr is not NULL. Without documents. */
bool store_entries(struct ctx *ctx, struct str kind, struct str state, struct str after,
                   size_t limit, struct entry_row *out, size_t *n);

/* Up to `limit` versions below `before`, newest first, without documents. */
bool store_versions(struct ctx *ctx, struct str entry_id, int64_t before, size_t limit,
                    struct version_row *out, size_t *n);
bool store_version(struct ctx *ctx, struct str entry_id, int64_t version,
                   struct version_row *out); /* as store_entry */

/* Shows that version from now on, or nothing of the entry. `entry` is as it was read, and CONFLICT when it has been
 * published or unpublished since. */
bool store_show(struct ctx *ctx, const struct entry_row *entry, const struct version_row *version,
                int64_t at_us);
bool store_hide(struct ctx *ctx, const struct entry_row *entry, int64_t at_us);

/* What is shown to a locale: its own, else that of its language, else that of all. False, no error: nothing. */
bool store_shown(struct ctx *ctx, struct str kind, struct str slug, struct str locale,
                 struct shown_row *out);
