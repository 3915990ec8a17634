/* People for benchmarks: what is known of each follows from a number (decide.js makes the same). */
#pragma once

#include "services/personalization/person.h"

/* Texts and days are in ctx's arena. */
void person_make(struct ctx *ctx, uint32_t number, struct person *person);
