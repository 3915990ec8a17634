#include "services/broker/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/macros.h"

#define MAGIC "fanfare log 1\n\0"
#define MAGIC_BYTES 16
#define MARK_AT                                                                                    \
    512 /* each mark has a disk sector of its own, so that tearing one leaves the other */
#define MARK_BYTES 12
#define INDEX_ENTRY_BYTES 16
#define ABOUT_AT 256 /* in the header's own sector: both reach the disk, or neither */
#define ABOUT_BYTES 20

struct segment *segment_new(int64_t base, uint32_t revision)
{
    struct segment *segment = mem_alloc(sizeof(*segment));
    segment->refs = 1;
    segment->fd = -1;
    segment->revision = revision;
    segment->born_ms = segment->written_ms = clock_now_us() / US_PER_MS;
    segment->base = segment->end = base;
    segment->bytes = SEGMENT_HEADER_BYTES;
    segment->max_time_ms = -1;
    return segment;
}

struct segment *segment_ref(struct segment *segment)
{
    segment->refs++;
    return segment;
}

void segment_unref(struct segment *segment)
{
    if (!segment || --segment->refs)
        return;
    if (segment->fd >= 0)
        close(segment->fd);
    free(segment->index);
    free(segment);
}

void segment_name(char out[SEGMENT_NAME_BYTES], int32_t partition, int64_t base, uint32_t revision,
                  const char *kind)
{
    char version[16] = "";
    if (revision)
        snprintf(version, sizeof(version), ".%" PRIu32, revision);
    snprintf(out, SEGMENT_NAME_BYTES, "%" PRId32 "-%019" PRId64 "%s.%s", partition, base, version,
             kind);
}

static void path_of(char out[FILE_PATH_BYTES], const struct segment_home *home,
                    const struct segment *segment, const char *kind)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(name, home->partition, segment->base, segment->revision, kind);
    file_path(out, home->folder, "%s", name);
}

void segment_path(char out[FILE_PATH_BYTES], const struct segment_home *home,
                  const struct segment *segment)
{
    path_of(out, home, segment, "log");
}

void segment_remove_files(const struct segment_home *home, const struct segment *segment)
{
    char path[FILE_PATH_BYTES];
    path_of(path, home, segment, "log");
    unlink(path);
    path_of(path, home, segment, "index");
    unlink(path);
}

static void header_write(const struct segment *segment, const struct segment_home *home,
                         struct writer *out)
{
    put_raw(out, MAGIC, MAGIC_BYTES);
    put_i64(out, segment->base);
    put_i32(out, home->partition);
    put_raw(out, home->generation, GENERATION_BYTES);
    put_i32(out, (int32_t)hash_crc32c(0, out->bytes, out->len));
}

/* When it was made, and of a compacted one where it ends (0: it is not whole). */
static void about_write(const struct segment *segment, int64_t end, uint8_t out[ABOUT_BYTES])
{
    store_be64(out, (uint64_t)segment->born_ms);
    store_be64(out + 8, (uint64_t)end);
    store_be32(out + 16, hash_crc32c(0, out, 16));
}

int segment_create(struct segment *segment, const struct segment_home *home)
{
    char path[FILE_PATH_BYTES];
    segment_path(path, home, segment);
    segment->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (segment->fd < 0)
        return errno;
    struct writer header = { 0 };
    header_write(segment, home, &header);
    size_t rest = SEGMENT_HEADER_BYTES - header.len;
    memset(put_room(&header, rest), 0, rest);
    about_write(segment, 0, header.bytes + ABOUT_AT);
    int failed = file_write_all(segment->fd, header.bytes, SEGMENT_HEADER_BYTES, 0);
    writer_clear(&header);
    if (failed) {
        close(segment->fd);
        segment->fd = -1;
        unlink(path);
    }
    return failed;
}

int segment_complete(struct segment *segment)
{
    uint8_t about[ABOUT_BYTES];
    about_write(segment, segment->end, about);
    return file_write_all(segment->fd, about, sizeof(about), ABOUT_AT);
}

int segment_open(struct segment *segment, const struct segment_home *home)
{
    if (segment->fd >= 0)
        return 0;
    char path[FILE_PATH_BYTES];
    segment_path(path, home, segment);
    segment->fd = open(path, O_RDWR | O_CLOEXEC);
    return segment->fd < 0 ? errno : 0;
}

int segment_mark(struct segment *segment, uint32_t bytes)
{
    uint8_t mark[MARK_BYTES];
    store_be32(mark, ++segment->marks);
    store_be32(mark + 4, bytes);
    store_be32(mark + 8, hash_crc32c(0, mark, 8));
    return file_write_all(segment->fd, mark, sizeof(mark), MARK_AT * (1 + segment->marks % 2));
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

/* False: a mark is there and cannot be read, neither can the other. */
static bool marks_read(struct segment *segment, const uint8_t *page, uint32_t *mark)
{
    bool damaged = false, found = false;
    for (int slot = 1; slot <= 2; slot++) {
        const uint8_t *p = page + MARK_AT * slot;
        if (hash_crc32c(0, p, 8) != load_be32(p + 8) || load_be32(p + 4) < SEGMENT_HEADER_BYTES) {
            damaged |= !is_zero(p, MARK_BYTES);
            continue;
        }
        if (!found || load_be32(p) > segment->marks) {
            segment->marks = load_be32(p);
            *mark = load_be32(p + 4);
        }
        found = true;
    }
    return found || !damaged;
}

/* Files of before there was this keep what the caller knows of their age. */
static bool about_read(struct segment *segment, const uint8_t *p)
{
    if (is_zero(p, ABOUT_BYTES))
        return segment->revision == 0;
    if (hash_crc32c(0, p, 16) != load_be32(p + 16))
        return false;
    segment->born_ms = (int64_t)load_be64(p);
    if (segment->revision)
        segment->end = MAX((int64_t)load_be64(p + 8), segment->base);
    return true;
}

enum segment_header segment_read_header(struct segment *segment, const struct segment_home *home,
                                        uint32_t *mark)
{
    uint8_t page[MARK_AT * 3];
    size_t got;
    errno = segment_open(segment, home);
    if (errno || (errno = file_read_at(segment->fd, page, sizeof(page), 0, &got)))
        return SEGMENT_HEADER_FAILED;
    if (is_zero(page, got) || got < sizeof(page))
        return SEGMENT_HEADER_EMPTY;
    struct writer wanted = { 0 };
    header_write(segment, home, &wanted);
    bool same = memcmp(wanted.bytes, page, wanted.len) == 0;
    writer_clear(&wanted);
    *mark = SEGMENT_HEADER_BYTES;
    return same && about_read(segment, page + ABOUT_AT) && marks_read(segment, page, mark)
               ? SEGMENT_HEADER_OK
               : SEGMENT_HEADER_BAD;
}

static void index_add(struct segment *segment, struct index_entry entry)
{
    if (segment->n_index == segment->index_size) {
        segment->index_size = segment->index_size ? segment->index_size * 2 : 8;
        segment->index =
            mem_realloc(segment->index, segment->index_size * sizeof(struct index_entry));
    }
    segment->index[segment->n_index++] = entry;
}

void segment_add(struct segment *segment, const struct batch *batch)
{
    uint32_t last = segment->n_index ? segment->index[segment->n_index - 1].position
                                     : SEGMENT_HEADER_BYTES;
    if (segment->bytes - last >= INDEX_EVERY_BYTES)
        index_add(segment, (struct index_entry){ (uint32_t)(batch->base_offset - segment->base),
                                                 segment->bytes, segment->max_time_ms });
    segment->bytes += batch->bytes;
    segment->end = batch_last_offset(batch) + 1;
    segment->max_time_ms = MAX(segment->max_time_ms, batch->max_time_ms);
}

uint32_t segment_seek(const struct segment *segment, int64_t offset)
{
    uint32_t low = 0, high = segment->n_index;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (segment->base + segment->index[middle].delta <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? segment->index[low - 1].position : SEGMENT_HEADER_BYTES;
}

uint32_t segment_seek_time(const struct segment *segment, int64_t time_ms)
{
    uint32_t low = 0, high = segment->n_index;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (segment->index[middle].max_before_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? segment->index[low - 1].position : SEGMENT_HEADER_BYTES;
}

uint32_t segment_cut(const struct segment *segment, uint32_t from, uint32_t to)
{
    uint32_t low = 0, high = segment->n_index;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (segment->index[middle].position <= to)
            low = middle + 1;
        else
            high = middle;
    }
    return low && segment->index[low - 1].position > from ? segment->index[low - 1].position : to;
}

void index_write(const struct segment *segment, struct writer *out)
{
    put_i32(out, (int32_t)segment->n_index);
    for (uint32_t i = 0; i < segment->n_index; i++) {
        put_i32(out, (int32_t)segment->index[i].delta);
        put_i32(out, (int32_t)segment->index[i].position);
        put_i64(out, segment->index[i].max_before_ms);
    }
}

bool index_read(struct segment *segment, struct reader *in)
{
    int32_t n = get_count(in, INDEX_ENTRY_BYTES);
    for (int32_t i = 0; i < n; i++) {
        uint32_t delta = (uint32_t)get_i32(in), position = (uint32_t)get_i32(in);
        index_add(segment, (struct index_entry){ delta, position, get_i64(in) });
    }
    segment->has_index = !in->bad && n >= 0;
    return segment->has_index;
}

void index_save(const struct segment *segment, struct writer *out)
{
    index_write(segment, out);
    put_i32(out, (int32_t)hash_crc32c(0, out->bytes, out->len));
}

bool index_load(struct segment *segment, const uint8_t *bytes, size_t n)
{
    if (n < 4 || hash_crc32c(0, bytes, n - 4) != load_be32(bytes + n - 4))
        return false;
    struct reader in = reader_of(bytes, n - 4);
    return index_read(segment, &in);
}

/* Makes the buffer hold `n` bytes at the scan's position, if the part has them. False on
 * SCAN_FAILED. */
static bool fill(struct scan *scan, size_t n)
{
    if (scan->position >= scan->from && scan->position + n <= scan->from + scan->have)
        return true;
    if (scan->size < n) {
        free(scan->buffer);
        scan->size = MAX(n, INDEX_EVERY_BYTES);
        scan->buffer = mem_realloc(NULL, scan->size);
    }
    scan->from = scan->position;
    scan->have = 0;
    scan->failed = file_read_at(scan->fd, scan->buffer, MIN(scan->size, scan->end - scan->position),
                                scan->position, &scan->have);
    return !scan->failed;
}

enum scan_result scan_next(struct scan *scan, struct batch *batch, const uint8_t **bytes)
{
    if (scan->position >= scan->end)
        return SCAN_END;
    if (!fill(scan, BATCH_HEADER_BYTES))
        return SCAN_FAILED;
    size_t skip = scan->position - scan->from;
    if (!batch_read(scan->buffer + skip, scan->have - skip, batch) ||
        batch->bytes > scan->end - scan->position)
        return SCAN_BAD;
    if (bytes) {
        if (!fill(scan, batch->bytes))
            return SCAN_FAILED;
        skip = scan->position - scan->from;
        *bytes = scan->buffer + skip;
        if (!batch_is_sound(*bytes, scan->have - skip, batch))
            return SCAN_BAD;
    }
    scan->position += batch->bytes;
    return SCAN_BATCH;
}

void scan_clear(struct scan *scan)
{
    free(scan->buffer);
    scan->buffer = NULL;
    scan->size = scan->have = 0;
}
