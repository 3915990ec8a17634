/* The formats of JSON Schema 2020-12 (Validation, section 7.3), as predicates over text. */
#pragma once

#include "base/str.h"

typedef bool (*format_predicate)(struct str text);

/* The predicate of "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "ipv4", "ipv6", "uri",
 * "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer", "relative-json-pointer" or "regex";
 * NULL for any other name. */
format_predicate format_find(struct str name);

bool format_date_time(struct str text); /* RFC 3339; :60 only where UTC has leap seconds */
bool format_date(struct str text);
bool format_time(struct str text);
bool format_duration(struct str text);
bool format_email(struct str text); /* RFC 5321 Mailbox */
bool format_idn_email(struct str text);
bool format_hostname(struct str text); /* RFC 1123 */
bool format_ipv4(struct str text);
bool format_ipv6(struct str text);
bool format_uri(struct str text); /* RFC 3986, with a scheme */
bool format_uri_reference(struct str text);
bool format_iri(struct str text); /* RFC 3987 */
bool format_iri_reference(struct str text);
bool format_uri_template(struct str text); /* RFC 6570 */
bool format_uuid(struct str text);
bool format_json_pointer(struct str text); /* RFC 6901 */
bool format_relative_json_pointer(struct str text);
bool format_regex(struct str text); /* a pattern that pattern_compile() takes */
