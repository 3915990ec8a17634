#include "base/id.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t held_state;
static uint8_t pool[1024]; /* one getrandom for many ids */
static size_t pool_left;
static uint64_t last_tick; /* milliseconds << 12 | fraction, of the newest id */

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static void fill(uint8_t *out, size_t bytes)
{
    if (held_state) {
        for (size_t i = 0; i < bytes; i++)
            out[i] = (uint8_t)splitmix(&held_state);
        return;
    }
    while (bytes) {
        ssize_t n = getrandom(out, bytes, 0);
        if (n < 0) {
            perror("getrandom");
            abort();
        }
        out += n;
        bytes -= (size_t)n;
    }
}

static void take(uint8_t *out, size_t bytes)
{
    if (held_state) {
        fill(out, bytes);
        return;
    }
    if (pool_left < bytes) {
        fill(pool, sizeof(pool));
        pool_left = sizeof(pool);
    }
    pool_left -= bytes;
    memcpy(out, pool + pool_left, bytes);
}

void id_random(void *out, size_t bytes)
{
    pthread_mutex_lock(&lock);
    fill(out, bytes);
    pthread_mutex_unlock(&lock);
}

void id_hold(uint64_t seed)
{
    pthread_mutex_lock(&lock);
    held_state = seed;
    pthread_mutex_unlock(&lock);
}

void id_uuid_text(const uint8_t bytes[16], int version, char out[ID_UUID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t b[16];
    memcpy(b, bytes, 16);
    b[6] = (uint8_t)((b[6] & 0x0F) | (version << 4));
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = hex[b[i] >> 4];
        *out++ = hex[b[i] & 15];
    }
    *out = '\0';
}

/* 48 bits of milliseconds, then 12 bits of their fraction (RFC 9562 section 6.2, method 3), then 62 random bits. */
void id_uuid7(char out[ID_UUID_BYTES])
{
    uint8_t bytes[16];
    int64_t now_us = clock_now_us();
    uint64_t tick = ((uint64_t)(now_us / 1000) << 12) | ((uint64_t)(now_us % 1000) * 4096 / 1000);
    pthread_mutex_lock(&lock);
    if (tick <= last_tick && last_tick - tick < (60000ull << 12))
        tick = last_tick + 1; /* the clock stood still or was set back a little */
    last_tick = tick;
    take(bytes + 8, 8);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(tick >> (52 - 8 * i));
    bytes[6] = (uint8_t)((tick >> 8) & 0x0F);
    bytes[7] = (uint8_t)tick;
    id_uuid_text(bytes, 7, out);
}

struct str id_new(struct arena *arena, const char *prefix)
{
    size_t length = strlen(prefix);
    char *id = arena_alloc_raw(arena, length + 1 + ID_UUID_BYTES);
    memcpy(id, prefix, length);
    id[length] = '_';
    id_uuid7(id + length + 1);
    return (struct str){ id, length + ID_UUID_BYTES };
}

bool id_has_prefix(struct str id, const char *prefix)
{
    size_t n = strlen(prefix);
    if (id.len < n + 2 || id.len > n + 65 || memcmp(id.ptr, prefix, n) != 0 || id.ptr[n] != '_')
        return false;
    for (size_t i = n + 1; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}
