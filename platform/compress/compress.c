#include "platform/compress/compress.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/macros.h"

#define LEAST_ROOM (16 * 1024)
#define ZSTD_WINDOW_LOG_MOST 23
#define ZSTD_LEVEL 3
#define GZIP_WINDOW (15 + 16)     /* gzip's header */
#define GZIP_OR_ZLIB (15 + 32)    /* either */
#define XERIAL_HEADER_BYTES 16

void compress_buffer_clear(struct compress_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct compress_buffer){ 0 };
}

static void make_room(struct compress_buffer *out, size_t size)
{
    if (out->size >= size)
        return;
    out->bytes = mem_realloc(out->bytes, size);
    out->size = size;
}

/* Room for more behind what is there; false when `most` is reached. */
static bool grow(struct compress_buffer *out, size_t most)
{
    if (out->n < MIN(out->size, most))
        return true;
    make_room(out, MIN(MAX(out->size * 2, LEAST_ROOM), most));
    return out->n < MIN(out->size, most);
}

static size_t room_of(const struct compress_buffer *out, size_t most)
{
    return MIN(out->size, most) - out->n;
}

static bool expand_gzip(const void *bytes, size_t n, size_t most, struct compress_buffer *out)
{
    z_stream stream = { .next_in = (Bytef *)bytes, .avail_in = (uInt)n };
    if (inflateInit2(&stream, GZIP_OR_ZLIB) != Z_OK)
        return false;
    int result = Z_OK;
    while (result == Z_OK && grow(out, most)) {
        size_t room = room_of(out, most);
        stream.next_out = out->bytes + out->n;
        stream.avail_out = (uInt)room;
        result = inflate(&stream, Z_NO_FLUSH);
        out->n += room - stream.avail_out;
        if (result == Z_STREAM_END && stream.avail_in) /* another member follows */
            result = inflateReset(&stream);
    }
    inflateEnd(&stream);
    return result == Z_STREAM_END;
}

static bool expand_lz4(const void *bytes, size_t n, size_t most, struct compress_buffer *out)
{
    LZ4F_dctx *context;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return false;
    const uint8_t *at = bytes, *end = at + n;
    size_t left = 1; /* 0: a frame has ended */
    while ((at < end || left) && grow(out, most)) {
        size_t room = room_of(out, most), taken = (size_t)(end - at);
        left = LZ4F_decompress(context, out->bytes + out->n, &room, at, &taken, NULL);
        out->n += room;
        at += taken;
        if (LZ4F_isError(left) || (!room && !taken))
            break;
    }
    LZ4F_freeDecompressionContext(context);
    return left == 0 && at == end;
}

static bool expand_zstd(const void *bytes, size_t n, size_t most, struct compress_buffer *out)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context)
        return false;
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MOST);
    ZSTD_inBuffer in = { bytes, n, 0 };
    size_t left = 1; /* 0: a frame has ended */
    while ((in.pos < n || left) && grow(out, most)) {
        ZSTD_outBuffer to = { out->bytes + out->n, room_of(out, most), 0 };
        size_t before = in.pos;
        left = ZSTD_decompressStream(context, &to, &in);
        out->n += to.pos;
        if (ZSTD_isError(left) || (!to.pos && in.pos == before))
            break;
    }
    ZSTD_freeDCtx(context);
    return left == 0 && in.pos == n;
}

static bool expand_snappy_block(const void *bytes, size_t n, size_t most,
                                struct compress_buffer *out)
{
    size_t more;
    if (snappy_uncompressed_length(bytes, n, &more) != SNAPPY_OK || more > most - out->n)
        return false;
    make_room(out, out->n + MAX(more, 1));
    if (snappy_uncompress(bytes, n, (char *)out->bytes + out->n, &more) != SNAPPY_OK)
        return false;
    out->n += more;
    return true;
}

/* A header, then blocks, each behind its length (big-endian). */
static bool expand_snappy(const void *bytes, size_t n, size_t most, struct compress_buffer *out)
{
    static const uint8_t magic[] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };
    const uint8_t *at = bytes, *end = at + n;
    if (n < XERIAL_HEADER_BYTES || memcmp(at, magic, sizeof(magic)) != 0)
        return expand_snappy_block(bytes, n, most, out);
    for (at += XERIAL_HEADER_BYTES; end - at >= 4;) {
        size_t block = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
        at += 4;
        if (block > (size_t)(end - at) || !expand_snappy_block(at, block, most, out))
            return false;
        at += block;
    }
    return at == end;
}

/* One byte beyond what is allowed is room enough to see that there is more. */
bool compress_expand(enum codec codec, const void *bytes, size_t n, size_t most,
                     struct compress_buffer *out)
{
    bool ok = false;
    out->n = 0;
    switch (codec) {
    case CODEC_NONE:
        ok = n <= most;
        make_room(out, ok ? n : 0);
        if (ok && n)
            memcpy(out->bytes, bytes, out->n = n);
        return ok;
    case CODEC_GZIP:
        ok = expand_gzip(bytes, n, most + 1, out);
        break;
    case CODEC_SNAPPY:
        ok = expand_snappy(bytes, n, most, out);
        break;
    case CODEC_LZ4:
        ok = expand_lz4(bytes, n, most + 1, out);
        break;
    case CODEC_ZSTD:
        ok = expand_zstd(bytes, n, most + 1, out);
        break;
    }
    return ok && out->n <= most;
}

static bool shrink_gzip(const void *bytes, size_t n, struct compress_buffer *out)
{
    z_stream stream = { .next_in = (Bytef *)bytes, .avail_in = (uInt)n };
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL - 1,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    make_room(out, deflateBound(&stream, (uLong)n));
    stream.next_out = out->bytes;
    stream.avail_out = (uInt)out->size;
    int result = deflate(&stream, Z_FINISH);
    out->n = out->size - stream.avail_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END;
}

static bool shrink_lz4(const void *bytes, size_t n, struct compress_buffer *out)
{
    LZ4F_preferences_t wanted = { .frameInfo.blockMode = LZ4F_blockIndependent };
    make_room(out, LZ4F_compressFrameBound(n, &wanted));
    out->n = LZ4F_compressFrame(out->bytes, out->size, bytes, n, &wanted);
    return !LZ4F_isError(out->n);
}

static bool shrink_zstd(const void *bytes, size_t n, struct compress_buffer *out)
{
    make_room(out, ZSTD_compressBound(n));
    out->n = ZSTD_compress(out->bytes, out->size, bytes, n, ZSTD_LEVEL);
    return !ZSTD_isError(out->n);
}

static bool shrink_snappy(const void *bytes, size_t n, struct compress_buffer *out)
{
    make_room(out, snappy_max_compressed_length(n));
    out->n = out->size;
    return snappy_compress(bytes, n, (char *)out->bytes, &out->n) == SNAPPY_OK;
}

bool compress_shrink(enum codec codec, const void *bytes, size_t n, struct compress_buffer *out)
{
    switch (codec) {
    case CODEC_NONE:
        return compress_expand(CODEC_NONE, bytes, n, n, out);
    case CODEC_GZIP:
        return shrink_gzip(bytes, n, out);
    case CODEC_SNAPPY:
        return shrink_snappy(bytes, n, out);
    case CODEC_LZ4:
        return shrink_lz4(bytes, n, out);
    case CODEC_ZSTD:
        return shrink_zstd(bytes, n, out);
    }
    return false;
}
