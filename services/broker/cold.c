#include "services/broker/cold.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#define PROBE_BYTES (64 * 1024) /* the kernel reads ahead at least as much at a time */

static bool byte_is_cold(int fd, off_t at)
{
    char byte;
    struct iovec part = { &byte, 1 };
    return preadv2(fd, &part, 1, at, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

/* Where the file system cannot tell, it is taken as warm. */
bool slice_is_cold(const struct slice *slice)
{
    if (!slice->bytes)
        return false;
    for (uint32_t at = 0; at < slice->bytes; at += PROBE_BYTES)
        if (byte_is_cold(slice->segment->fd, (off_t)slice->position + at))
            return true;
    return byte_is_cold(slice->segment->fd, (off_t)slice->position + slice->bytes - 1);
}

void slice_warm(const struct slice *slice)
{
    char bytes[PROBE_BYTES];
    for (uint32_t at = 0; at < slice->bytes; at += PROBE_BYTES) {
        size_t n = MIN(PROBE_BYTES, slice->bytes - at);
        if (pread(slice->segment->fd, bytes, n, (off_t)slice->position + at) <= 0)
            break; /* what cannot be read is told when it is sent */
    }
}
