#include "platform/curl/curl.h"

#include <pthread.h>
#include <stdio.h>

#include "base/library.h"
#include "base/macros.h"

#define LIBRARY "libcurl.so.4" /* the ABI since 2006 */

static struct curl_functions functions;
static const struct curl_functions *loaded;
static char problem[200];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct library_function table[] = {
#define X(name) { "curl_" #name, offsetof(struct curl_functions, name) },
    CURL_FUNCTIONS(X)
#undef X
};

static void load(void)
{
    if (!library_load(LIBRARY, table, COUNT(table), &functions, problem))
        return;
    CURLcode code = functions.global_init(CURL_GLOBAL_DEFAULT);
    if (code == CURLE_OK)
        loaded = &functions;
    else
        snprintf(problem, sizeof(problem), "%s", functions.easy_strerror(code));
}

const struct curl_functions *curl_load(const char **why)
{
    pthread_once(&once, load);
    if (why)
        *why = problem;
    return loaded;
}
