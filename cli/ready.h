/* Is a service ready? */
#pragma once

#include <stdbool.h>

/* One short request to http://127.0.0.1:<admin_port><path>; the status, or 0 when nothing came within half a second. */
int http_status(int port, const char *path);
