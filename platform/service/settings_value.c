/* Values of settings: what their text means, and what would be right. */
#include <inttypes.h>

#include "base/clock.h"
#include "platform/service/settings_table.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    { "us", 1 },
    { "ms", US_PER_MS },
    { "s", US_PER_S },
    { "m", 60 * US_PER_S },
    { "h", 3600 * US_PER_S },
    { "d", US_PER_DAY },
};

static const struct unit byte_units[] = {
    { "", 1 }, { "B", 1 }, { "KB", 1 << 10 }, { "MB", 1 << 20 }, { "GB", 1 << 30 },
};

static bool parse_with_unit(struct str text, const struct unit *units, size_t n, int64_t *out)
{
    size_t digits = 0;
    int64_t value;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    struct str unit = str_trim((struct str){ text.ptr + digits, text.len - digits });
    if (!str_to_int((struct str){ text.ptr, digits }, &value))
        return false;
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(unit, str_of(units[i].name)))
            return !__builtin_mul_overflow(value, units[i].factor, out);
    return value == 0 && unit.len == 0 ? (*out = 0, true) : false;
}

static bool is_choice(const char *choices, struct str text)
{
    struct str rest = str_of(choices), one;
    while (str_split(&rest, '|', &one))
        if (str_eq(one, text))
            return true;
    return false;
}

/* host or host:port, IPv6 in brackets. */
static bool is_host(struct str text)
{
    size_t end = 0;
    int64_t port;
    if (text.len && text.ptr[0] == '[') {
        ptrdiff_t bracket = str_find_char(text, ']');
        end = bracket > 1 ? (size_t)bracket + 1 : 0;
    } else {
        while (end < text.len && text.ptr[end] != ':')
            end++;
    }
    if (end == 0 || end == text.len)
        return end > 0;
    struct str number = { text.ptr + end + 1, text.len - end - 1 };
    return text.ptr[end] == ':' && str_to_int(number, &port) && port > 0 && port < 65536;
}

/* What stands between "//" and the path: [user@]host[:port], for brokers and PostgreSQL several with commas. */
static bool is_authority(struct str text)
{
    size_t end = 0;
    struct str part;
    while (end < text.len && text.ptr[end] != '/' && text.ptr[end] != '?' && text.ptr[end] != '#')
        end++;
    struct str rest = { text.ptr, end };
    for (size_t i = end; i > 0; i--) {
        if (text.ptr[i - 1] == '@') {
            rest = (struct str){ text.ptr + i, end - i };
            break;
        }
    }
    while (str_split(&rest, ',', &part))
        if (!is_host(part))
            return false;
    return true;
}

/* As far as it can be judged without asking anybody; the rest is for the one that opens it to say. */
static bool parse_url(const struct setting *setting, struct str text)
{
    ptrdiff_t colon = str_find_char(text, ':');
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 127)
            return false;
    if (colon <= 0 || (size_t)colon + 1 == text.len)
        return false;
    struct str scheme = { text.ptr, (size_t)colon };
    struct str rest = { text.ptr + colon + 1, text.len - (size_t)colon - 1 };
    if (setting->choices && !is_choice(setting->choices, scheme))
        return false;
    if (str_is(scheme, "sqlite"))
        return true;
    if (!str_starts(rest, STR("//")) || rest.len == 2)
        return false;
    /* A PostgreSQL on a socket has no host. */
    bool is_socket = str_is(scheme, "postgresql") && rest.ptr[2] == '/';
    return is_socket || is_authority((struct str){ rest.ptr + 2, rest.len - 2 });
}

static bool is_within(const struct setting *setting, int64_t number)
{
    if (setting->least == 0 && setting->most == 0)
        return number >= 0;
    return number >= setting->least && number <= setting->most;
}

static bool parse_bool(struct str text, int64_t *number)
{
    *number = str_is(text, "true");
    return *number || str_is(text, "false");
}

bool setting_parse(const struct setting *setting, struct str text, int64_t *number)
{
    *number = 0;
    /* A setting whose default is nothing may be set to nothing. */
    if (text.len == 0 && (setting->optional || setting->fallback[0] == '\0'))
        return true;
    switch (setting->kind) {
    case SETTING_TEXT:
        return true;
    case SETTING_PATH:
        return text.len > 0;
    case SETTING_BOOL:
        return parse_bool(text, number);
    case SETTING_INTEGER:
        return str_to_int(text, number) && is_within(setting, *number);
    case SETTING_DURATION:
        return parse_with_unit(text, duration_units, COUNT(duration_units), number) &&
               is_within(setting, *number);
    case SETTING_BYTES:
        return parse_with_unit(text, byte_units, COUNT(byte_units), number) &&
               is_within(setting, *number);
    case SETTING_CHOICE:
        return is_choice(setting->choices, text);
    case SETTING_URL:
        return parse_url(setting, text);
    }
    return false;
}

/* ---- what would be right ---- */

static struct str with_unit(struct arena *arena, const struct unit *units, size_t n, int64_t value)
{
    const struct unit *best = &units[0];
    for (size_t i = 0; i < n; i++)
        if (value && value % units[i].factor == 0)
            best = &units[i];
    return arena_printf(arena, "%" PRId64 "%s", value / best->factor, best->name);
}

static struct str number_text(struct arena *arena, const struct setting *setting, int64_t value)
{
    if (setting->kind == SETTING_DURATION)
        return with_unit(arena, duration_units, COUNT(duration_units), value);
    if (setting->kind == SETTING_BYTES)
        return with_unit(arena, byte_units, COUNT(byte_units), value);
    return arena_printf(arena, "%" PRId64, value);
}

static struct str range(struct arena *arena, const struct setting *setting, const char *what)
{
    if (setting->least == 0 && setting->most == 0)
        return str_of(what);
    return arena_printf(arena, "%s from %s to %s", what,
                        number_text(arena, setting, setting->least).ptr,
                        number_text(arena, setting, setting->most).ptr);
}

/* "a|b|c" as "a, b or c", each with `tail` behind it. */
static struct str alternatives(struct arena *arena, const char *choices, const char *tail)
{
    struct str rest = str_of(choices), one, text = STR("");
    while (str_split(&rest, '|', &one)) {
        const char *joint = text.len == 0 ? "" : rest.ptr ? ", " : " or ";
        text = arena_printf(arena, "%s%s" STR_FMT "%s", text.ptr, joint, STR_ARG(one), tail);
    }
    return text;
}

struct str setting_wanted(struct arena *arena, const struct setting *setting)
{
    switch (setting->kind) {
    case SETTING_TEXT:
        return STR("text");
    case SETTING_PATH:
        return STR("a path");
    case SETTING_BOOL:
        return STR("true or false");
    case SETTING_INTEGER:
        return range(arena, setting, "a whole number");
    case SETTING_DURATION:
        return range(arena, setting, "a time such as 50ms, 10s, 5m or 24h");
    case SETTING_BYTES:
        return range(arena, setting, "a size such as 64KB or 1MB");
    case SETTING_CHOICE:
        return alternatives(arena, setting->choices, "");
    case SETTING_URL:
        return setting->choices ? arena_printf(arena, "a URL that begins with %s",
                                               alternatives(arena, setting->choices, ":").ptr)
                                : STR("a URL");
    }
    return STR("");
}
