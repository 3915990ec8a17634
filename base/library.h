/* Shared libraries that are loaded when they are needed first, so that processes that never do keep their memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct library_function {
    const char *name;
    size_t at; /* of its pointer in the struct of functions */
};

/* Loads `file` ("libcurl.so.4") for as long as the process lives, and sets all pointers in `functions`. False, with a
 * sentence in `why`: this machine has no such library, or one without one of them. */
bool library_load(const char *file, const struct library_function *table, size_t n, void *functions,
                  char why[200]);
