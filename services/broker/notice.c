#include "services/broker/notice.h"

#include <stdarg.h>
#include <stdio.h>

void notice(const struct notices *notices, enum notice_level level, const char *event,
            const char *format, ...)
{
    char detail[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    notices->say(notices->owner, level, event, detail);
}
