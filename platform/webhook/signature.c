#include "platform/webhook/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/id.h"
#include "platform/crypto/crypto.h"

#define PREFIX "whsec_"
#define FRESH_BYTES 32
#define LEAST_BYTES 24
#define MOST_BYTES 64
#define FILE_MOST 256

bool webhook_secret_read(struct ctx *ctx, struct str text, struct str *out)
{
    struct str bytes = { NULL, 0 }, trimmed = { text.ptr, text.len };
    while (trimmed.len && trimmed.ptr[trimmed.len - 1] == '\n')
        trimmed.len--;
    if (str_starts(trimmed, STR(PREFIX)))
        bytes = crypto_unbase64(
            ctx->arena, (struct str){ trimmed.ptr + strlen(PREFIX), trimmed.len - strlen(PREFIX) });
    if (!bytes.ptr || bytes.len < LEAST_BYTES || bytes.len > MOST_BYTES)
        return ctx_fail(ctx, ERR_INVALID,
                        "a webhook secret is " PREFIX " and the base64 of %d to %d bytes",
                        LEAST_BYTES, MOST_BYTES);
    *out = bytes;
    return true;
}

static bool file_fails(struct ctx *ctx, struct str path, const char *what)
{
    return ctx_fail(ctx, ERR_UNAVAILABLE, STR_FMT " cannot be %s: %s", STR_ARG(path), what,
                    strerror(errno));
}

/* Whole under its name, or not there: of two who make it the first one wins. */
static bool file_make(struct ctx *ctx, struct str path)
{
    uint8_t fresh[FRESH_BYTES];
    id_random(fresh, sizeof(fresh));
    struct str encoded = crypto_base64(ctx->arena, (struct str){ (char *)fresh, sizeof(fresh) });
    struct str line = arena_printf(ctx->arena, PREFIX STR_FMT "\n", STR_ARG(encoded));
    struct str draft = arena_printf(ctx->arena, STR_FMT ".%d.new", STR_ARG(path), (int)getpid());
    int file = open(draft.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return file_fails(ctx, path, "made");
    bool ok = write(file, line.ptr, line.len) == (ssize_t)line.len && fsync(file) == 0;
    ok = close(file) == 0 && ok && (link(draft.ptr, path.ptr) == 0 || errno == EEXIST);
    if (!ok)
        file_fails(ctx, path, "written");
    unlink(draft.ptr);
    return ok;
}

bool webhook_secret_load(struct ctx *ctx, struct str path, struct str *out)
{
    char *held = arena_alloc(ctx->arena, FILE_MOST + 1);
    if (access(path.ptr, F_OK) != 0 && !file_make(ctx, path))
        return false;
    int file = open(path.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : read(file, held, FILE_MOST);
    bool ok = n < 0 ? file_fails(ctx, path, "read")
                    : webhook_secret_read(ctx, (struct str){ held, (size_t)n }, out);
    if (file >= 0)
        close(file);
    return ok;
}

struct str webhook_signature(struct arena *arena, struct str secret, struct str id, int64_t at_s,
                             struct str body)
{
    uint8_t hash[32];
    struct str text =
        arena_printf(arena, STR_FMT ".%lld." STR_FMT, STR_ARG(id), (long long)at_s, STR_ARG(body));
    crypto_hmac_sha256(secret, text, hash);
    struct str encoded = crypto_base64(arena, (struct str){ (char *)hash, sizeof(hash) });
    return arena_printf(arena, "v1," STR_FMT, STR_ARG(encoded));
}

static bool is_signed(struct str signatures, struct str expected)
{
    struct str rest = signatures, one;
    bool found = false;
    while (str_split(&rest, ' ', &one))
        found |= one.len == expected.len && crypto_equal(one.ptr, expected.ptr, one.len);
    return found;
}

bool webhook_verify(struct ctx *ctx, struct str secret, const struct webhook_head *head,
                    struct str body, int64_t now_s)
{
    int64_t at_s;
    if (!head->id.len || !str_to_int(head->timestamp, &at_s) ||
        !is_signed(head->signatures, webhook_signature(ctx->arena, secret, head->id, at_s, body)))
        return ctx_fail(ctx, ERR_UNAUTHENTICATED,
                        "webhook-signature is not that of this id, timestamp and body");
    if (at_s < now_s - WEBHOOK_TOLERANCE_S || at_s > now_s + WEBHOOK_TOLERANCE_S)
        return ctx_fail(ctx, ERR_UNAUTHENTICATED, "it was signed too long ago, or in the future");
    return true;
}
