#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/client/client.h"
#include "services/email/sns.h"

#define PATIENCE_US (5 * US_PER_S)

struct sns_certificates {
    pthread_mutex_t lock;
    char *url, *pem; /* the newest: a region has one for years */
};

struct sns_certificates *sns_certificates_new(void)
{
    struct sns_certificates *certificates = mem_alloc(sizeof(*certificates));
    pthread_mutex_init(&certificates->lock, NULL);
    return certificates;
}

void sns_certificates_free(struct sns_certificates *certificates)
{
    if (!certificates)
        return;
    pthread_mutex_destroy(&certificates->lock);
    free(certificates->url);
    free(certificates->pem);
    free(certificates);
}

/* `url` was checked to be one of SNS. */
static bool fetch(struct ctx *ctx, struct str url, struct str *answer)
{
    struct str host, path;
    if (!sns_url(url, &host, &path))
        return ctx_fail(ctx, ERR_FORBIDDEN, "it is not at Amazon SNS");
    struct peer_settings settings = { .name = "sns", .url = arena_cstr(ctx->arena, host) };
    struct peer *peer = peer_new(&settings);
    struct call call = {
        .peer = peer, .method = "GET", .path = path, .deadline_us = clock_mono_us() + PATIENCE_US
    };
    bool ok = client_call(ctx, &call, 1) && call.status == 200;
    *answer = call.answer;
    peer_free(peer);
    return ok || ctx_fail(ctx, ERR_UNAVAILABLE, "Amazon SNS does not answer");
}

static bool held(struct ctx *ctx, struct sns_certificates *certificates, struct str url,
                 struct str *pem)
{
    pthread_mutex_lock(&certificates->lock);
    bool ok = certificates->url && str_is(url, certificates->url);
    if (ok)
        *pem = arena_str(ctx->arena, str_of(certificates->pem));
    pthread_mutex_unlock(&certificates->lock);
    return ok;
}

static void hold(struct sns_certificates *certificates, const char *url, const char *pem)
{
    pthread_mutex_lock(&certificates->lock);
    free(certificates->url);
    free(certificates->pem);
    certificates->url = mem_strdup(url);
    certificates->pem = mem_strdup(pem);
    pthread_mutex_unlock(&certificates->lock);
}

bool sns_certificate(struct ctx *ctx, struct sns_certificates *certificates,
                     const struct sns_message *message, struct str *certificate)
{
    if (held(ctx, certificates, message->certificate_url, certificate))
        return true;
    if (!fetch(ctx, message->certificate_url, certificate))
        return false;
    hold(certificates, arena_cstr(ctx->arena, message->certificate_url),
         arena_cstr(ctx->arena, *certificate));
    return true;
}

bool sns_confirm(struct ctx *ctx, const struct sns_message *message)
{
    struct str answer;
    return fetch(ctx, message->subscribe_url, &answer);
}
