/* Files written so that they survive a kill and a power cut. What fails gives the errno, 0 is
 * success: these are called on worker threads, which have no context to note an error in. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define FILE_PATH_BYTES 4096

/* "folder/name"; ends up cut (and then not found) only beyond FILE_PATH_BYTES. */
void file_path(char out[FILE_PATH_BYTES], const char *folder, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

int file_write_all(int fd, const void *bytes, size_t n, int64_t at);

/* The vector is used up. `n` may be over IOV_MAX. */
int file_writev_all(int fd, struct iovec *parts, size_t n, int64_t at);

/* Reads up to `n` bytes, fewer only at the end of the file; *got says how many. */
int file_read_at(int fd, void *bytes, size_t n, int64_t at, size_t *got);

int file_sync_folder(const char *folder);
int file_make_folder(const char *folder); /* fine when it is there; its parent is not synced */

/* With all that is missing on the way to it, each synced into its parent. */
int file_make_folders(const char *folder);

/* Makes `path` hold exactly these bytes, or what it held before: a new file is written, synced
 * and renamed over it, and the folder is synced. */
int file_replace(const char *folder, const char *name, const void *bytes, size_t n);

/* The whole file, mem_alloc'ed with a NUL behind it; ENOENT when there is none. */
int file_read_whole(const char *path, uint8_t **bytes, size_t *n);

/* A folder with the files in it (no folders inside), all gone. */
int file_remove_folder(const char *folder);
