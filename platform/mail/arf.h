/* Complaints: what a mailbox provider sends when somebody calls a mail spam (ARF, RFC 5965). */
#pragma once

#include "platform/mail/mime_parse.h"

struct complaint {
    struct str type; /* in small letters: "abuse", "fraud", "virus", "opt-out", "other" */
    struct str recipient; /* who complained; ptr NULL where that is left out */
    struct str return_path; /* of the mail complained of, without < >; ptr NULL */
    struct str message_id;  /* of that mail, with its < >; ptr NULL */
};

/* False: it is no complaint ("not-spam" is none either), or nothing in it tells of which mail. */
bool arf_read(struct arena *arena, struct mime_part *mail, struct complaint *out);
