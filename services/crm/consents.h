/* The one path by which consent changes, from requests and from events alike. */
#pragma once

#include "services/crm/store_consents.h"

/* Notes the word with its proof; tells consent changed, and the timeline, when it is what holds from now on. */
bool consent_note(struct ctx *ctx, const struct consent_row *word);
