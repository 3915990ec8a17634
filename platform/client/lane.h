/* What one thread calls with: its open connections, a curl multi handle and easy handles to use again. */
#pragma once

#include "platform/client/wire.h"
#include "platform/curl/curl.h"

struct lane;

/* This thread's, made at first use and freed at its end. */
struct lane *lane_get(void);

/* Its plain connections that wait for their next call. */
struct idle_wires *lane_wires(struct lane *lane);

/* A reset easy handle, and what drives it; NULL when there is none to be had. Only where curl_load() gave curl. */
CURL *lane_take(struct lane *lane);
CURLM *lane_multi(struct lane *lane); /* once something was taken */
void lane_give(struct lane *lane, CURL *easy);
