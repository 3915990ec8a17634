#include "services/content/media_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DRAFT "draft-"
#define DRAFT_LIFE_S                                                                               \
    3600 /* no upload takes that long: the body is there before the file is begun */
#define SHARD_LEN 2

static bool disk_fail(struct ctx *ctx, const char *what)
{
    return ctx_fail(ctx, ERR_UNAVAILABLE, "%s: %s", what, strerror(errno));
}

static struct str shard_path(struct ctx *ctx, const char *folder, struct str hash)
{
    return arena_printf(ctx->arena, "%s/%.*s", folder, SHARD_LEN, hash.ptr);
}

static struct str file_path(struct ctx *ctx, const char *folder, struct str hash)
{
    return arena_printf(ctx->arena, "%s/%.*s/%.*s", folder, SHARD_LEN, hash.ptr,
                        (int)(hash.len - SHARD_LEN), hash.ptr + SHARD_LEN);
}

static bool folder_sync(struct ctx *ctx, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        disk_fail(ctx, "syncing a folder of media");
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- folders ---- */

/* The names of the folders are synced here, once and at each start (a kill may have come between the two): a file's place is
 * on the disk only if those are. */
bool media_folder_open(struct ctx *ctx, const char *folder)
{
    char shard[SHARD_LEN + 1], *parent = arena_cstr(ctx->arena, str_of(folder));
    bool made = mkdir(folder, 0700) == 0;
    if (!made && errno != EEXIST)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "media_folder %s: %s", folder, strerror(errno));
    if (!folder_sync(ctx, dirname(parent)) && made)
        return false;
    ctx_clear(ctx); /* of a folder that was there, what it is in may not be ours to open */
    for (int i = 0; i < 1 << 4 * SHARD_LEN; i++) {
        snprintf(shard, sizeof(shard), "%0*x", SHARD_LEN, i);
        if (mkdir(arena_printf(ctx->arena, "%s/%s", folder, shard).ptr, 0700) != 0 &&
            errno != EEXIST)
            return disk_fail(ctx, "making a folder for media");
    }
    return folder_sync(ctx, folder);
}

/* ---- writing ---- */

void media_draft_done(struct media_draft *draft)
{
    if (draft->path)
        unlink(draft->path);
    free(draft->path);
    draft->path = NULL;
}

static bool write_all(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes = (struct str){ bytes.ptr + n, bytes.len - (size_t)n };
    }
    return true;
}

bool media_draft_write(struct ctx *ctx, const char *folder, struct str bytes,
                       struct media_draft *out)
{
    char *path = mem_strdup(arena_printf(ctx->arena, "%s/" DRAFT "XXXXXX", folder).ptr);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        free(path);
        return disk_fail(ctx, "making a file for media");
    }
    out->path = path;
    bool ok = write_all(fd, bytes) && fsync(fd) == 0;
    if (!ok)
        disk_fail(ctx, "writing media");
    close(fd);
    return ok;
}

bool media_draft_place(struct ctx *ctx, const char *folder, struct str hash,
                       struct media_draft *draft)
{
    if (rename(draft->path, file_path(ctx, folder, hash).ptr) != 0)
        return disk_fail(ctx, "placing media");
    free(draft->path);
    draft->path = NULL;
    return folder_sync(ctx, shard_path(ctx, folder, hash).ptr);
}

/* ---- reading and removing ---- */

int media_open(struct ctx *ctx, const char *folder, struct str hash, int64_t bytes)
{
    struct stat info;
    int fd = open(file_path(ctx, folder, hash).ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        disk_fail(ctx, "opening media");
        return -1;
    }
    if (fstat(fd, &info) == 0 && info.st_size == bytes)
        return fd;
    close(fd);
    ctx_fail(ctx, ERR_UNAVAILABLE, "the file of a medium has not the %lld bytes that it had",
             (long long)bytes);
    return -1;
}

bool media_remove(struct ctx *ctx, const char *folder, struct str hash)
{
    return unlink(file_path(ctx, folder, hash).ptr) == 0 || errno == ENOENT ||
           disk_fail(ctx, "removing media");
}

void media_sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    struct stat info;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strncmp(entry->d_name, DRAFT, strlen(DRAFT)) == 0 &&
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            info.st_mtime < time(NULL) - DRAFT_LIFE_S)
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}
