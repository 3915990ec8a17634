/* A progress bar on standard error; on something else than a terminal, a line every ten percent. */
#pragma once

#include <stdint.h>

struct progress {
    const char *what;
    int64_t since_us, drawn_us, first_done;
    int shown; /* percent, of the last line */
};

struct progress progress_begin(const char *what, int64_t done);
void progress_show(struct progress *progress, int64_t done, int64_t rejected, double share,
                   int end);
