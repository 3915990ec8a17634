/* Every format takes any text. The text lies in memory of just its size, as a slice may. */
#include "base/macros.h"
#include "platform/schema/format.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "date-time",
                                         "date",
                                         "time",
                                         "duration",
                                         "email",
                                         "idn-email",
                                         "hostname",
                                         "ipv4",
                                         "ipv6",
                                         "uri",
                                         "uri-reference",
                                         "iri",
                                         "iri-reference",
                                         "uri-template",
                                         "uuid",
                                         "json-pointer",
                                         "relative-json-pointer",
                                         "regex" };
    struct str text = { (const char *)data, size };
    for (size_t i = 0; i < COUNT(names); i++)
        format_find(str_of(names[i]))(text);
    MUST(!format_uri(text) || (format_iri(text) && format_uri_reference(text)));
    MUST(!format_uri_reference(text) || format_iri_reference(text));
    MUST(!format_email(text) || format_idn_email(text));
    return 0;
}
