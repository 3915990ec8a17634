#include "services/content/media_kind.h"

/* ---- bytes ---- */

struct reader {
    const uint8_t *at;
    size_t left;
};

static bool skip(struct reader *reader, uint64_t n)
{
    if (n > reader->left)
        return false;
    reader->at += n;
    reader->left -= n;
    return true;
}

static uint32_t big(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static uint32_t little(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static bool begins(struct reader reader, size_t at, const char *with, size_t n)
{
    return reader.left >= at + n && memcmp(reader.at + at, with, n) == 0;
}

#define BEGINS(reader, at, with) begins((reader), (at), (with), sizeof(with) - 1)

/* ---- PNG (ISO 15948): chunks from IHDR to IEND, and nothing behind ---- */

static bool png_walk(struct reader reader, struct media_kind *out)
{
    skip(&reader, 8);
    for (bool first = true; reader.left >= 12; first = false) {
        uint32_t length = big(reader.at, 4);
        bool end = BEGINS(reader, 4, "IEND");
        if (first && (length != 13 || !BEGINS(reader, 4, "IHDR") || reader.left < 25))
            return false;
        if (first) {
            out->width = big(reader.at + 8, 4);
            out->height = big(reader.at + 12, 4);
        }
        if (!skip(&reader, 12 + (uint64_t)length))
            return false;
        if (end)
            return reader.left == 0;
    }
    return false;
}

/* ---- JPEG (ISO 10918-1): segments to the first scan, and an end of the picture after it ---- */

static bool is_frame(uint8_t marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static bool jpeg_walk(struct reader reader, struct media_kind *out)
{
    skip(&reader, 2);
    while (reader.left >= 4 && reader.at[0] == 0xFF) {
        uint8_t marker = reader.at[1];
        if (marker == 0xFF) { /* filling */
            skip(&reader, 1);
            continue;
        }
        uint32_t length = big(reader.at + 2, 2);
        if (length < 2 || reader.left < 2 + (size_t)length)
            return false;
        if (is_frame(marker) && length >= 8) {
            out->height = big(reader.at + 5, 2);
            out->width = big(reader.at + 7, 2);
        }
        skip(&reader, 2 + (uint64_t)length);
        if (marker == 0xDA)
            return out->width > 0 && memmem(reader.at, reader.left, "\xFF\xD9", 2);
    }
    return false;
}

/* ---- GIF (89a): blocks to the trailer, a picture among them ---- */

static bool gif_sub_blocks(struct reader *reader)
{
    while (reader->left) {
        uint8_t n = reader->at[0];
        if (!skip(reader, 1 + (uint64_t)n))
            return false;
        if (n == 0)
            return true;
    }
    return false;
}

static uint64_t gif_colours_bytes(uint8_t flags)
{
    return flags & 0x80 ? 3u << ((flags & 7) + 1) : 0;
}

static bool gif_walk(struct reader reader, struct media_kind *out)
{
    bool picture = false;
    if (reader.left < 13)
        return false;
    out->width = little(reader.at + 6, 2);
    out->height = little(reader.at + 8, 2);
    if (!skip(&reader, 13 + gif_colours_bytes(reader.at[10])))
        return false;
    while (reader.left && reader.at[0] != 0x3B) {
        if (reader.at[0] == 0x2C) {
            picture = true;
            if (reader.left < 11 || !skip(&reader, 11 + gif_colours_bytes(reader.at[9])))
                return false;
        } else if (reader.at[0] != 0x21 || !skip(&reader, 2)) {
            return false;
        }
        if (!gif_sub_blocks(&reader))
            return false;
    }
    return picture && reader.left;
}

/* ---- WebP (RFC 9649): as long as it says, and the size of its first chunk ---- */

static bool webp_walk(struct reader reader, struct media_kind *out)
{
    const uint8_t *at = reader.at;
    if (reader.left < 30 || little(at + 4, 4) + (uint64_t)8 != reader.left)
        return false;
    if (BEGINS(reader, 12, "VP8 ") && BEGINS(reader, 23, "\x9D\x01\x2A")) {
        out->width = little(at + 26, 2) & 0x3FFF;
        out->height = little(at + 28, 2) & 0x3FFF;
    } else if (BEGINS(reader, 12, "VP8L") && at[20] == 0x2F) {
        uint32_t bits = little(at + 21, 4);
        out->width = (bits & 0x3FFF) + 1;
        out->height = (bits >> 14 & 0x3FFF) + 1;
    } else if (BEGINS(reader, 12, "VP8X")) {
        out->width = little(at + 24, 3) + (int64_t)1;
        out->height = little(at + 27, 3) + (int64_t)1;
    } else {
        return false;
    }
    return true;
}

/* ---- PDF (ISO 32000-1): its end is in the last 1024 bytes ---- */

static bool pdf_walk(struct reader reader, struct media_kind *out)
{
    size_t n = MIN(reader.left, 1024);
    return memmem(reader.at + reader.left - n, n, "%%EOF", 5) != NULL;
}

/* ---- MP4 (ISO 14496-12): boxes to the end, a film among them ---- */

/* 0: it does not fit. */
static uint64_t box_bytes(struct reader reader)
{
    uint64_t bytes = big(reader.at, 4), head = 8;
    if (bytes == 0) /* to the end */
        bytes = reader.left;
    if (bytes == 1) {
        if (reader.left < 16)
            return 0;
        bytes = (uint64_t)big(reader.at + 8, 4) << 32 | big(reader.at + 12, 4);
        head = 16;
    }
    return bytes >= head && bytes <= reader.left ? bytes : 0;
}

static bool mp4_walk(struct reader reader, struct media_kind *out)
{
    bool film = false;
    while (reader.left >= 8) {
        uint64_t bytes = box_bytes(reader);
        film |= BEGINS(reader, 4, "moov");
        if (bytes == 0 || !skip(&reader, bytes))
            return false;
    }
    return film && reader.left == 0;
}

/* ---- which it is ---- */

static const struct {
    const char *type;
    const char *magic;
    size_t magic_at, magic_len;
    const char *second; /* at `second_at`, four long; NULL: none */
    size_t second_at;
    bool picture;
    bool (*walk)(struct reader reader, struct media_kind *out);
} kinds[] = {
    { "image/png",       "\x89PNG\r\n\x1A\n", 0, 8, NULL,   0, true,  png_walk },
    { "image/jpeg",      "\xFF\xD8\xFF",      0, 3, NULL,   0, true,  jpeg_walk },
    { "image/gif",       "GIF89a",            0, 6, NULL,   0, true,  gif_walk },
    { "image/gif",       "GIF87a",            0, 6, NULL,   0, true,  gif_walk },
    { "image/webp",      "RIFF",              0, 4, "WEBP", 8, true,  webp_walk },
    { "application/pdf", "%PDF-",             0, 5, NULL,   0, false, pdf_walk },
    { "video/mp4",       "ftypisom",          4, 8, NULL,   0, false, mp4_walk },
    { "video/mp4",       "ftypiso",           4, 7, NULL,   0, false, mp4_walk },
    { "video/mp4",       "ftypmp4",           4, 7, NULL,   0, false, mp4_walk },
    { "video/mp4",       "ftypavc1",          4, 8, NULL,   0, false, mp4_walk },
    { "video/mp4",       "ftypM4V ",          4, 8, NULL,   0, false, mp4_walk },
    { "video/mp4",       "ftypdash",          4, 8, NULL,   0, false, mp4_walk },
};

static bool is_markup(struct reader reader)
{
    if (BEGINS(reader, 0, "\xEF\xBB\xBF"))
        skip(&reader, 3);
    while (reader.left && strchr(" \t\r\n", reader.at[0]))
        skip(&reader, 1);
    return reader.left && reader.at[0] == '<';
}

bool media_kind_read(struct ctx *ctx, struct str bytes, struct media_kind *out)
{
    struct reader reader = { (const uint8_t *)bytes.ptr, bytes.len };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct media_kind kind = { .type = kinds[i].type };
        if (!begins(reader, kinds[i].magic_at, kinds[i].magic, kinds[i].magic_len) ||
            (kinds[i].second && !begins(reader, kinds[i].second_at, kinds[i].second, 4)))
            continue;
        if (!kinds[i].walk(reader, &kind) ||
            (kinds[i].picture && (kind.width == 0 || kind.height == 0)))
            return ctx_fail(ctx, ERR_INVALID, "it begins like %s and is none, or is cut off",
                            kind.type);
        if (kind.width && kind.height > PIXELS_MOST / kind.width)
            return ctx_fail(ctx, ERR_INVALID, "%lld x %lld pixels are too many",
                            (long long)kind.width, (long long)kind.height);
        *out = kind;
        return true;
    }
    return ctx_fail(ctx, ERR_INVALID, "%s",
                    is_markup(reader) ? "SVG and HTML are not taken: they may carry scripts"
                                      : "this is no PNG, JPEG, GIF, WebP, PDF or MP4");
}
