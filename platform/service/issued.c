#include "platform/service/issued.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/crypto/crypto.h"

#define FILE_NAME "issued-keys.json"
#define TOPIC "fanfare.identity.key"

/* ---- what is told ---- */

enum told_kind { TOLD_UNKNOWN, TOLD_API, TOLD_WRITE };

struct told {
    struct str key_id;
    int kind;
    struct str name, hash;
    const struct str *scopes;
    size_t n_scopes;
    bool has_expires_at;
    int64_t expires_at;
};

static const char *const told_kinds[] = { "", "api", "write", NULL };

#define MEMBER(text, its_kind, its_flags, member, there)                                           \
    .name = text, .name_length = sizeof(text) - 1, .key = "\"" text "\":", .kind = its_kind,       \
    .flags = its_flags, .offset = offsetof(struct told, member), .presence = there
#define NOT_NOTED UINT32_MAX

static const struct field told_fields[] = {
    { MEMBER("key_id", FIELD_STR, FIELD_REQUIRED, key_id, NOT_NOTED) },
    { MEMBER("kind", FIELD_ENUM, FIELD_REQUIRED, kind, NOT_NOTED), .members = told_kinds },
    { MEMBER("name", FIELD_STR, FIELD_REQUIRED, name, NOT_NOTED) },
    { MEMBER("hash", FIELD_STR, FIELD_REQUIRED, hash, NOT_NOTED) },
    { MEMBER("scopes", FIELD_STR, FIELD_REQUIRED | FIELD_ARRAY, scopes,
             offsetof(struct told, n_scopes)) },
    { MEMBER("expires_at", FIELD_TIME, FIELD_OPTIONAL, expires_at,
             offsetof(struct told, has_expires_at)) },
};

static const struct schema_type told_schema = {
    .name = "key_issued",
    .size = sizeof(struct told),
    .fields = told_fields,
    .n_fields = COUNT(told_fields),
};
static const struct schema_type revoked_schema = {
    .name = "key_revoked",
    .size = sizeof(struct told),
    .fields = told_fields,
    .n_fields = 1,
};

const struct event_type issued_told_type = {
    .type = "fanfare.identity.key.issued.v1",
    .topic = TOPIC,
    .data = &told_schema,
    .subject = &told_fields[0],
    .key = &told_fields[0],
    .keeping = KEEP_COMPACTED,
    .partitions = 1,
};
const struct event_type issued_revoked_type = {
    .type = "fanfare.identity.key.revoked.v1",
    .topic = TOPIC,
    .data = &revoked_schema,
    .subject = &told_fields[0],
    .key = &told_fields[0],
    .keeping = KEEP_COMPACTED,
    .partitions = 1,
};

/* ---- the store: what is known in memory, with the position in one file ---- */

struct issued_store {
    struct token_keys *keys;
    char *folder, *log; /* log: of which `next` is a position; NULL: of none yet */
    int64_t next;

    /* The transaction. */
    struct arena *arena;
    struct issued_change *changes;
    size_t n, cap;
    struct issued_place place;
};

static bool begin(struct ctx *ctx, void *data)
{
    struct issued_store *store = data;
    arena_clear(store->arena);
    store->changes = NULL;
    store->n = store->cap = 0;
    store->place = (struct issued_place){ { NULL, 0 }, 0 };
    return true;
}

static void undo(struct ctx *ctx, void *data)
{
    begin(ctx, data);
}

/* Of another log there is no position: it is read from its beginning, and what is known holds until it says otherwise. */
static bool position(struct ctx *ctx, void *data, struct str log, struct str topic, int partition,
                     int64_t *next)
{
    const struct issued_store *store = data;
    if (partition != 0)
        return ctx_fail(ctx, ERR_CONFLICT, TOPIC " has more than one partition");
    *next = store->log && str_is(log, store->log) ? store->next : -1;
    return true;
}

static bool move(struct ctx *ctx, void *data, struct str log, struct str topic, int partition,
                 int64_t was, int64_t next)
{
    struct issued_store *store = data;
    store->place = (struct issued_place){ arena_str(store->arena, log), next };
    return true;
}

/* What is said of keys holds as soon as it is known, though the disk be full: then it is told again. */
static bool commit(struct ctx *ctx, void *data)
{
    struct issued_store *store = data;
    token_issued_change(store->keys, store->changes, store->n);
    if (!store->place.log.ptr)
        return true;
    if (!token_issued_save(ctx, store->keys, store->folder, FILE_NAME, &store->place))
        return false;
    free(store->log);
    store->log = mem_strdup(store->place.log.ptr);
    store->next = store->place.next;
    return true;
}

static const struct event_store issued_events = {
    .begin = begin,
    .position = position,
    .move = move,
    .commit = commit,
    .undo = undo,
};

/* ---- reactions ---- */

static struct issued_change *change_new(struct issued_store *store, struct str key_id)
{
    if (store->n == store->cap) {
        size_t cap = store->cap ? 2 * store->cap : 16;
        struct issued_change *grown = ARENA_ARRAY(store->arena, struct issued_change, cap);
        if (store->n)
            memcpy(grown, store->changes, store->n * sizeof(*grown));
        store->changes = grown;
        store->cap = cap;
    }
    struct issued_change *change = &store->changes[store->n++];
    *change = (struct issued_change){ .key.key_id = arena_str(store->arena, key_id) };
    return change;
}

static struct str joined(struct arena *arena, const struct str *scopes, size_t n)
{
    struct str text = STR("");
    for (size_t i = 0; i < n; i++)
        text = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(text), i ? " " : "",
                            STR_ARG(scopes[i]));
    return text;
}

static enum outcome on_told(struct ctx *ctx, const void *data)
{
    const struct told *told = data;
    struct issued_store *store = ctx->model;
    struct str hash = crypto_unhex(ctx->arena, told->hash);
    if (hash.len != 32 || told->kind == TOLD_UNKNOWN)
        return ctx_fail(ctx, ERR_INVALID, "hash or kind of a key is none"), REJECT;
    struct issued_key *key = &change_new(store, told->key_id)->key;
    key->name = arena_str(store->arena, told->name);
    key->scopes = joined(store->arena, told->scopes, told->n_scopes);
    key->write = told->kind == TOLD_WRITE;
    key->expires_us = told->has_expires_at ? told->expires_at : 0;
    memcpy(key->hash, hash.ptr, 32);
    return DONE;
}

static enum outcome on_revoked(struct ctx *ctx, const void *data)
{
    const struct told *told = data;
    change_new(ctx->model, told->key_id)->revoked = true;
    return DONE;
}

static const struct reaction reactions[] = {
    { .event = &issued_told_type,
      .handle = on_told,
      .reads = READS("key_id", "kind", "name", "hash", "scopes", "expires_at") },
    { .event = &issued_revoked_type, .handle = on_revoked, .reads = READS("key_id") },
};

/* ---- its life ---- */

static void load(struct ctx *ctx, struct issued_store *store)
{
    struct issued_place place;
    struct str path = arena_printf(ctx->arena, "%s/" FILE_NAME, store->folder);
    if (access(path.ptr, F_OK) != 0)
        return;
    if (token_issued_load(ctx, store->keys, store->folder, FILE_NAME, &place)) {
        store->log = mem_strdup(arena_cstr(ctx->arena, place.log));
        store->next = place.next;
        return;
    }
    log_line(LOG_WARN, NULL, "issued_keys_unreadable", LOG_S("reason", ctx->error.detail));
    ctx_clear(ctx);
}

bool issued_open(struct ctx *ctx, struct runtime *runtime)
{
    if (!runtime->events)
        return true;
    struct str path = service_data_path(ctx, FILE_NAME);
    if (!path.ptr)
        return false;
    struct issued_store *store = runtime->issued = mem_alloc(sizeof(*store));
    path.len -= sizeof("/" FILE_NAME) - 1;
    store->folder = mem_strdup(arena_cstr(ctx->arena, path));
    store->keys = runtime->keys;
    store->arena = arena_new(0);
    load(ctx, store);
    struct str name = arena_printf(runtime->arena, "%s.keys", runtime->service->name);
    return service_consume(ctx, &(struct consumer_settings){ .name = name.ptr,
                                                             .sharing = CONSUMER_LOCAL,
                                                             .reactions = reactions,
                                                             .n_reactions = COUNT(reactions),
                                                             .independent = true,
                                                             .rare = true,
                                                             .store = &issued_events,
                                                             .store_data = store });
}

void issued_free(struct issued_store *store)
{
    if (!store)
        return;
    arena_free(store->arena);
    free(store->folder);
    free(store->log);
    free(store);
}
