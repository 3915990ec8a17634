#include "services/email/machines.h"

/* What stands in the User-Agent, in small letters; the first that fits decides. Proxies that fetch a picture when somebody opens
 * the mail are persons; what fetches all pictures when mail arrives, whether it is read or not, is a machine, and so are
 * scanners, previews and whatever calls itself a program. Names are long enough not to be part of a phone's ("CUBOT"). */
static const struct {
    const char *part;
    bool machine;
} agents[] = {
    { "googleimageproxy", false }, /* Gmail, when it is opened */
    { "yahoomailproxy", false },   /* Yahoo and AOL, when it is opened */
    { "duckduckgo image proxy", false },
    { "ms-office", false }, /* Outlook itself */
    { "barracuda", true },
    { "mimecast", true },
    { "proofpoint", true },
    { "urldefense", true },
    { "trendmicro", true },
    { "symantec", true },
    { "messagelabs", true },
    { "fireeye", true },
    { "forcepoint", true },
    { "websense", true },
    { "sophos", true },
    { "bitdefender", true },
    { "avast", true },
    { "kaspersky", true },
    { "zscaler", true },
    { "cloudmark", true },
    { "safelinks", true },
    { "google-safety", true },
    { "googlesafebrowsing", true },
    { "virustotal", true },
    { "urlscan", true },
    { "bingpreview", true },
    { "skypeuripreview", true },
    { "facebookexternalhit", true },
    { "whatsapp/", true },
    { "bot/", true },
    { "googlebot", true },
    { "bingbot", true },
    { "applebot", true },
    { "slackbot", true },
    { "twitterbot", true },
    { "linkedinbot", true },
    { "telegrambot", true },
    { "crawler", true },
    { "spider", true },
    { "scanner", true },
    { "headlesschrome", true },
    { "phantomjs", true },
    { "puppeteer", true },
    { "playwright", true },
    { "selenium", true },
    { "python", true },
    { "curl/", true },
    { "wget/", true },
    { "go-http-client", true },
    { "java/", true },
    { "apache-httpclient", true },
    { "okhttp/", true },
    { "libwww-perl", true },
    { "ruby", true },
    { "node-fetch", true },
    { "axios/", true },
};

/* The whole of it. */
static const char *const exact[] = {
    "",            /* no browser is silent */
    "mozilla/5.0", /* Apple's Mail Privacy Protection, which fetches what nobody may ever read */
    "mozilla/4.0", /* scanners */
};

static bool contains(struct str text, struct str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (str_eq_nocase((struct str){ text.ptr + i, part.len }, part))
            return true;
    return false;
}

static bool agent_is_machine(struct str agent)
{
    agent = str_trim(agent);
    for (size_t i = 0; i < COUNT(exact); i++)
        if (str_eq_nocase(agent, str_of(exact[i])))
            return true;
    for (size_t i = 0; i < COUNT(agents); i++)
        if (contains(agent, str_of(agents[i].part)))
            return agents[i].machine;
    return false;
}

bool visit_is_machine(const struct visit *visit, int64_t within_us)
{
    return visit->head || contains(visit->purpose, STR("prefetch")) ||
           (visit->after_us >= 0 && visit->after_us < within_us) ||
           agent_is_machine(visit->user_agent);
}
