/* The stage of these tests: the real broker as a process of its own, and this program again as instances of a service. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stage {
    const char *broker; /* its program */
    char folder[64];
    char servers[32]; /* "127.0.0.1:<port>" */
    int port;
    pid_t pid;
};

void stage_open(struct stage *stage, const char *broker);
void stage_close(struct stage *stage);

/* The broker on the stage's port; waits until it listens. */
void stage_broker_start(struct stage *stage);
void stage_broker_end(struct stage *stage, int signal);
void stage_forget_log(struct stage *stage); /* another log from its next start on */

/* This program again, in another role; it ends with this process. */
pid_t stage_run(const char *role, const char *url, const char *servers, const char *more);
/* Waits for its end; gives its exit status, or -signal. */
int stage_end(pid_t pid, int signal);

void stage_sleep_ms(int ms);

/* Writes a raw record, without being an event of ours; key or value NULL: none. `headers`: "name=value" texts, NULL at the
 * end, or NULL. Waits until the log has it. */
bool stage_produce(const struct stage *stage, const char *topic, const char *key, const char *value,
                   const char *const *headers);

/* The log forgets what is before this offset; false: it does not, there is not so much. */
bool stage_delete_before(const struct stage *stage, const char *topic, int partition,
                         int64_t offset);

/* How many records a topic holds. */
long stage_count(const struct stage *stage, const char *topic);
