#include "services/email/catcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/mail/mime_parse.h"
#include "platform/mail/smtp_listener.h"

#define MOST_MAIL ((size_t)10 << 20)
#define MOST_HEAD 16384 /* of a mail that is only listed */

struct catcher {
    char *folder;
    size_t keep, n;
    pthread_mutex_t lock; /* of n, and of who deletes the oldest */
    struct smtp_listener *listener;
};

static const char *path_of(struct ctx *ctx, const struct catcher *catcher, struct str id)
{
    return arena_printf(ctx->arena, "%s/" STR_FMT ".eml", catcher->folder, STR_ARG(id)).ptr;
}

static bool is_mail(const char *name, struct str *id)
{
    struct str text = str_of(name);
    if (!str_ends(text, STR(".eml")))
        return false;
    *id = (struct str){ text.ptr, text.len - 4 };
    return id_has_prefix(*id, "cgt");
}

static int newest_first(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)b, *(const struct str *)a);
}

/* All ids, newest first; ids grow with time. */
static bool ids_read(struct ctx *ctx, const struct catcher *catcher, struct str **out, size_t *n)
{
    DIR *dir = opendir(catcher->folder);
    if (!dir)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "cannot read %s: %s", catcher->folder,
                        strerror(errno));
    size_t room = catcher->keep + catcher->keep / 8 + 64, count = 0;
    struct str *ids = ARENA_ARRAY(ctx->arena, struct str, room), id;
    for (struct dirent *entry; (entry = readdir(dir)) && count < room;)
        if (is_mail(entry->d_name, &id))
            ids[count++] = arena_str(ctx->arena, id);
    closedir(dir);
    qsort(ids, count, sizeof *ids, newest_first);
    *out = ids;
    *n = count;
    return true;
}

/* Under the lock. */
static bool oldest_delete(struct ctx *ctx, struct catcher *catcher)
{
    struct str *ids;
    if (!ids_read(ctx, catcher, &ids, &catcher->n))
        return false;
    while (catcher->n > catcher->keep)
        unlink(path_of(ctx, catcher, ids[--catcher->n]));
    return true;
}

static bool file_write(struct ctx *ctx, const char *path, struct str head, struct str data)
{
    const char *draft = arena_printf(ctx->arena, "%s.draft", path).ptr;
    FILE *file = fopen(draft, "wb");
    bool ok = file && fwrite(head.ptr, 1, head.len, file) == head.len &&
              fwrite(data.ptr, 1, data.len, file) == data.len;
    int failed = errno;
    if (file && fclose(file) != 0 && ok) {
        ok = false;
        failed = errno;
    }
    if (ok && rename(draft, path) == 0)
        return true;
    unlink(draft);
    return ctx_fail(ctx, ERR_UNAVAILABLE, "cannot write %s: %s", path,
                    strerror(ok ? errno : failed));
}

bool catcher_put(struct ctx *ctx, struct catcher *catcher, struct str sender, struct str recipients,
                 struct str data, struct str *caught_id)
{
    struct str id = id_new(ctx->arena, "cgt");
    struct str head = arena_printf(ctx->arena,
                                   "Return-Path: <" STR_FMT ">\r\nX-Envelope-To: " STR_FMT "\r\n",
                                   STR_ARG(sender), STR_ARG(recipients));
    if (!file_write(ctx, path_of(ctx, catcher, id), head, data))
        return false;
    pthread_mutex_lock(&catcher->lock);
    bool ok = ++catcher->n <= catcher->keep + catcher->keep / 8 || oldest_delete(ctx, catcher);
    pthread_mutex_unlock(&catcher->lock);
    *caught_id = id;
    return ok;
}

static enum smtp_verdict take(void *context, const struct smtp_mail *mail)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str recipients = STR(""), id;
    for (size_t i = 0; i < mail->n_recipients; i++)
        recipients = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(recipients), i ? ", " : "",
                                  STR_ARG(mail->recipients[i]));
    return catcher_put(&ctx, context, mail->sender, recipients, mail->data, &id) ? SMTP_TAKEN
                                                                                 : SMTP_LATER;
}

struct catcher *catcher_open(struct ctx *ctx, struct str folder, int port, size_t keep)
{
    struct catcher *catcher = mem_alloc(sizeof *catcher);
    struct smtp_listener_settings settings = { .host = "127.0.0.1",
                                               .port = port,
                                               .name = "catcher.fanfare",
                                               .most_bytes = MOST_MAIL,
                                               .most_recipients = 100,
                                               .most_sessions = 20,
                                               .idle_us = 300 * US_PER_S,
                                               .take = take,
                                               .context = catcher };
    catcher->folder = mem_strdup(folder.ptr);
    catcher->keep = keep;
    pthread_mutex_init(&catcher->lock, NULL);
    if (mkdir(catcher->folder, 0700) != 0 && errno != EEXIST) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "cannot make %s: %s", catcher->folder, strerror(errno));
        goto fail;
    }
    if (!oldest_delete(ctx, catcher))
        goto fail;
    if (port && !(catcher->listener = smtp_listener_start(ctx, &settings)))
        goto fail;
    return catcher;
fail:
    catcher_close(catcher);
    return NULL;
}

void catcher_close(struct catcher *catcher)
{
    if (!catcher)
        return;
    smtp_listener_stop(catcher->listener);
    pthread_mutex_destroy(&catcher->lock);
    free(catcher->folder);
    free(catcher);
}

/* Up to `most` bytes of it, and how many it has in all. */
static bool file_read(struct ctx *ctx, const struct catcher *catcher, struct str id, size_t most,
                      struct str *out, int64_t *bytes)
{
    struct stat about;
    int fd = id_has_prefix(id, "cgt") ? open(path_of(ctx, catcher, id), O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &about) != 0) {
        if (fd >= 0)
            close(fd);
        return ctx_fail(ctx, ERR_NOT_FOUND, "There is no caught mail " STR_FMT ".", STR_ARG(id));
    }
    size_t wanted = MIN(most, (size_t)about.st_size);
    char *text = arena_alloc(ctx->arena, wanted + 1);
    ssize_t n = read(fd, text, wanted);
    close(fd);
    if (n < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "cannot read the caught mail: %s", strerror(errno));
    *out = (struct str){ text, (size_t)n };
    *bytes = about.st_size;
    return true;
}

/* The first 48 bits of an UUIDv7 are milliseconds. */
static int64_t time_of(struct str id)
{
    int64_t ms = 0;
    for (size_t i = 4, digits = 0; i < id.len && digits < 12; i++) {
        char c = id.ptr[i];
        if (c == '-')
            continue;
        ms = ms * 16 + (c >= 'a' ? c - 'a' + 10 : c - '0');
        digits++;
    }
    return ms * US_PER_MS;
}

static void about(struct ctx *ctx, struct str id, struct str head, int64_t bytes,
                  struct caught_row *out)
{
    struct mime_header *headers;
    size_t n = mime_headers(ctx->arena, &head, &headers);
    struct str path = mime_find(headers, n, "return-path");
    *out = (struct caught_row){
        .caught_id = arena_str(ctx->arena, id),
        .caught_us = time_of(id),
        .sender = { path.ptr + (path.len > 0), path.len > 1 ? path.len - 2 : 0 },
        .recipients = mime_words(ctx->arena, mime_find(headers, n, "x-envelope-to")),
        .from = mime_words(ctx->arena, mime_find(headers, n, "from")),
        .subject = mime_words(ctx->arena, mime_find(headers, n, "subject")),
        .bytes = bytes,
    };
    out->sender = mime_words(ctx->arena, out->sender);
}

void catcher_about(struct ctx *ctx, struct str caught_id, struct str source, struct caught_row *out)
{
    about(ctx, caught_id, source, (int64_t)source.len, out);
}

bool catcher_list(struct ctx *ctx, struct catcher *catcher, struct str before, size_t most,
                  struct caught_row *out, size_t *n)
{
    struct str *ids, head;
    size_t count;
    int64_t bytes;
    if (!ids_read(ctx, catcher, &ids, &count))
        return false;
    *n = 0;
    for (size_t i = 0; i < count && *n < most; i++) {
        if (before.ptr && str_cmp(ids[i], before) >= 0)
            continue;
        if (!file_read(ctx, catcher, ids[i], MOST_HEAD, &head, &bytes)) {
            ctx_clear(ctx); /* deleted meanwhile */
            continue;
        }
        about(ctx, ids[i], head, bytes, &out[(*n)++]);
    }
    return true;
}

bool catcher_read(struct ctx *ctx, struct catcher *catcher, struct str caught_id,
                  struct str *source)
{
    int64_t bytes;
    return file_read(ctx, catcher, caught_id, 2 * MOST_MAIL, source, &bytes);
}

bool catcher_delete(struct ctx *ctx, struct catcher *catcher, struct str caught_id)
{
    if (!id_has_prefix(caught_id, "cgt") || unlink(path_of(ctx, catcher, caught_id)) != 0)
        return ctx_fail(ctx, ERR_NOT_FOUND, "There is no caught mail " STR_FMT ".",
                        STR_ARG(caught_id));
    pthread_mutex_lock(&catcher->lock);
    catcher->n -= catcher->n > 0;
    pthread_mutex_unlock(&catcher->lock);
    return true;
}

bool catcher_clear(struct ctx *ctx, struct catcher *catcher)
{
    struct str *ids;
    pthread_mutex_lock(&catcher->lock);
    bool ok = ids_read(ctx, catcher, &ids, &catcher->n);
    while (ok && catcher->n)
        unlink(path_of(ctx, catcher, ids[--catcher->n]));
    pthread_mutex_unlock(&catcher->lock);
    return ok;
}

static bool is_for(struct ctx *ctx, struct str head, struct str address)
{
    struct mime_header *headers;
    size_t n = mime_headers(ctx->arena, &head, &headers);
    struct str all = mime_find(headers, n, "x-envelope-to"), one;
    while (str_split(&all, ',', &one))
        if (str_eq_nocase(str_trim(one), address))
            return true;
    return false;
}

bool catcher_forget(struct ctx *ctx, struct catcher *catcher, struct str address)
{
    struct str *ids, head;
    size_t n;
    int64_t bytes;
    if (!ids_read(ctx, catcher, &ids, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((file_read(ctx, catcher, ids[i], MOST_HEAD, &head, &bytes) &&
             is_for(ctx, head, address) && !catcher_delete(ctx, catcher, ids[i])) ||
            ctx_failed(ctx))
            ctx_clear(ctx); /* deleted meanwhile */
    return true;
}
