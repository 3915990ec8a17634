/* Checks for unit tests: a failed one is printed with its place and counted; `check_end()` is main's result. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static _Atomic int checks_failed, checks_done; /* tests of threads check in all of them */

#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(got, wanted)                                                                     \
    check_int((int64_t)(got), (int64_t)(wanted), #got, __FILE__, __LINE__)
#define CHECK_STR(got, wanted) check_str((got), (wanted), #got, __FILE__, __LINE__)

/* A check that the rest of the test stands on. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!CHECK(condition))                                                                     \
            exit(1);                                                                               \
    } while (0)

static inline bool check_that(bool ok, const char *what, const char *file, int line)
{
    checks_done++;
    if (!ok) {
        checks_failed++;
        fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
    }
    return ok;
}

static inline bool check_int(int64_t got, int64_t wanted, const char *what, const char *file,
                             int line)
{
    if (got == wanted)
        return check_that(true, what, file, line);
    fprintf(stderr, "%s: %" PRId64 ", wanted %" PRId64 "\n", what, got, wanted);
    return check_that(false, what, file, line);
}

static inline bool check_str(struct str got, const char *wanted, const char *what, const char *file,
                             int line)
{
    if (str_is(got, wanted))
        return check_that(true, what, file, line);
    fprintf(stderr, "%s: \"%.*s\", wanted \"%s\"\n", what, STR_ARG(got), wanted);
    return check_that(false, what, file, line);
}

static inline int check_end(void)
{
    printf("%d checks, %d failed\n", checks_done, checks_failed);
    return checks_failed ? 1 : 0;
}
