/* Fail points: named places where a test or an experiment may ask for a delay, an error, a hang, a drop or a hold.
 * Off unless the setting `faults` is on; then POST /faults of the admin listener sets them (own scope). */
#pragma once

#include "base/ctx.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_DELAY,
    FAULT_ERROR,
    FAULT_HANG,
    FAULT_DROP,
    FAULT_HOLD,
    FAULT_EXIT
};

/* At a place: `point` such as "http.request", "sql.commit", "events.relay.published", "client.call"; `peer` is who is on
 * the other side, or NULL. Delays and hangs happen inside (a hang ends when the fault is lifted); HOLD waits until
 * lifted; EXIT ends the process at once (as kill -9 would). FAULT_ERROR and FAULT_DROP are for the caller to do.
 * Costs one atomic load when nothing is set. */
enum fault_kind fault_at(const char *point, const char *peer);

/* Sets or lifts one (kind FAULT_NONE lifts). `per_mille` of the passes are hit (1000: all); `times` 0: no end. */
bool fault_set(struct ctx *ctx, struct str point, struct str peer, enum fault_kind kind,
               int64_t delay_ms, int per_mille, int times);
void faults_clear(void);
bool fault_kind_parse(struct str text, enum fault_kind *out);
void faults_enable(bool on); /* off: fault_set refuses with FORBIDDEN */
struct str faults_list_json(struct arena *arena);
