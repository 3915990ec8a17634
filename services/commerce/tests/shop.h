/* How tests speak as a Shopify shop. */
#pragma once

#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/service/testing.h"
#include "services/commerce/commerce.h"
#include "commerce_contract.h"

#define SHOP "superstore.myshopify.com"

static const char *secret = "hush-hush-hush";

static inline struct reply put_secret(struct test_service *test, const char *shop, const char *text)
{
    struct arena *arena = test_ctx(test)->arena;
    return test_call(test, "PUT", arena_printf(arena, "/v1/shops/shopify/%s", shop).ptr,
                     "shops:write", NULL, arena_printf(arena, "{\"secret\":\"%s\"}", text).ptr);
}

static inline struct str signature(struct test_service *test, const char *key, struct str body)
{
    uint8_t hash[32];
    crypto_hmac_sha256(str_of(key), body, hash);
    return crypto_base64(test_ctx(test)->arena, (struct str){ (const char *)hash, sizeof(hash) });
}

static inline struct reply deliver_signed(struct test_service *test, const char *shop,
                                          const char *topic, const char *webhook_id,
                                          struct str signed_with, struct str body)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str headers = arena_printf(
        arena, "X-Shopify-Topic: %s\nX-Shopify-Webhook-Id: %s\nX-Shopify-Hmac-Sha256: " STR_FMT,
        topic, webhook_id, STR_ARG(signed_with));
    return test_send(test, "POST", arena_printf(arena, "/v1/webhooks/shopify/%s", shop).ptr, NULL,
                     headers.ptr, body);
}

static inline struct reply deliver(struct test_service *test, const char *topic,
                                   const char *webhook_id, const char *body)
{
    return deliver_signed(test, SHOP, topic, webhook_id, signature(test, secret, str_of(body)),
                          str_of(body));
}

static inline struct str at(struct test_service *test, struct reply reply, const char *pointer)
{
    return json_str(json_pointer(test_json(test, reply), str_of(pointer)));
}

static inline int64_t number(struct test_service *test, struct reply reply, const char *pointer)
{
    return json_int(json_pointer(test_json(test, reply), str_of(pointer)));
}

static inline struct reply order(struct test_service *test, int64_t id)
{
    struct str target =
        arena_printf(test_ctx(test)->arena, "/v1/orders/ord_shopify-%lld", (long long)id);
    return test_call(test, "GET", target.ptr, "orders:read", NULL, NULL);
}

/* Members beside those that every one has. */
static inline const char *order_body(struct test_service *test, int64_t id, const char *more)
{
    return arena_printf(
               test_ctx(test)->arena,
               "{\"id\":%lld,\"name\":\"#1001\",\"currency\":\"USD\",\"total_price\":\"47.89\","
               "\"created_at\":\"2026-11-20T10:00:00-05:00\",\"customer\":{\"id\":77,\"email\":\"a@example.com\"},"
               "\"line_items\":[{\"id\":1,\"product_id\":632910392,\"sku\":\"IPOD-PINK\",\"quantity\":2,"
               "\"price\":\"19.95\",\"discount_allocations\":[{\"amount\":\"4.96\"},{\"amount\":\"0.04\"}]},"
               "{\"id\":2,\"product_id\":null,\"sku\":\"\",\"quantity\":1,\"price\":\"5\"}]%s}",
               (long long)id, more)
        .ptr;
}

static inline const char *refund_body(struct test_service *test, int64_t id, int64_t order_id,
                                      const char *amount)
{
    return arena_printf(
               test_ctx(test)->arena,
               "{\"id\":%lld,\"order_id\":%lld,\"created_at\":\"2026-11-21T10:00:00-05:00\","
               "\"note\":\"wrong size\",\"transactions\":["
               "{\"kind\":\"sale\",\"status\":\"success\",\"amount\":\"47.89\",\"currency\":\"USD\"},"
               "{\"kind\":\"refund\",\"status\":\"failure\",\"amount\":\"1.00\",\"currency\":\"USD\"},"
               "{\"kind\":\"refund\",\"status\":\"success\",\"amount\":\"%s\",\"currency\":\"USD\"}]}",
               (long long)id, (long long)order_id, amount)
        .ptr;
}
