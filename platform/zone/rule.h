/* What holds after the last known change: the rule at the end of a zone's file (POSIX TZ, RFC 8536 section 3.3.1). For the
 * files of this folder. */
#pragma once

#include "base/str.h"
#include "platform/zone/zone.h"

struct rule_day {
    enum {
        RULE_MONTH,
        RULE_JULIAN,
        RULE_DAY
    } kind; /* M3.5.0, J60 (never counting 29 February), 59 */
    int month, week, weekday, day;
    int64_t time_s; /* local, from that day's midnight; may be negative or beyond the day */
};

struct rule {
    struct zone_clock standard, summer;
    bool has_summer;
    struct rule_day begin, end; /* of summer */
};

bool rule_parse(struct str text, struct rule *out);
struct zone_clock rule_at(const struct rule *rule, int64_t utc_s);
