#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define WIDTH 30
#define REDRAW_US (100 * US_PER_MS)

struct progress progress_begin(const char *what, int64_t done)
{
    return (struct progress){
        .what = what, .since_us = clock_mono_us(), .first_done = done, .shown = -10
    };
}

static void bar(char out[WIDTH + 1], double share)
{
    for (int i = 0; i < WIDTH; i++)
        out[i] = (double)i < share * WIDTH ? '#' : '.';
    out[WIDTH] = '\0';
}

void progress_show(struct progress *progress, int64_t done, int64_t rejected, double share, int end)
{
    int64_t now = clock_mono_us();
    bool terminal = isatty(STDERR_FILENO);
    int percent = (int)(share * 100);
    if (!end && (terminal ? now - progress->drawn_us < REDRAW_US : percent < progress->shown + 10))
        return;
    progress->drawn_us = now;
    progress->shown = percent;
    char drawing[WIDTH + 1];
    bar(drawing, share);
    double seconds = (double)(now - progress->since_us) / US_PER_S;
    fprintf(stderr, "%s%-10s [%s] %3d%%  %lld done, %lld rejected, %.0f/s%s", terminal ? "\r" : "",
            progress->what, drawing, percent, (long long)done, (long long)rejected,
            seconds > 0 ? (double)(done - progress->first_done) / seconds : 0.0,
            terminal && !end ? "\033[K" : "\n");
    fflush(stderr);
}
