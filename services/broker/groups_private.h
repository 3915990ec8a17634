/* What groups.c (requests) and rebalance.c (members and generations) share. */
#pragma once

#include "services/broker/groups.h"

struct str text_copy(struct str text); /* ends in NUL; null stays null */

struct member *member_find(struct member *list, struct str id);
bool member_supports(const struct member *member, struct str protocol);
void member_append(struct group *group, struct member *member);

/* Out of the group's lists, and not the leader any more. */
void member_unlink(struct group *group, struct member *member);

/* Unlinked and freed; who waits is answered with `error`. */
void member_remove(struct group *group, struct member *member, enum kafka_error error);

void member_answer_join(struct member *member, enum kafka_error error);
void member_answer_sync(struct member *member, enum kafka_error error);
void protocols_free(struct member *member);

/* The member is alive: its time starts anew. */
void session_restart(struct member *member);

/* Asks all members to join again (from any state but PREPARING). */
void rebalance_start(struct group *group);

/* Completes the rebalance when everybody has joined. */
void rebalance_check(struct group *group);

/* The time to join, or to sync, is over. */
void rebalance_is_due(struct timer *timer);

/* A group without members is nothing (its offsets are kept elsewhere): it is freed. */
void group_drop_if_unused(struct group *group);
