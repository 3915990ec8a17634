/* One file of a partition's log, and the sparse index over it.
 *
 * File: a header page of SEGMENT_HEADER_BYTES, then record batches as they came. The header
 * names the partition and holds two marks, written in turn: up to which byte the file is synced.
 * Written after each sync without a sync of its own, the mark is exact after a kill, and after a
 * power cut at most one write behind. So a start can tell damage in what was acknowledged
 * (refused) from the rest of a write that never was (cut).
 *
 * A compacted segment stands for one or more that were there before, in a file of its own with a
 * revision in its name: whether it counts, the checkpoint says. Batches may be missing in it, but
 * its last one ends where the segment does. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "services/broker/batch.h"
#include "services/broker/files.h"
#include "services/broker/wire.h"

#define SEGMENT_HEADER_BYTES 4096
#define INDEX_EVERY_BYTES                                                                          \
    (64 * 1024) /* one read finds any batch; 10 GB of log take 2.5 MB of index */
#define GENERATION_BYTES 37

struct index_entry {
    uint32_t delta;    /* base offset of a batch, from the segment's */
    uint32_t position; /* where it starts */
    int64_t max_before_ms; /* the latest time in the segment before it */
};

struct segment {
    int refs;
    int fd; /* -1: not open at the moment */
    uint32_t revision;    /* 0: as it was appended; else of the compaction that wrote it */
    int64_t base, end;    /* offsets: of its first record, and after its last synced one */
    int64_t born_ms, written_ms; /* wall clock: made, and last appended to */
    uint32_t bytes;       /* synced, header included */
    uint32_t marks;       /* written so far: tells the slot of the next */
    int64_t max_time_ms;
    int64_t used_us;
    bool has_index; /* that of a sealed segment is read when it is first needed */
    struct index_entry *index;
    uint32_t n_index, index_size;
};

/* Which log it belongs to, as its header says. */
struct segment_home {
    const char *folder;
    int32_t partition;
    char generation[GENERATION_BYTES];
};

struct segment *segment_new(int64_t base, uint32_t revision);
struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment); /* the last one closes the file */

#define SEGMENT_NAME_BYTES 64

/* "3-0000000000000000017.log", of a compacted one "3-0000000000000000017.2.log"; or ".index". */
void segment_name(char out[SEGMENT_NAME_BYTES], int32_t partition, int64_t base, uint32_t revision,
                  const char *kind);
void segment_path(char out[FILE_PATH_BYTES], const struct segment_home *home,
                  const struct segment *segment);
void segment_remove_files(const struct segment_home *home, const struct segment *segment);

/* On a worker: makes the file with its header. Its folder is not synced. Gives the errno. */
int segment_create(struct segment *segment, const struct segment_home *home);

/* A compacted one is whole: its header says so, and how far it goes. Not synced. */
int segment_complete(struct segment *segment);

/* Opens the file where it is not open. Gives the errno. */
int segment_open(struct segment *segment, const struct segment_home *home);

/* The mark: all before `bytes` is synced. Itself not synced. */
int segment_mark(struct segment *segment, uint32_t bytes);

enum segment_header {
    SEGMENT_HEADER_OK,
    SEGMENT_HEADER_EMPTY,
    SEGMENT_HEADER_BAD,
    SEGMENT_HEADER_FAILED
};

/* Checks the header; *mark is the highest valid mark (the header's end when there is none yet).
 * Of a compacted segment `end` becomes what the header says, or the base when it is not whole. */
enum segment_header segment_read_header(struct segment *segment, const struct segment_home *home,
                                        uint32_t *mark);

/* Notes a synced batch that starts at `segment->bytes`. */
void segment_add(struct segment *segment, const struct batch *batch);

/* Where to start looking for an offset, or for the first record at or after a time. */
uint32_t segment_seek(const struct segment *segment, int64_t offset);
uint32_t segment_seek_time(const struct segment *segment, int64_t time_ms);

/* The last place in (from, to] where a batch is known to start; `to` when none is known. */
uint32_t segment_cut(const struct segment *segment, uint32_t from, uint32_t to);

void index_write(const struct segment *segment, struct writer *out);
bool index_read(struct segment *segment, struct reader *in);

/* The same as a file of its own, with a checksum. False: it is damaged. */
void index_save(const struct segment *segment, struct writer *out);
bool index_load(struct segment *segment, const uint8_t *bytes, size_t n);

/* A walk over the batches of a file from `position` to `end`. */
struct scan {
    int fd;
    uint32_t position, end; /* of the next batch; of the file or its part */
    uint8_t *buffer;
    size_t size, from, have; /* the buffer holds file bytes [from, from + have) */
    int failed;              /* errno of SCAN_FAILED */
};

enum scan_result { SCAN_BATCH, SCAN_END, SCAN_BAD, SCAN_FAILED };

/* The next batch's header, and where `bytes` is given the whole of it, sound; valid until the
 * next call. SCAN_BAD leaves `position` at what is not a whole, sound batch. */
enum scan_result scan_next(struct scan *scan, struct batch *batch, const uint8_t **bytes);
void scan_clear(struct scan *scan);
