#include "platform/mail/bounce.h"

/* By the start of the status (RFC 3463, 5248 and what large receivers mean by theirs); the first that fits. */
static const struct {
    const char *status;
    enum bounce_kind kind;
} by_status[] = {
    { "4.7.", BOUNCE_BLOCKED },  { "4.", BOUNCE_SOFT },
    { "5.1.8", BOUNCE_BLOCKED }, /* the sender's address */
    { "5.1.7", BOUNCE_BLOCKED }, { "5.1.", BOUNCE_HARD },
    { "5.2.1", BOUNCE_HARD    }, /* closed */
    { "5.2.", BOUNCE_SOFT },     { "5.3.", BOUNCE_SOFT },
    { "5.4.1", BOUNCE_HARD    }, /* Microsoft: nobody of that name */
    { "5.4.4", BOUNCE_HARD    }, /* no such domain */
    { "5.4.", BOUNCE_SOFT },     { "5.5.", BOUNCE_SOFT },
    { "5.6.", BOUNCE_BLOCKED },  { "5.7.", BOUNCE_BLOCKED },
};

/* By words, where the status is vague or absent, and where the words say it better. */
static const struct {
    const char *words;
    enum bounce_kind kind;
    bool over_status;
} by_words[] = {
    { "quota", BOUNCE_SOFT, true },
    { "mailbox is full", BOUNCE_SOFT, true },
    { "mailbox full", BOUNCE_SOFT, true },
    { "mailfolder is full", BOUNCE_SOFT, true },
    { "full mailbox", BOUNCE_SOFT, true },
    { "disk space", BOUNCE_SOFT, true },
    { "too much mail", BOUNCE_SOFT, true },
    { "user unknown", BOUNCE_HARD, true },
    { "unknown user", BOUNCE_HARD, true },
    { "unknown recipient", BOUNCE_HARD, true },
    { "no such user", BOUNCE_HARD, true },
    { "no such mailbox", BOUNCE_HARD, true },
    { "user not found", BOUNCE_HARD, true },
    { "user not known", BOUNCE_HARD, true },
    { "addressee unknown", BOUNCE_HARD, true },
    { "does not exist", BOUNCE_HARD, true },
    { "no mailbox here", BOUNCE_HARD, true },
    { "doesn't have a", BOUNCE_HARD, false },
    { "invalid mailbox", BOUNCE_HARD, true },
    { "disabled or discontinued", BOUNCE_HARD, true },
    { "not recognized", BOUNCE_HARD, false },
    { "invalid final delivery", BOUNCE_HARD, false },
    { "not listed in", BOUNCE_HARD, false },
    { "no longer valid", BOUNCE_HARD, true },
    { "unknown host", BOUNCE_HARD, false },
    { "host unknown", BOUNCE_HARD, false },
    { "unsolicited", BOUNCE_BLOCKED, true },
    { "spam", BOUNCE_BLOCKED, true },
    { "blacklist", BOUNCE_BLOCKED, true },
    { "blocklist", BOUNCE_BLOCKED, true },
    { "blocked", BOUNCE_BLOCKED, true },
    { "reputation", BOUNCE_BLOCKED, true },
    { "dmarc", BOUNCE_BLOCKED, true },
    { "not accepting mail from", BOUNCE_BLOCKED, false },
    { "policy", BOUNCE_BLOCKED, false },
    { "relay", BOUNCE_BLOCKED, false },
    { "denied", BOUNCE_BLOCKED, false },
    { "too large", BOUNCE_SOFT, false },
    { "exceeded the maximum", BOUNCE_SOFT, false },
    { "timed out", BOUNCE_SOFT, false },
    { "not reachable", BOUNCE_SOFT, false },
    { "too many hops", BOUNCE_SOFT, false },
    { "looping", BOUNCE_SOFT, false },
    { "try again", BOUNCE_SOFT, false },
    { "temporar", BOUNCE_SOFT, false },
    { "queue", BOUNCE_SOFT, false },
    { "could not be reached", BOUNCE_SOFT, false },
};

static bool contains(struct str text, const char *words)
{
    size_t n = strlen(words);
    for (size_t i = 0; i + n <= text.len; i++)
        if (str_eq_nocase((struct str){ text.ptr + i, n }, (struct str){ words, n }))
            return true;
    return false;
}

static bool is_vague(struct str status)
{
    return status.len < 5 || str_ends(status, STR(".0.0")) || str_find_char(status, '.') < 0;
}

/* Nothing is known of it: a reply of 5xx is for good, all else may pass. */
static enum bounce_kind by_class(struct str status)
{
    return status.len && status.ptr[0] == '5' ? BOUNCE_HARD : BOUNCE_SOFT;
}

enum bounce_kind bounce_kind_of(struct str status, struct str reason)
{
    bool vague = is_vague(status);
    for (size_t i = 0; i < COUNT(by_words); i++)
        if ((vague || by_words[i].over_status) && contains(reason, by_words[i].words))
            return by_words[i].kind;
    for (size_t i = 0; i < COUNT(by_status) && !vague; i++)
        if (str_starts(status, str_of(by_status[i].status)))
            return by_status[i].kind;
    return by_class(status);
}

const char *bounce_kind_name(enum bounce_kind kind)
{
    static const char *const names[] = { "hard", "soft", "blocked", "delayed" };
    return names[kind];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "5.1.1" at text[at]: its length, else 0. */
static size_t enhanced(struct str text, size_t at)
{
    size_t i = at + 1;
    for (int dots = 0; dots < 2; dots++) {
        size_t from = ++i;
        if (i - 1 >= text.len || text.ptr[i - 1] != '.')
            return 0;
        while (i < text.len && i - from < 3 && is_digit(text.ptr[i]))
            i++;
        if (i == from)
            return 0;
    }
    bool ends = i >= text.len || (!is_digit(text.ptr[i]) && text.ptr[i] != '.') ||
                (text.ptr[i] == '.' && (i + 1 >= text.len || !is_digit(text.ptr[i + 1])));
    return ends ? i - at : 0;
}

struct str bounce_status_in(struct str text)
{
    struct str reply = { 0 };
    size_t n;
    for (size_t i = 0; i < text.len; i++) {
        bool starts = (text.ptr[i] == '4' || text.ptr[i] == '5') &&
                      (i == 0 || (!is_digit(text.ptr[i - 1]) && text.ptr[i - 1] != '.'));
        if (starts && (n = enhanced(text, i)) > 0)
            return (struct str){ text.ptr + i, n };
        if (starts && !reply.ptr && i + 2 < text.len && text.ptr[i + 1] >= '0' &&
            text.ptr[i + 1] <= '5' && is_digit(text.ptr[i + 2]) &&
            (i + 3 == text.len || text.ptr[i + 3] == ' ' || text.ptr[i + 3] == '-' ||
             text.ptr[i + 3] == ':' || text.ptr[i + 3] == ']'))
            reply = (struct str){ text.ptr + i, 3 };
    }
    return reply;
}
