#include "platform/events/projection.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/faults/faults.h"
#include "platform/telemetry/log.h"

/* Generation 1 is at the path itself, generation 2 at "<path>~2" and so on. "<path>~now" holds the number of the one in
 * force; it is replaced by a rename, and that is the moment of the swap. */
#define NOW "~now"
#define MOST_PATH 512
#define NUMBER_BYTES 16
#define REMOVE_FILES 16 /* open at once */

struct generation {
    int number;
    void *model;
    size_t users;
};

struct projection {
    const struct projection_settings *settings;
    char *path;
    pthread_mutex_t lock; /* current, users */
    pthread_cond_t unused;
    struct generation *current, *next, *old;
};

const struct projection_settings *projection_settings(const struct projection *projection)
{
    return projection->settings;
}

/* ---- on the disk ---- */

static char *path_of(struct arena *arena, const struct projection *projection, int number)
{
    struct str path = number == 1 ? str_of(projection->path)
                                  : arena_printf(arena, "%s~%d", projection->path, number);
    return arena_cstr(arena, path);
}

static bool failed(struct ctx *ctx, const char *path)
{
    return ctx_fail(ctx, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
}

/* 1 where nothing was ever made again. */
static bool number_read(struct ctx *ctx, const struct projection *projection, int *number)
{
    const char *path = arena_printf(ctx->arena, "%s" NOW, projection->path).ptr;
    char text[NUMBER_BYTES] = "";
    int64_t read = 0;
    *number = 1;
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT || failed(ctx, path);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    if (!str_to_int(str_trim((struct str){ text, n }), &read) || read < 1 || read >= INT32_MAX)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s does not hold the number of a generation", path);
    *number = (int)read;
    return true;
}

static bool write_whole(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* "folder/name" in two. */
static struct str folder_of(struct arena *arena, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!slash)
        return STR(".");
    return arena_str(arena, (struct str){ path, slash == path ? 1 : (size_t)(slash - path) });
}

static bool sync_folder(struct arena *arena, const char *path)
{
    const char *name;
    int fd = open(folder_of(arena, path, &name).ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The generation that a file of the folder belongs to; 0: none. A store may have several: "name", "name.wal". */
static int number_of(const char *base, const char *file)
{
    size_t n = strlen(base);
    if (strncmp(file, base, n) != 0)
        return 0;
    if (file[n] == '\0' || file[n] == '.')
        return 1;
    char *end;
    long number = file[n] == '~' ? strtol(file + n + 1, &end, 10) : 0;
    return number > 1 && number < INT32_MAX && (*end == '\0' || *end == '.') ? (int)number : 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

/* What cannot be removed is tried again at the next start. */
static void remove_in(struct arena *arena, struct str folder, const char *file)
{
    const char *path = arena_printf(arena, STR_FMT "/%s", STR_ARG(folder), file).ptr;
    if (nftw(path, remove_one, REMOVE_FILES, FTW_DEPTH | FTW_PHYS) != 0)
        log_line(LOG_WARN, NULL, "generation_not_removed", LOG_C("path", path),
                 LOG_C("cause", strerror(errno)));
}

static bool is_of(const char *base, const char *file)
{
    size_t n = strlen(base);
    return strncmp(base, file, n) == 0 && strchr(".~", file[n]); /* its end too */
}

/* Removes what is of other generations than this one, and of an earlier form. */
static void remove_others(const struct projection *projection, int kept)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    const char *base, *earlier = projection->settings->replaces;
    struct str folder = folder_of(arena, projection->path, &base);
    DIR *entries = opendir(folder.ptr);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        int number = number_of(base, entry->d_name);
        if ((number && number != kept) || (earlier && is_of(earlier, entry->d_name)))
            remove_in(arena, folder, entry->d_name);
    }
    if (entries)
        closedir(entries);
}

/* ---- its life ---- */

static struct generation *generation_open(struct ctx *ctx, struct projection *projection,
                                          int number)
{
    void *model = projection->settings->open(ctx, path_of(ctx->arena, projection, number));
    if (!model)
        return NULL;
    struct generation *generation = mem_alloc(sizeof *generation);
    *generation = (struct generation){ .number = number, .model = model };
    return generation;
}

static void generation_close(struct projection *projection, struct generation **generation)
{
    if (!*generation)
        return;
    projection->settings->close((*generation)->model);
    free(*generation);
    *generation = NULL;
}

struct projection *projection_open(struct ctx *ctx, const struct projection_settings *settings,
                                   const char *path)
{
    struct projection *projection = mem_alloc(sizeof *projection);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&projection->lock, NULL);
    pthread_cond_init(&projection->unused, &monotonic);
    pthread_condattr_destroy(&monotonic);
    projection->settings = settings;
    projection->path = mem_strdup(path);
    int number;
    if (number_read(ctx, projection, &number) &&
        (projection->current = generation_open(ctx, projection, number))) {
        remove_others(projection, number); /* only now: it is ours, and nobody else's */
        return projection;
    }
    projection_close(projection);
    return NULL;
}

void projection_close(struct projection *projection)
{
    if (!projection)
        return;
    generation_close(projection, &projection->next);
    generation_close(projection, &projection->old);
    generation_close(projection, &projection->current);
    pthread_cond_destroy(&projection->unused);
    pthread_mutex_destroy(&projection->lock);
    free(projection->path);
    free(projection);
}

/* ---- in use ---- */

struct model_use projection_use(struct projection *projection)
{
    pthread_mutex_lock(&projection->lock);
    struct generation *generation = projection->current;
    generation->users++;
    pthread_mutex_unlock(&projection->lock);
    return (struct model_use){ projection, generation, generation->model };
}

void model_done(struct model_use *use)
{
    if (!use->projection)
        return;
    pthread_mutex_lock(&use->projection->lock);
    if (--use->generation->users == 0 && use->generation == use->projection->old)
        pthread_cond_signal(&use->projection->unused);
    pthread_mutex_unlock(&use->projection->lock);
    *use = (struct model_use){ 0 };
}

int projection_generation(struct projection *projection)
{
    pthread_mutex_lock(&projection->lock);
    int number = projection->current->number;
    pthread_mutex_unlock(&projection->lock);
    return number;
}

void *projection_model(struct projection *projection)
{
    return projection->current->model;
}

/* ---- the next one ---- */

void *projection_begin(struct ctx *ctx, struct projection *projection)
{
    int number = projection->current->number;
    remove_others(projection, number);
    projection->next = generation_open(ctx, projection, number + 1);
    return projection->next ? projection->next->model : NULL;
}

/* From the rename on the next generation is the one in force. */
static bool number_write(struct ctx *ctx, const struct projection *projection, int number)
{
    const char *path = arena_printf(ctx->arena, "%s" NOW, projection->path).ptr;
    const char *fresh = arena_printf(ctx->arena, "%s.new", path).ptr;
    if (!write_whole(fresh, arena_printf(ctx->arena, "%d\n", number)))
        return failed(ctx, fresh);
    if (fault_at("events.rebuild.swap", projection->settings->name) == FAULT_ERROR)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "fault at events.rebuild.swap");
    if (rename(fresh, path) != 0)
        return failed(ctx, path);
    fault_at("events.rebuild.swapped", projection->settings->name);
    return true;
}

bool projection_swap(struct ctx *ctx, struct projection *projection)
{
    const struct event_store *store = projection->settings->store;
    struct generation *next = projection->next;
    /* Names first: what the number says must be there after a power cut. */
    if ((store->sync && !store->sync(ctx, next->model)) ||
        (!sync_folder(ctx->arena, projection->path) && !failed(ctx, projection->path)) ||
        !number_write(ctx, projection, next->number))
        return false;
    pthread_mutex_lock(&projection->lock);
    projection->old = projection->current;
    projection->current = next;
    projection->next = NULL;
    pthread_mutex_unlock(&projection->lock);
    return true;
}

bool projection_clear(struct projection *projection, int64_t limit_us)
{
    int64_t until_us = clock_mono_us() + limit_us;
    struct timespec until = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    generation_close(projection, &projection->next);
    pthread_mutex_lock(&projection->lock);
    while (projection->old && projection->old->users &&
           pthread_cond_timedwait(&projection->unused, &projection->lock, &until) == 0)
        ;
    struct generation *old = projection->old;
    bool unused = !old || old->users == 0;
    if (unused)
        projection->old = NULL;
    pthread_mutex_unlock(&projection->lock);
    if (!unused)
        return false;
    generation_close(projection, &old);
    /* Until the new number is on the disk, the old generation is what a power cut would leave. */
    if (sync_folder(arena, projection->path))
        remove_others(projection, projection->current->number);
    return true;
}
