/* What a row of a CSV file says of consent: columns "consent.<purpose>.<channel>", with "consent.source", "consent.wording",
 * "consent.proof" and "consent.at" beside them. */
#pragma once

#include "cli/csv.h"

/* Is it one of these? */
bool csv_consent_known(struct str column);
/* A JSON array as crm takes each of it; ptr NULL without an error: the row says nothing. Without "consent.at" it was said when the
 * file was last changed, so that the same file says the same again. */
struct str csv_consents(struct ctx *ctx, const struct csv_header *header, const struct csv_row *row,
                        const struct record_shape *shape);
