/* Who gets the mail of a launch. */
#pragma once

#include "services/email/store_deliveries.h"

#define AUDIENCE_BATCH 500 /* persons that are looked at in one transaction */

/* Goes on with the next persons of the audience: a message is queued for each who can be reached, and where it stands is
 * stored with them. Membership is read here, once; consent and suppressions again at the moment of sending. After the
 * last one it is told how many there are (delivery.counted). */
bool audience_expand(struct ctx *ctx, struct delivery_row *delivery);
