/* What is heard of others. */
#pragma once

#include "platform/events/events.h"
#include "ads_events.h"
#include "analytics_events.h"
#include "content_events.h"
#include "email_events.h"

enum outcome on_publication_answered(struct ctx *ctx, const struct publication_answered *answered);
enum outcome on_delivery_answered(struct ctx *ctx, const struct delivery_answered *answered);
enum outcome on_activation_answered(struct ctx *ctx, const struct activation_answered *answered);
enum outcome on_tracking_answered(struct ctx *ctx, const struct tracking_answered *answered);
enum outcome on_delivery_finished(struct ctx *ctx, const struct delivery_finished *finished);

/* What is counted (figures.h). */
enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *sent);
enum outcome on_message_delivered(struct ctx *ctx, const struct message_delivered *delivered);
enum outcome on_message_bounced(struct ctx *ctx, const struct message_bounced *bounced);
enum outcome on_message_complained(struct ctx *ctx, const struct message_complained *complained);
enum outcome on_message_unsubscribed(struct ctx *ctx,
                                     const struct message_unsubscribed *unsubscribed);
enum outcome on_message_withheld(struct ctx *ctx, const struct message_withheld *withheld);
enum outcome on_message_doubted(struct ctx *ctx, const struct message_doubted *doubted);
enum outcome on_message_failed(struct ctx *ctx, const struct message_failed *failed);
enum outcome on_message_opened(struct ctx *ctx, const struct message_opened *opened);
enum outcome on_message_clicked(struct ctx *ctx, const struct message_clicked *clicked);
enum outcome on_delivery_counted(struct ctx *ctx, const struct delivery_counted *counts);
enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *recorded);
enum outcome on_click_recorded(struct ctx *ctx, const struct click_recorded *recorded);
