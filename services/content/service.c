#include "services/content/content.h"

#include <stdlib.h>

#include "services/content/media.h"
#include "services/content/media_files.h"
#include "services/content/reactions.h"
#include "services/content/schedules.h"
#include "platform/sql/answer_cache.h"
#include "content_contract.h"
#include "content_migrations.h"

static const struct reaction reactions[] = {
    ON(CONTENT_PUBLICATION_ASKED_V1, on_publication_asked,
       READS("command_id", "campaign_id", "launch_id", "action", "expires_at", "entries")),
};

static const struct setting settings[] = {
    { .key = "media_folder",
      .kind = SETTING_PATH,
      .fallback = "",
      .optional = true,
      .help =
          "Where uploaded files are; instances that share a database share it. Without it media/ in the data folder" },
    { .key = "media_size",
      .kind = SETTING_BYTES,
      .fallback = "10MB",
      .help = "The largest file that may be uploaded",
      .least = 1,
      .most = 16 * 1024 * 1024 },
    { .key = "published_memory",
      .kind = SETTING_BYTES,
      .fallback = "32MB",
      .help = "What is kept in memory at most of published entries that were asked for",
      .least = 1024 * 1024,
      .most = 4LL * 1024 * 1024 * 1024 },
};

static void content_close(void *app)
{
    struct content *content = app;
    if (!content)
        return;
    answer_cache_free(content->shown);
    free(content->media_folder);
    free(content);
}

static bool content_open(struct ctx *ctx)
{
    struct content *content = ctx->app = mem_alloc(sizeof(*content));
    struct str folder = setting_text(ctx, "media_folder");
    if (!folder.len)
        folder = service_data_path(ctx, "media");
    if (!folder.ptr)
        return false;
    content->media_folder = mem_strdup(folder.ptr);
    content->media_bytes = setting_int(ctx, "media_size");
    content->shown = answer_cache_new((size_t)setting_int(ctx, "published_memory"),
                                      sql_is_postgresql(service_db(ctx)));
    sql_on_commit(service_db(ctx), answer_cache_doubt, content->shown);
    if (!media_folder_open(ctx, content->media_folder))
        return false;
    media_sweep(content->media_folder);
    return service_worker(ctx, "schedules", SCHEDULES_EVERY_US, schedules_run) &&
           service_worker(ctx, "media", MEDIA_EVERY_US, media_run);
}

const struct service content_service = {
    .name = "content",
    .port = 8103,
    .contract = &content_contract,
    .migrations = content_migrations,
    .n_migrations = COUNT(content_migrations),
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = content_open,
    .close = content_close,
};
