#include "platform/service/uses.h"

#include <stddef.h>

#define TELL_ARENA_BYTES 1024 /* mostly there is nothing to tell */
#define COMMANDS_DAYS 7

struct used {
    struct str key_id;
    int64_t used_at;
};

static const struct field used_fields[] = {
    { .name = "key_id",
      .name_length = 6,
      .key = "\"key_id\":",
      .kind = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = offsetof(struct used, key_id),
      .presence = UINT32_MAX },
    { .name = "used_at",
      .name_length = 7,
      .key = "\"used_at\":",
      .kind = FIELD_TIME,
      .flags = FIELD_REQUIRED,
      .offset = offsetof(struct used, used_at),
      .presence = UINT32_MAX },
};

static const struct schema_type used_schema = {
    .name = "key_used",
    .size = sizeof(struct used),
    .fields = used_fields,
    .n_fields = COUNT(used_fields),
};

const struct event_type issued_used_type = {
    .type = "fanfare.identity.key.used.v1",
    .topic = "identity.commands",
    .data = &used_schema,
    .subject = &used_fields[0],
    .key = &used_fields[0],
    .keeping = KEEP_DAYS,
    .days = COMMANDS_DAYS,
    .partitions = 1,
};

static bool tell(void *argument, struct str key_id, int64_t used_us)
{
    struct ctx *ctx = argument;
    struct used used = { .key_id = key_id, .used_at = used_us };
    bool queued = service_publish_later(ctx, &issued_used_type, &used);
    ctx_clear(ctx); /* it is told with the next round */
    return queued;
}

void uses_tell(struct runtime *runtime)
{
    if (!runtime->keys || !runtime->later)
        return;
    CLEANUP(arena_freep) struct arena *arena = arena_new(TELL_ARENA_BYTES);
    struct ctx ctx = { .arena = arena, .app = runtime->app, .runtime = runtime };
    token_issued_uses(runtime->keys, tell, &ctx);
}
