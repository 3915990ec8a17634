/* Formats and patterns of text: those of platform/schema, so that decoding and validating judge alike. */
#include <stdatomic.h>

#include "platform/contract/values.h"
#include "platform/schema/format.h"
#include "platform/schema/pattern.h"

static const struct {
    const char *name, *sentence;
    format_predicate fits;
} formats[] = {
    [FORMAT_DATE] = { "date", "a date (2026-01-31)", format_date },
    [FORMAT_TIME] = { "time", "a time of day (12:00:00Z)", format_time },
    [FORMAT_DURATION] = { "duration", "a duration (ISO 8601, PT30M)", format_duration },
    [FORMAT_EMAIL] = { "email", "an e-mail address", format_email },
    [FORMAT_UUID] = { "uuid", "a UUID", format_uuid },
    [FORMAT_URI] = { "uri", "an absolute URI", format_uri },
    [FORMAT_URI_REFERENCE] = { "uri-reference", "a URI reference", format_uri_reference },
    [FORMAT_HOSTNAME] = { "hostname", "a host name", format_hostname },
    [FORMAT_IPV4] = { "ipv4", "an IPv4 address", format_ipv4 },
    [FORMAT_IPV6] = { "ipv6", "an IPv6 address", format_ipv6 },
};

bool format_fits(enum text_format format, struct str text)
{
    return formats[format].fits(text);
}

const char *format_sentence(enum text_format format)
{
    return formats[format].sentence;
}

enum text_format format_of_name(struct str name)
{
    for (size_t i = FORMAT_NONE + 1; i < COUNT(formats); i++)
        if (str_is(name, formats[i].name))
            return (enum text_format)i;
    return FORMAT_NONE;
}

/* The pattern, compiled by whoever needs it first; a loser of the race frees its own. It stays for the process's life. */
static struct pattern *pattern_of(struct arena *arena, struct contract_pattern *pattern)
{
    void *code = atomic_load_explicit(&pattern->code, memory_order_acquire);
    if (code)
        return code;
    struct ctx ctx = { .arena = arena };
    struct pattern *mine = pattern_compile(&ctx, str_of(pattern->text));
    if (mine && !atomic_compare_exchange_strong(&pattern->code, &code, mine)) {
        pattern_free(mine);
        return code;
    }
    return mine;
}

bool pattern_is_one(struct arena *arena, struct contract_pattern *pattern)
{
    return pattern_of(arena, pattern) != NULL;
}

bool pattern_fits(struct arena *arena, struct contract_pattern *pattern, struct str text)
{
    struct pattern *code = pattern_of(arena, pattern);
    return code && pattern_find(code, text) == PATTERN_MATCHES;
}
