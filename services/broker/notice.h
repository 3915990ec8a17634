/* What the broker has to tell its operator; whoever runs it writes it to the log. */
#pragma once

#include "base/macros.h"

enum notice_level { NOTICE_INFO, NOTICE_WARN, NOTICE_ERROR };

struct notices {
    /* `event` is a short stable name, `detail` a sentence. */
    void (*say)(void *owner, enum notice_level level, const char *event, const char *detail);
    void *owner;
};

void notice(const struct notices *notices, enum notice_level level, const char *event,
            const char *format, ...) PRINTF_LIKE(4, 5);
