/* Content's database: the only file that knows its tables. Functions need ctx->sql; false leaves the error in ctx, or
 * none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"
#include "base/locales.h"
#include "services/content/references.h"

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

/* Where an entry of this id, deleted since, had come to; 0, 0: there was none. */
bool store_gone(struct ctx *ctx, struct str entry_id, int64_t *version, int64_t *told_us);

/* Writes the entry, and its document as a new version. `was` is the version that it follows (0: a new entry); CONFLICT
 * when that is not the newest any more. */
bool store_entry_put(struct ctx *ctx, const struct entry_row *entry, int64_t was);

/* Deletes the entry with all its versions; what is shown goes first (store_hide). As store_entry_put. */
bool store_entry_delete(struct ctx *ctx, const struct entry_row *entry);

enum entry_order { ENTRIES_BY_ID, ENTRIES_BY_SLUG, ENTRIES_NEWEST, ENTRIES_OLDEST };

/* Text filters where it is not empty. */
struct entry_filter {
    struct str kind;
    struct str state; /* draft, published, changed */
    struct str slug_prefix, locale;
    bool any_locale;
    struct str refers_to; /* an entry or medium that the draft names */
    int64_t changed_since_us;
};

/* Where the next page begins: beyond this entry in the order that was asked for. */
struct entry_place {
    struct str id, slug; /* empty: from the first */
    int64_t updated_us;
};

/* Up to `limit` entries, without documents. */
bool store_entries(struct ctx *ctx, const struct entry_filter *filter, enum entry_order order,
                   const struct entry_place *beyond, size_t limit, struct entry_row *out,
                   size_t *n);

/* Up to `limit` entries with their documents, by id from beyond `after`, each with what is shown where that is another version
 * than the newest (else NULL); of one kind where that is not empty. Until `visit` gives false, for whatever reason. */
typedef bool (*export_visit)(struct ctx *ctx, const struct entry_row *entry,
                             const struct version_row *shown, void *argument);
bool store_export(struct ctx *ctx, struct str kind, struct str after, size_t limit,
                  export_visit visit, void *argument);

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

/* What is shown under the slug in the first of these locales that has something. Failing that, what was shown there
 * before and is now under another slug (out->slug). False, no error: nothing. */
bool store_shown(struct ctx *ctx, struct str kind, struct str slug, const struct locales *locales,
                 struct shown_row *out);

/* Up to `most` places where the entry was shown before and nothing is now, by slug and locale. */
struct place_row {
    struct str slug, locale;
};
bool store_moved(struct ctx *ctx, struct str entry_id, size_t most, struct place_row *out,
                 size_t *n);

/* Who asks for what was shown there, where nothing is now, is sent to the entry. */
bool store_moved_put(struct ctx *ctx, const struct entry_row *entry, const struct place_row *place);

bool store_shown_entry(struct ctx *ctx, struct str entry_id,
                       struct shown_row *out); /* as store_entry */

/* It moves with each change of what is shown where. */
bool store_shown_revision(struct ctx *ctx, int64_t *revision);

/* ---- who refers to whom ---- */

/* From here to the end of the transaction nobody else publishes or deletes what is referred to. */
bool store_references_lock(struct ctx *ctx);

/* What the draft, or what is shown, of the entry refers to from now on. */
bool store_references_put(struct ctx *ctx, struct str entry_id, bool shown,
                          const struct references *references);

/* The first of what is shown of the entry refers to and is not there to be shown. False, no error: all of it is. */
bool store_reference_missing(struct ctx *ctx, struct str entry_id, struct str *target);

/* The one by which what is shown of the entry (or, with drafts, would be) comes back to itself. False, no error: there is
 * no circle. */
bool store_reference_circle(struct ctx *ctx, struct str entry_id, bool drafts, struct str *by);

/* Up to `most` ids of others whose draft or shown version refers to the target, and how many there are. */
bool store_referrers(struct ctx *ctx, struct str target, size_t most, struct str *out, size_t *n,
                     int64_t *in_all);

/* ---- content types ---- */

struct type_row {
    struct str type, description, schema;
    int64_t version, updated_us, n_entries;
};

bool store_type(struct ctx *ctx, struct str type, struct type_row *out); /* as store_entry */
bool store_types(struct ctx *ctx, struct str after, size_t limit, struct type_row *out, size_t *n);

/* `type->version` is the one after that which is stored; CONFLICT when it is not. */
bool store_type_put(struct ctx *ctx, const struct type_row *type);
bool store_type_delete(struct ctx *ctx, struct str type);

struct typed_row {
    struct str entry_id, document; /* until the visit ends */
    int64_t version;
};
typedef bool (*typed_row_visit)(struct ctx *ctx, const struct typed_row *row, void *argument);

/* The draft of each entry of the type, and what is shown of it where that is another version. */
bool store_typed(struct ctx *ctx, struct str type, typed_row_visit visit, void *argument);

/* ---- locales ---- */

struct locale_row {
    struct str locale;
    struct str fallbacks; /* a JSON list */
    int64_t updated_us;
};

bool store_locale(struct ctx *ctx, struct str locale, struct locale_row *out); /* as store_entry */
bool store_locales(struct ctx *ctx, struct str after, size_t limit, struct locale_row *out,
                   size_t *n);
bool store_locale_put(struct ctx *ctx, const struct locale_row *locale);
bool store_locale_delete(struct ctx *ctx, struct str locale, bool *was);

/* ---- schedules ---- */

struct schedule_row {
    struct str entry_id, schedule_id;
    struct str action; /* publish, unpublish */
    int64_t version;   /* 0: the newest when the time comes */
    struct str local_time, time_zone, clock;
    int64_t due_us;
    struct str state;  /* waiting, done, failed */
    struct str reason; /* ptr NULL: none */
    int64_t done_us;   /* 0: not yet */
};

/* Makes or changes it; it waits from now on, also where it was done or had failed. */
bool store_schedule_put(struct ctx *ctx, const struct schedule_row *schedule);
bool store_schedule_delete(struct ctx *ctx, struct str entry_id, struct str schedule_id, bool *was);

/* In the order in which they are due, after the one that `beyond` names; entry_id and state filter where they are not
 * empty. */
bool store_schedules(struct ctx *ctx, struct str entry_id, struct str state,
                     const struct schedule_row *beyond, size_t limit, struct schedule_row *out,
                     size_t *n);

/* Those that wait and are due, the first first. */
bool store_schedules_due(struct ctx *ctx, int64_t now_us, size_t limit, struct schedule_row *out,
                         size_t *n);

/* From `waiting` to done or failed (reason.ptr not NULL), once: `changed` says whether it was this call. */
bool store_schedule_end(struct ctx *ctx, const struct schedule_row *schedule, int64_t now_us,
                        struct str reason, bool *changed);

/* ---- media ---- */

struct media_row {
    struct str media_id, type;
    int64_t bytes, width, height; /* width, height 0: it has none */
    struct str name;              /* ptr NULL: none */
    int64_t uploaded_us;
};

bool store_media(struct ctx *ctx, struct str media_id, struct media_row *out); /* as store_entry */
bool store_media_put(struct ctx *ctx,
                     const struct media_row *media); /* the same again is the same */

/* Up to `limit` below `before`, newest first; type filters where it is not empty. */
bool store_media_list(struct ctx *ctx, struct str type, struct sql_moment before, size_t limit,
                      struct media_row *out, size_t *n);

/* Up to `limit` beyond `after`, by id. */
bool store_media_by_id(struct ctx *ctx, struct str after, size_t limit, struct media_row *out,
                       size_t *n);

/* It is there no more, and its file is to be removed; one of those; and its row gone for good, held to the end of the
 * transaction. */
bool store_media_delete(struct ctx *ctx, struct str media_id, int64_t now_us);
bool store_media_deleted(struct ctx *ctx, struct str *media_id);
bool store_media_forget(struct ctx *ctx, struct str media_id, bool *was);

/* ---- what launches asked to be shown ---- */

struct publication_row {
    struct str launch_id, command_id, state, reason; /* state: done, refused, undone */
    int64_t published;
};

struct publication_entry_row {
    struct str entry_id;
    int64_t place, version, version_before; /* version_before 0: nothing was shown */
};

bool store_publication(struct ctx *ctx, struct str launch_id,
                       struct publication_row *out); /* as store_entry */
bool store_publication_put(struct ctx *ctx, const struct publication_row *row);
bool store_publication_entry_put(struct ctx *ctx, struct str launch_id,
                                 const struct publication_entry_row *row);

/* Up to `limit`, the last shown first. */
bool store_publication_entries(struct ctx *ctx, struct str launch_id, size_t limit,
                               struct publication_entry_row *out, size_t *n);
