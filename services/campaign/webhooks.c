#include "services/campaign/webhooks.h"

#include "base/clock.h"
#include "platform/json/json.h"

/* As Standard Webhooks wants payloads: type, timestamp, data. */
static struct str body_of(struct ctx *ctx, const struct webhook_owed *owed, int64_t now_us)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "type");
    json_put_str(&out, owed->type);
    json_key(&out, "timestamp");
    json_put_time(&out, now_us);
    json_key(&out, "data");
    json_put_raw(&out, owed->data);
    json_object_end(&out);
    return json_out_str(&out);
}

bool webhook_owe(struct ctx *ctx, const struct webhook_owed *owed)
{
    int64_t now_us = clock_now_us();
    return sql_exec(ctx, NULL,
                    "INSERT INTO webhook_calls (call_id, url, body, person_id, source_id, attempts,"
                    " due_us, created_us, ended_us, status) VALUES ($1, $2, $3, $4, $5, 0, $6, $6,"
                    " 0, 0) ON CONFLICT (call_id) DO NOTHING",
                    sql_str(owed->call_id), sql_str(owed->url), sql_str(body_of(ctx, owed, now_us)),
                    sql_str(owed->person_id.ptr ? owed->person_id : STR("")),
                    sql_str(owed->source_id), sql_int(now_us));
}
