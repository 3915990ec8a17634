/* One run of compaction over a partition: of each key the last record stays, with its offset;
 * tombstones go when their time is over. In steps on the workers, at a bounded rate and in bounded
 * memory; the loop only swaps what is finished.
 *
 * A pass reads what no pass has taken in yet and notes the last offset of each key, as many as
 * memory allows. Then it goes through the sealed segments from the start, some small ones together
 * or one alone, and writes those that lose something anew into a file beside them; when that is
 * synced, a checkpoint names it instead of those that it stands for, and their files go. A kill at
 * any moment leaves the one or the other. */
#pragma once

#include "services/broker/log.h"

struct compaction;

struct compaction_limits {
    size_t memory_bytes;     /* for keys; beside it a batch is held, compressed and not */
    uint64_t bytes_a_second; /* read and written */
};

enum compaction_outcome { COMPACTION_DONE, COMPACTION_CANCELLED, COMPACTION_FAILED };

/* Who started it is told when it is over. */
struct compaction_end {
    void (*done)(struct compaction_end *end, enum compaction_outcome outcome);
};

/* What is sealed is compacted, as long as there is something; `at_once` also what came within
 * min.compaction.lag.ms. None may be under way. Ends at once where there is nothing to do. */
void compaction_start(struct log *log, const struct compaction_limits *limits, bool at_once,
                      struct compaction_end *end);

/* Ends it soon; nothing is lost. */
void compaction_cancel(struct compaction *compaction);

/* Is it time for one? When half of it is new, when something new is older than
 * max.compaction.lag.ms, or when the time of tombstones is over. */
bool log_should_compact(const struct log *log, int64_t now_ms);

/* Before it only the last record of each key is left. */
int64_t log_compacted(const struct log *log);
int64_t log_sealed(const struct log *log); /* where the last segment begins */
