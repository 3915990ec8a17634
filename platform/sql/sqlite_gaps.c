/* Nothing that was deleted reaches the file: what lies in the gaps of pages is left out where a page is written to it. */
#include <string.h>

#include "platform/sql/sqlite.h"

/* A b-tree page tells by its first byte. A page that only carries on a long value begins with the number of the next one: in a
 * file of fewer than 2 << 24 pages its first byte is 0 or 1, so that neither is taken for the other. Emptying stops at half of
 * that: a file that passes it is noticed long before it has pages of such numbers. */
#define PAGES_MOST (1 << 24) /* 64 GB */
#define FILE_HEADER_BYTES 100

enum page_kind { INDEX_INNER = 2, TABLE_INNER = 5, INDEX_LEAF = 10, TABLE_LEAF = 13 };

static size_t u16_at(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static size_t header_bytes(uint8_t kind)
{
    switch (kind) {
    case INDEX_INNER:
    case TABLE_INNER:
        return 12;
    case INDEX_LEAF:
    case TABLE_LEAF:
        return 8;
    default:
        return 0;
    }
}

void sqlite_gap_clear(uint8_t *page, size_t bytes, bool first)
{
    size_t start = first ? FILE_HEADER_BYTES : 0, header = header_bytes(page[start]);
    if (!header)
        return;
    size_t from = start + header + 2 * u16_at(page + start + 3), to = u16_at(page + start + 5);
    if (to == 0)
        to = 65536; /* which two bytes cannot say */
    if (from < to && to <= bytes)
        memset(page + from, 0, to - from);
}

static struct sqlite_gaps *of(sqlite3_file *file)
{
    return CONTAINER_OF(file->pMethods, struct sqlite_gaps, methods);
}

static int write_without_gap(sqlite3_file *file, const void *data, int amount, sqlite3_int64 at)
{
    struct sqlite_gaps *gaps = of(file);
    size_t bytes = (size_t)amount;
    bool whole = bytes >= 512 && bytes <= sizeof gaps->page && (bytes & (bytes - 1)) == 0 &&
                 at % amount == 0;
    if (whole && at / amount >= PAGES_MOST)
        gaps->too_large = true;
    if (!whole || gaps->too_large)
        return gaps->of_file->xWrite(file, data, amount, at);
    memcpy(gaps->page, data, bytes);
    sqlite_gap_clear(gaps->page, bytes, at == 0);
    return gaps->of_file->xWrite(file, gaps->page, amount, at);
}

void sqlite_gaps_watch(sqlite3 *handle, struct sqlite_gaps *gaps, int64_t pages)
{
    sqlite3_file *file = NULL;
    gaps->too_large = pages >= PAGES_MOST;
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    gaps->of_file = file->pMethods;
    gaps->methods = *file->pMethods;
    gaps->methods.xWrite = write_without_gap;
    file->pMethods = &gaps->methods;
}
