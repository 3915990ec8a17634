/* Cursors of lists: CRC-32C, then each part as its length (4 bytes, big-endian; all ones: absent) and bytes; base64url.
 * The checksum tells a cursor that was cut or made up; it is no secret, and what it holds is only bound as values. */
#include "base/hash.h"
#include "platform/crypto/crypto.h"
#include "platform/sql/sql.h"

#define ABSENT UINT32_MAX

static void put32(uint8_t *out, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(n >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

struct str sql_cursor(struct arena *arena, const struct str *parts, size_t n)
{
    size_t bytes = 4;
    for (size_t i = 0; i < n; i++)
        bytes += 4 + parts[i].len;
    uint8_t *all = arena_alloc_raw(arena, bytes), *out = all + 4;
    for (size_t i = 0; i < n; i++) {
        put32(out, parts[i].ptr ? (uint32_t)parts[i].len : ABSENT);
        out += 4;
        if (parts[i].len)
            memcpy(out, parts[i].ptr, parts[i].len);
        out += parts[i].len;
    }
    put32(all, hash_crc32c(0, all + 4, bytes - 4));
    return crypto_base64url(arena, (struct str){ (const char *)all, bytes });
}

/* Cuts the next part off. */
static bool part_read(struct arena *arena, const uint8_t **in, const uint8_t *end, struct str *part)
{
    if (end - *in < 4)
        return false;
    uint32_t length = get32(*in);
    *in += 4;
    *part = (struct str){ NULL, 0 };
    if (length == ABSENT)
        return true;
    if ((size_t)(end - *in) < length)
        return false;
    *part = arena_str(arena, (struct str){ (const char *)*in, length });
    *in += length;
    return true;
}

bool sql_cursor_parse(struct ctx *ctx, struct str cursor, struct str *parts, size_t n)
{
    struct str bytes = crypto_unbase64(ctx->arena, cursor);
    const uint8_t *in = (const uint8_t *)bytes.ptr, *end = in + bytes.len;
    bool ok = bytes.ptr && bytes.len >= 4 && get32(in) == hash_crc32c(0, in + 4, bytes.len - 4);
    struct str *read = ARENA_ARRAY(ctx->arena, struct str, n + 1);
    if (ok)
        in += 4;
    for (size_t i = 0; ok && i < n; i++)
        ok = part_read(ctx->arena, &in, end, &read[i]);
    if (!ok || in != end)
        return ctx_fail_at(ctx, ERR_INVALID, STR("query/cursor"),
                           "the cursor is not one that a list gave");
    if (n)
        memcpy(parts, read, n * sizeof *parts);
    return true;
}

struct str sql_moment_cursor(struct arena *arena, int64_t us, struct str id)
{
    struct str parts[2] = { arena_printf(arena, "%lld", (long long)us), id };
    return sql_cursor(arena, parts, 2);
}

bool sql_moment_parse(struct ctx *ctx, struct str cursor, struct sql_moment *out)
{
    struct str parts[2];
    int64_t us = INT64_MAX;
    if (!cursor.ptr) {
        *out = (struct sql_moment){ INT64_MAX, STR("") };
        return true;
    }
    if (!sql_cursor_parse(ctx, cursor, parts, 2))
        return false;
    if (!str_to_int(parts[0], &us) || !parts[1].ptr)
        return ctx_fail_at(ctx, ERR_INVALID, STR("query/cursor"), "the cursor is of another list");
    *out = (struct sql_moment){ us, parts[1] };
    return true;
}
