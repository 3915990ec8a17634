#include "platform/faults/faults.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/json/json.h"

#define MOST_FAULTS 64
#define NAME_BYTES 64
#define LONGEST_DELAY_MS (3600 * 1000)
#define EXIT_STATUS 137 /* what a shell shows after kill -9 */

struct fault {
    char point[NAME_BYTES], peer[NAME_BYTES]; /* peer empty: any */
    enum fault_kind kind;
    int64_t delay_ms, hits;
    int per_mille,
        times; /* times 0: no end; a spent fault stays until lifted, for those it holds */
    uint64_t serial;
};

static const char *const kind_names[] = {
    [FAULT_NONE] = "none", [FAULT_DELAY] = "delay", [FAULT_ERROR] = "error", [FAULT_HANG] = "hang",
    [FAULT_DROP] = "drop", [FAULT_HOLD] = "hold",   [FAULT_EXIT] = "exit",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t lifted; /* on the monotonic clock: a clock jump must not end a delay */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct fault faults[MOST_FAULTS];
static int n_faults;
static uint64_t last_serial;
static atomic_int active; /* n_faults, for the cheap look */
static atomic_bool enabled;

static void prepare(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lifted, &attributes);
    pthread_condattr_destroy(&attributes);
}

static bool is_spent(const struct fault *fault)
{
    return fault->times > 0 && fault->hits >= fault->times;
}

/* The one for this peer goes before the one for any. */
static struct fault *find(const char *point, const char *peer)
{
    struct fault *any = NULL;
    for (int i = 0; i < n_faults; i++) {
        struct fault *fault = &faults[i];
        if (is_spent(fault) || strcmp(fault->point, point) != 0)
            continue;
        if (fault->peer[0] == '\0')
            any = fault;
        else if (peer && strcmp(fault->peer, peer) == 0)
            return fault;
    }
    return any;
}

static bool is_set(uint64_t serial)
{
    for (int i = 0; i < n_faults; i++)
        if (faults[i].serial == serial)
            return true;
    return false;
}

static bool is_hit(const struct fault *fault)
{
    if (fault->per_mille >= 1000)
        return true;
    uint32_t dice;
    id_random(&dice, sizeof(dice));
    return (int)(dice % 1000) < fault->per_mille;
}

static void hold_until_lifted(uint64_t serial)
{
    while (is_set(serial))
        pthread_cond_wait(&lifted, &lock);
}

static void delay_unless_lifted(uint64_t serial, int64_t delay_ms)
{
    int64_t until_us = clock_mono_us() + delay_ms * US_PER_MS;
    struct timespec at = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    while (is_set(serial) && pthread_cond_timedwait(&lifted, &lock, &at) == 0)
        continue;
}

static enum fault_kind pass(const char *point, const char *peer)
{
    pthread_once(&once, prepare);
    pthread_mutex_lock(&lock);
    struct fault *fault = find(point, peer);
    enum fault_kind kind = FAULT_NONE;
    if (fault && is_hit(fault)) {
        fault->hits++;
        kind = fault->kind;
        if (kind == FAULT_DELAY)
            delay_unless_lifted(fault->serial, fault->delay_ms);
        else if (kind == FAULT_HANG || kind == FAULT_HOLD)
            hold_until_lifted(fault->serial);
    }
    pthread_mutex_unlock(&lock);
    if (kind == FAULT_EXIT)
        _exit(EXIT_STATUS);
    return kind;
}

enum fault_kind fault_at(const char *point, const char *peer)
{
    if (atomic_load_explicit(&active, memory_order_relaxed) == 0)
        return FAULT_NONE;
    return pass(point, peer);
}

static bool is_name(struct str name)
{
    if (name.len >= NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static bool check(struct ctx *ctx, struct str point, struct str peer, enum fault_kind kind,
                  int64_t delay_ms, int per_mille, int times)
{
    if (!atomic_load(&enabled))
        return ctx_fail(ctx, ERR_FORBIDDEN, "fail points are off: start with `faults` set to true");
    if (point.len == 0 || !is_name(point))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/point"),
                           "a point is 1 to %d of a-z, 0-9, '.', '_' and '-'", NAME_BYTES - 1);
    if (!is_name(peer))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/peer"), "a peer is the name of a service");
    if (kind == FAULT_DELAY && (delay_ms < 1 || delay_ms > LONGEST_DELAY_MS))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/delay_ms"), "a delay is 1 to %d ms",
                           LONGEST_DELAY_MS);
    if (per_mille < 1 || per_mille > 1000)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/per_mille"), "per_mille is 1 to 1000");
    if (times < 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/times"), "times is 0 (no end) or more");
    return true;
}

static void lift(struct str point, struct str peer)
{
    for (int i = 0; i < n_faults; i++) {
        if (!str_is(point, faults[i].point) || !str_eq(peer, str_of(faults[i].peer)))
            continue;
        faults[i] = faults[--n_faults];
        break;
    }
    pthread_cond_broadcast(&lifted);
}

bool fault_set(struct ctx *ctx, struct str point, struct str peer, enum fault_kind kind,
               int64_t delay_ms, int per_mille, int times)
{
    if (!check(ctx, point, peer, kind, delay_ms, per_mille, times))
        return false;
    pthread_once(&once, prepare);
    pthread_mutex_lock(&lock);
    lift(point, peer);
    bool full = kind != FAULT_NONE && n_faults == MOST_FAULTS;
    if (kind != FAULT_NONE && !full) {
        struct fault *fault = &faults[n_faults++];
        *fault = (struct fault){ .kind = kind,
                                 .delay_ms = delay_ms,
                                 .per_mille = per_mille,
                                 .times = times,
                                 .serial = ++last_serial };
        memcpy(fault->point, point.ptr, point.len);
        if (peer.len)
            memcpy(fault->peer, peer.ptr, peer.len);
    }
    atomic_store(&active, n_faults);
    pthread_mutex_unlock(&lock);
    return full ? ctx_fail(ctx, ERR_CONFLICT, "%d faults are set already", MOST_FAULTS) : true;
}

void faults_clear(void)
{
    pthread_once(&once, prepare);
    pthread_mutex_lock(&lock);
    n_faults = 0;
    atomic_store(&active, 0);
    pthread_cond_broadcast(&lifted);
    pthread_mutex_unlock(&lock);
}

bool fault_kind_parse(struct str text, enum fault_kind *out)
{
    for (size_t i = 0; i < COUNT(kind_names); i++) {
        if (str_is(text, kind_names[i])) {
            *out = (enum fault_kind)i;
            return true;
        }
    }
    return false;
}

void faults_enable(bool on)
{
    atomic_store(&enabled, on);
}

struct str faults_list_json(struct arena *arena)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "faults");
    json_array(&out);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_faults; i++) {
        const struct fault *fault = &faults[i];
        json_object(&out);
        json_key(&out, "point");
        json_put_str(&out, str_of(fault->point));
        if (fault->peer[0]) {
            json_key(&out, "peer");
            json_put_str(&out, str_of(fault->peer));
        }
        json_key(&out, "kind");
        json_put_str(&out, str_of(kind_names[fault->kind]));
        json_key(&out, "delay_ms");
        json_put_int(&out, fault->delay_ms);
        json_key(&out, "per_mille");
        json_put_int(&out, fault->per_mille);
        json_key(&out, "times");
        json_put_int(&out, fault->times);
        json_key(&out, "hits");
        json_put_int(&out, fault->hits);
        json_object_end(&out);
    }
    pthread_mutex_unlock(&lock);
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}
