/* The dashboard as a page: HTML without scripts, for phones and in the dark too. */
#pragma once

#include "services/reporting/answers.h"

bool page_open(struct ctx *ctx, void **app);
void page_close(void *app);

/* The figures, and the first campaigns. */
bool page_render(struct ctx *ctx, const struct dashboard *dashboard,
                 const struct campaign_list *campaigns, struct str *out);
