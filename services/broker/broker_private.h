/* The parts of a broker, for its own files. */
#pragma once

#include <stdatomic.h>

#include "services/broker/broker.h"
#include "services/broker/compactor.h"
#include "services/broker/groups.h"
#include "services/broker/loop.h"
#include "services/broker/net.h"
#include "services/broker/offsets.h"
#include "services/broker/topics.h"

#define BROKER_NODE_ID 1
#define CLUSTER_ID_BYTES 37

struct broker {
    struct broker_config config;
    struct broker_stats stats;
    char cluster_id[CLUSTER_ID_BYTES];
    struct loop *loop;
    struct log_env env;
    struct topics *topics;
    struct compactor *compactor;
    struct offsets *offsets;
    struct groups groups;
    struct net *net;
    struct timer housekeeping;
    uint64_t n_housekeepings;
    atomic_bool reload;
    int lock; /* the data folder's, so that two brokers never share one */
};
