#include "platform/sql/libpq.h"

#include <pthread.h>

#include "base/library.h"

#define LIBRARY "libpq.so.5" /* the ABI since 2006 */

struct pq_functions pq;
static bool loaded;
static char problem[200];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct library_function table[] = {
#define X(name) { "PQ" #name, offsetof(struct pq_functions, name) },
    PQ_FUNCTIONS(X)
#undef X
};

static void load(void)
{
    loaded = library_load(LIBRARY, table, COUNT(table), &pq, problem);
}

bool pq_load(struct ctx *ctx)
{
    pthread_once(&once, load);
    return loaded || ctx_fail(ctx, ERR_UNAVAILABLE, "PostgreSQL cannot be spoken to: %s", problem);
}
