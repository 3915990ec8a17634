/* What one thread calls with: a curl multi handle with its open connections, and easy handles to use again. */
#pragma once

#include <curl/curl.h>

struct lane;

/* This thread's, made at first use and freed at its end; NULL when curl cannot give one. */
struct lane *lane_get(void);
CURLM *lane_multi(struct lane *lane);

/* A reset easy handle; NULL when there is none to be had. */
CURL *lane_take(struct lane *lane);
void lane_give(struct lane *lane, CURL *easy);
