/* One broker: the event log of a stack, speaking the Kafka protocol. Opened, run and closed on
 * one thread; only broker_stop() and broker_reload() may be called from others and from signal
 * handlers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "services/broker/compaction.h"
#include "services/broker/log.h"
#include "services/broker/notice.h"
#include "services/broker/stats.h"

struct broker;

struct broker_config {
    const char *data;       /* the folder; made when it is missing */
    const char *bind; /* IPv4 or IPv6 address; beyond loopback only with TLS, or as plaintext */
    const char *tls_cert, *tls_key, *tls_ca; /* PEM files; empty: none */
    bool plaintext;
    uint16_t port;          /* 0: any that is free */
    const char
        *advertised; /* "host:port" told to clients; empty: the address that they connected to */
    bool auto_create_topics;
    int32_t default_partitions;
    bool partitions_may_grow; /* CreatePartitions is not refused */
    uint32_t max_request_bytes;
    uint32_t max_connections;
    int64_t idle_us; /* a connection that is silent for longer is closed */
    uint64_t max_held_bytes; /* of requests in memory; beyond it nobody is read from */
    int64_t segment_bytes;   /* of topics that do not say */
    int64_t ahead_ms;        /* how far times of records may be ahead of this machine's clock */
    int32_t gather_ms;       /* how long an empty group's first members are waited for */
    struct compaction_limits compaction;
    int64_t housekeeping_us; /* how often it is looked for what is to be ended or let go */
    int64_t offsets_keep_us; /* of groups without members and commits; 0: for ever */
    struct notices notices;
    const struct disk *disk; /* NULL: the real one */
};

/* The limits and defaults; data, bind and notices are left to the caller. */
void broker_defaults(struct broker_config *config);

/* Opens the data (recovering what a kill left) and listens. NULL with a sentence in ctx->error. */
struct broker *broker_open(struct ctx *ctx, const struct broker_config *config);

/* Serves until broker_stop(). */
void broker_run(struct broker *broker);
void broker_stop(struct broker *broker);

/* Reads the TLS files again, for connections from then on; a mistake in them is told, and those in use are kept. From any
 * thread, and from a signal handler. */
void broker_reload(struct broker *broker);

/* Finishes what is under way, writes the checkpoints and frees everything: the next start is
 * immediate. NULL-safe. */
void broker_close(struct broker *broker);

uint16_t broker_port(const struct broker *broker);
const char *broker_cluster_id(const struct broker *broker);
const struct broker_stats *broker_stats(const struct broker *broker);
