#include "platform/service/runtime.h"
#include "platform/service/issued.h"
#include "platform/service/registration.h"
#include "platform/service/uses.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define TOKEN_LIFETIME_S 600
#define TOKEN_RENEW_US (TOKEN_LIFETIME_S * US_PER_S * 4 / 5)
#define LATER_FLUSH_US (5 * US_PER_S)

struct runtime *runtime_of(const struct ctx *ctx)
{
    return ctx->runtime;
}

/* ---- folders ---- */

static struct str folder_of(struct str path)
{
    while (path.len && path.ptr[path.len - 1] != '/')
        path.len--;
    return path.len > 1 ? (struct str){ path.ptr, path.len - 1 } : (struct str){ NULL, 0 };
}

/* A database syncs its files and their names, but not the name of the folder that they are in: a power cut could take
 * it with everything in it. */
static int sync_name(struct ctx *ctx, const char *path)
{
    struct str parent = folder_of(str_of(path));
    const char *named = parent.ptr ? arena_cstr(ctx->arena, parent) : path[0] == '/' ? "/" : ".";
    int fd = open(named, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = fsync(fd) ? errno : 0;
    close(fd);
    return failed;
}

static bool make_folders(struct ctx *ctx, struct str path)
{
    char *copy = arena_cstr(ctx->arena, path);
    for (char *at = copy + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        bool made = mkdir(copy, 0750) == 0;
        int failed = made || errno == EEXIST ? 0 : errno;
        if (made || kept == '\0') { /* the last one also when a kill came between the two */
            int unsynced = failed ? 0 : sync_name(ctx, copy);
            failed = made || unsynced == EIO ? unsynced : failed;
        }
        if (failed)
            return ctx_fail(ctx, ERR_UNAVAILABLE, "the folder %s cannot be made: %s", copy,
                            strerror(failed));
        *at = kept;
        if (kept == '\0')
            return true;
    }
}

struct str service_data_path(struct ctx *ctx, const char *name)
{
    const struct runtime *runtime = runtime_of(ctx);
    struct str path = arena_printf(ctx->arena, STR_FMT "/%s/%s", STR_ARG(setting_text(ctx, "data")),
                                   runtime->service->name, name);
    return make_folders(ctx, folder_of(path)) ? path : (struct str){ NULL, 0 };
}

/* ---- opening, step by step ---- */

/* A folder that was named must be there: a typing error must not make a second set of keys. */
static bool open_keys(struct ctx *ctx, struct runtime *runtime)
{
    const struct setting_value *folder = settings_get(runtime->settings, "keys");
    if (folder->source == FROM_DEFAULT && !token_keys_create(ctx, folder->text.ptr, NULL))
        return false;
    runtime->keys = token_keys_open(ctx, folder->text.ptr);
    return runtime->keys ? true : ctx_fail(ctx, ctx->error.code, "keys");
}

/* A service that calls others makes its tokens itself: a key that cannot would be noticed at the first call only. */
static bool check_signing(struct ctx *ctx, struct runtime *runtime)
{
    return runtime->n_peers == 0 || service_token(ctx, "").ptr != NULL;
}

static bool open_database(struct ctx *ctx, struct runtime *runtime)
{
    struct str url = setting_text(ctx, "database");
    struct str path = { url.ptr + strlen("sqlite:"), url.len - strlen("sqlite:") };
    struct str folder = str_starts(url, STR("sqlite:")) ? folder_of(path) : (struct str){ NULL, 0 };
    if (folder.ptr && !make_folders(ctx, folder))
        return false;
    runtime->db = sql_open(ctx, url, runtime->service->name, runtime->service->migrations,
                           runtime->service->n_migrations);
    return runtime->db != NULL;
}

static bool open_events(struct ctx *ctx, struct runtime *runtime)
{
    static const struct event_type *const tells[] = { &issued_used_type };
    if (runtime->service->no_events)
        return true;
    runtime->events =
        events_open(ctx, &(struct events_settings){
                             .url = setting_text(ctx, "log").ptr,
                             .service = runtime->service->name,
                             .db = runtime->db,
                             .contract = runtime->service->contract,
                             .tells = tells,
                             .n_tells = COUNT(tells),
                             .outbox_max_bytes = setting_int(ctx, "outbox_max"),
                             .outbox_max_age_s = setting_int(ctx, "outbox_max_age") / US_PER_S,
                         });
    if (runtime->events && runtime->db)
        runtime->later = later_new(runtime);
    return runtime->events != NULL;
}

static void open_peers(struct ctx *ctx, struct runtime *runtime)
{
    const char *const *names = runtime->service->peers;
    size_t n = 0;
    while (names && names[n])
        n++;
    runtime->peers = ARENA_ARRAY(runtime->arena, struct named_peer, n);
    for (; runtime->n_peers < n; runtime->n_peers++) {
        const char *name = names[runtime->n_peers];
        struct str url = setting_text(ctx, arena_printf(ctx->arena, "%s_url", name).ptr);
        runtime->peers[runtime->n_peers].name = name;
        runtime->peers[runtime->n_peers].peer = peer_new(&(struct peer_settings){
            .name = name, .url = url.ptr, .open_most_us = runtime->service->open_most_us });
    }
}

static bool open_projection(struct ctx *ctx, struct runtime *runtime)
{
    const struct projection_settings *settings = runtime->service->projection;
    if (!settings)
        return true;
    struct str path = service_data_path(ctx, settings->file);
    runtime->projection = path.ptr ? projection_open(ctx, settings, path.ptr) : NULL;
    return runtime->projection != NULL;
}

static bool open_app(struct ctx *ctx, struct runtime *runtime)
{
    bool opened = !runtime->service->open || runtime->service->open(ctx);
    runtime->app = ctx->app;
    runtime->app_is_open = opened || ctx->app; /* half built: close() takes it down */
    if (opened || ctx_failed(ctx))
        return opened;
    return ctx_fail(ctx, ERR_INTERNAL, "its own state could not be opened");
}

static bool open_consumers(struct ctx *ctx, struct runtime *runtime)
{
    const struct service *service = runtime->service;
    const struct projection_settings *projection = service->projection;
    if (service->n_reactions &&
        !service_consume(ctx, &(struct consumer_settings){ .name = service->name,
                                                           .sharing = CONSUMER_SHARED,
                                                           .reactions = service->reactions,
                                                           .n_reactions = service->n_reactions }))
        return false;
    if (projection &&
        !service_consume(ctx, &(struct consumer_settings){ .name = projection->name,
                                                           .sharing = projection->sharing,
                                                           .reactions = projection->reactions,
                                                           .n_reactions = projection->n_reactions,
                                                           .independent = projection->independent,
                                                           .store = projection->store,
                                                           .projection = runtime->projection }))
        return false;
    for (size_t i = 0; i < runtime->n_consumers; i++) {
        runtime->consumers[i].app = runtime->app;
        runtime->consumers[i].runtime = runtime;
        if (!events_consume(ctx, runtime->events, &runtime->consumers[i]))
            return false;
    }
    return true;
}

/* Only operations that may publish are refused when the outbox is full; which of them do is not known beforehand. */
static bool accepts(struct ctx *ctx, const struct operation *operation)
{
    const struct runtime *runtime = runtime_of(ctx);
    return !runtime->events || runtime->service->contract->n_publishes == 0 ||
           events_accepting(ctx, runtime->events);
}

static bool open_router(struct ctx *ctx, struct runtime *runtime)
{
    runtime->router = router_new(ctx, &(struct router_settings){
                                          .contract = runtime->service->contract,
                                          .db = runtime->db,
                                          .keys = runtime->keys,
                                          .app = runtime->app,
                                          .runtime = runtime,
                                          .max_body_bytes = (size_t)setting_int(ctx, "max_body"),
                                          .pool_threads = (int)setting_int(ctx, "pool_threads"),
                                          .edge = runtime->service->edge,
                                          .accepts = accepts,
                                          .lets_in = runtime->service->lets_in,
                                          .refusal = runtime->service->refusal,
                                          .admits = runtime->service->admits,
                                          .finish = runtime->service->finish,
                                      });
    return runtime->router != NULL;
}

bool runtime_open(struct ctx *ctx, struct runtime *runtime, const struct service *service,
                  struct settings *settings)
{
    *runtime = (struct runtime){ .service = service, .settings = settings, .arena = arena_new(0) };
    pthread_mutex_init(&runtime->tokens_lock, NULL);
    ctx->runtime = runtime;
    if (!open_keys(ctx, runtime) || !open_database(ctx, runtime) || !open_events(ctx, runtime))
        return false;
    open_peers(ctx, runtime);
    return check_signing(ctx, runtime) && open_projection(ctx, runtime) && open_app(ctx, runtime) &&
           issued_open(ctx, runtime) && open_consumers(ctx, runtime) &&
           registration_open(ctx, runtime) && open_router(ctx, runtime);
}

bool runtime_start(struct ctx *ctx, struct runtime *runtime, void (*fatal)(void *, const char *),
                   void *argument)
{
    if (runtime->events && !events_start(runtime->events, fatal, argument))
        return ctx->error.code ? false : ctx_fail(ctx, ERR_INTERNAL, "events could not be started");
    return workers_start(ctx, runtime);
}

/* ---- and taken down again ---- */

static void tokens_free(struct own_token *token)
{
    while (token) {
        struct own_token *next = token->next;
        free(token->scopes);
        free(token->text);
        free(token);
        token = next;
    }
}

static void tell(void (*stage)(const char *), const char *name)
{
    if (stage)
        stage(name);
}

void runtime_stop(struct runtime *runtime, void (*stage)(const char *name))
{
    tell(stage, "workers");
    workers_stop(runtime);
    tell(stage, "events that wait to be stored");
    uses_tell(runtime);
    if (runtime->later && !later_flush(runtime->later, LATER_FLUSH_US))
        log_line(LOG_ERROR, NULL, "events_lost",
                 LOG_C("reason", "they could not be stored before the end"));
    tell(stage, "the relay and the consumers");
    if (runtime->events)
        events_stop(runtime->events);
}

void runtime_close(struct runtime *runtime)
{
    router_free(runtime->router);
    workers_free(runtime);
    later_free(runtime->later);
    if (runtime->app_is_open && runtime->service->close)
        runtime->service->close(runtime->app);
    if (runtime->events)
        events_free(runtime->events);
    projection_close(runtime->projection);
    for (size_t i = 0; i < runtime->n_peers; i++)
        peer_free(runtime->peers[i].peer);
    issued_free(runtime->issued);
    registration_free(runtime->registration);
    sql_close(runtime->db);
    token_keys_close(runtime->keys);
    tokens_free(runtime->tokens);
    pthread_mutex_destroy(&runtime->tokens_lock);
    settings_free(runtime->settings);
    arena_free(runtime->arena);
}

/* ---- for handlers, reactions and open() ---- */

struct peer *service_peer(const struct ctx *ctx, const char *name)
{
    const struct runtime *runtime = runtime_of(ctx);
    for (size_t i = 0; i < runtime->n_peers; i++)
        if (strcmp(runtime->peers[i].name, name) == 0)
            return runtime->peers[i].peer;
    fprintf(stderr, "peer \"%s\" is used and not declared\n", name);
    abort();
}

struct sql_db *service_db(const struct ctx *ctx)
{
    return runtime_of(ctx)->db;
}

struct model_use service_model(const struct ctx *ctx)
{
    return projection_use(runtime_of(ctx)->projection);
}

struct events *service_events(const struct ctx *ctx)
{
    return runtime_of(ctx)->events;
}

bool service_consume(struct ctx *ctx, const struct consumer_settings *settings)
{
    struct runtime *runtime = runtime_of(ctx);
    if (!runtime->events || runtime->n_consumers == MOST_CONSUMERS)
        return ctx_fail(ctx, ERR_INTERNAL, "consumer %s: %s", settings->name,
                        runtime->events ? "there are too many" : "the service has no events");
    runtime->consumers[runtime->n_consumers++] = *settings;
    return true;
}

static struct own_token *own_token(struct runtime *runtime, const char *scopes)
{
    for (struct own_token *token = runtime->tokens; token; token = token->next)
        if (strcmp(token->scopes, scopes) == 0)
            return token;
    struct own_token *token = mem_alloc(sizeof(*token));
    token->scopes = mem_strdup(scopes);
    token->next = runtime->tokens;
    return runtime->tokens = token;
}

static bool renew(struct ctx *ctx, struct runtime *runtime, struct own_token *token)
{
    struct str subject = arena_printf(ctx->arena, "svc:%s", runtime->service->name);
    struct str text = token_mint(ctx, setting_text(ctx, "keys").ptr, subject, str_of(token->scopes),
                                 (struct str){ NULL, 0 }, TOKEN_LIFETIME_S);
    if (!text.ptr)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "no token to call other services with");
    free(token->text);
    token->text = mem_strdup(text.ptr);
    token->renew_us = clock_mono_us() + TOKEN_RENEW_US;
    return true;
}

struct str service_token(struct ctx *ctx, const char *scopes)
{
    struct runtime *runtime = runtime_of(ctx);
    struct str text = { NULL, 0 };
    pthread_mutex_lock(&runtime->tokens_lock);
    struct own_token *token = own_token(runtime, scopes);
    if ((token->text && clock_mono_us() < token->renew_us) || renew(ctx, runtime, token))
        text = arena_str(ctx->arena, str_of(token->text));
    pthread_mutex_unlock(&runtime->tokens_lock);
    return text;
}
