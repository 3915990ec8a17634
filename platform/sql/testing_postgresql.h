/* For tests: a PostgreSQL of Debian on loopback in a temporary folder. Not linked into programs. */
#pragma once

#include <stdbool.h>

struct testing_postgresql;

/* Makes a cluster and starts it; as root, under an unprivileged user. It ends with the process at the latest, also when
 * that is killed. NULL with the reason on standard output ("skipped: ..."). `durable`: with fsync, for crash tests. */
struct testing_postgresql *testing_postgresql_new(bool durable);
void testing_postgresql_free(
    struct testing_postgresql *server); /* stops it, removes the folder; NULL-safe */

/* "postgresql://fanfare@127.0.0.1:<port>/postgres"; lives as long as the server. */
const char *testing_postgresql_url(const struct testing_postgresql *server);

/* Ends it at once, as a crash would, and starts it again on the same port and folder. */
void testing_postgresql_crash(struct testing_postgresql *server);
bool testing_postgresql_again(struct testing_postgresql *server);

/* The URL of one for this process: started at the first call, stopped at exit. NULL when there can be none. */
const char *test_postgresql_url(void);
