/* What one thread calls with: its open connections, a curl multi handle and easy handles to use again. */
#pragma once

#include <curl/curl.h>

#include "platform/client/wire.h"

struct lane;

/* This thread's, made at first use and freed at its end; NULL when curl cannot give one. */
struct lane *lane_get(void);
CURLM *lane_multi(struct lane *lane);

/* Its plain connections that wait for their next call. */
struct idle_wires *lane_wires(struct lane *lane);

/* A reset easy handle; NULL when there is none to be had. */
CURL *lane_take(struct lane *lane);
void lane_give(struct lane *lane, CURL *easy);
