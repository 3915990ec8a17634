#include "base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

bool library_load(const char *file, const struct library_function *table, size_t n, void *functions,
                  char why[200])
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *problem = dlerror();
        snprintf(why, 200, "%s", problem ? problem : file);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        void *function = dlsym(library, table[i].name);
        if (!function) {
            snprintf(why, 200, "%s has no %s", file, table[i].name);
            return false;
        }
        memcpy((char *)functions + table[i].at, &function, sizeof(function));
    }
    return true;
}
