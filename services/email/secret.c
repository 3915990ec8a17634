#include "services/email/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"

#define SECRET_MOST_BYTES 16384 /* a key of RSA-4096 as PEM has 3,300 */

bool secret_folder(struct ctx *ctx, const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be made: %s", path, strerror(errno));
}

static bool write_all(int file, struct str content)
{
    while (content.len > 0) {
        ssize_t n = write(file, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content.ptr += n;
        content.len -= (size_t)n;
    }
    return fsync(file) == 0;
}

/* The name is on the disk too. */
static void sync_folder_of(struct ctx *ctx, struct str path)
{
    char *folder = arena_cstr(ctx->arena, path), *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        fsync(file);
        close(file);
    }
}

bool secret_write(struct ctx *ctx, struct str path, struct str content)
{
    struct str draft = arena_printf(ctx->arena, STR_FMT ".%d.new", STR_ARG(path), (int)getpid());
    int file = open(draft.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = file >= 0 && write_all(file, content);
    if (file >= 0 && close(file) != 0)
        ok = false;
    if (ok && link(draft.ptr, path.ptr) != 0) { /* unlike rename, it replaces nothing */
        ok = false;
        if (errno == EEXIST)
            ctx_fail(ctx, ERR_CONFLICT, STR_FMT " is there already", STR_ARG(path));
    }
    if (!ok && !ctx_failed(ctx))
        ctx_fail(ctx, ERR_UNAVAILABLE, STR_FMT " cannot be written: %s", STR_ARG(path),
                 strerror(errno));
    if (file >= 0)
        unlink(draft.ptr);
    if (ok)
        sync_folder_of(ctx, path);
    return ok;
}

struct str secret_read(struct ctx *ctx, struct str path)
{
    char *content = arena_alloc(ctx->arena, SECRET_MOST_BYTES + 1);
    int file = open(path.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : read(file, content, SECRET_MOST_BYTES);
    if (n < 0)
        ctx_fail(ctx, errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE,
                 STR_FMT " cannot be read: %s", STR_ARG(path), strerror(errno));
    if (file >= 0)
        close(file);
    return n < 0 ? (struct str){ NULL, 0 } : (struct str){ content, (size_t)n };
}

bool secret_key(struct ctx *ctx, struct str path, uint8_t out[32])
{
    uint8_t fresh[32];
    id_random(fresh, sizeof(fresh));
    if (access(path.ptr, F_OK) != 0 &&
        !secret_write(ctx, path, (struct str){ (const char *)fresh, sizeof(fresh) })) {
        if (ctx->error.code != ERR_CONFLICT)
            return false;
        ctx_clear(ctx);
    }
    struct str held = secret_read(ctx, path);
    if (held.ptr && held.len != 32)
        return ctx_fail(ctx, ERR_INVALID, STR_FMT " does not hold 32 bytes", STR_ARG(path));
    if (held.ptr)
        memcpy(out, held.ptr, 32);
    return held.ptr;
}

bool secret_load(struct ctx *ctx, const char *folder, uint8_t out[32])
{
    return secret_key(ctx, arena_printf(ctx->arena, "%s/link.key", folder), out);
}
