/* Which requests this broker knows, in which versions. What is advertised is what works. */
#include "services/broker/call.h"

#define NEVER INT16_MAX

/* librdkafka decides what a broker can do by exact versions in these ranges: the minimum stays
 * 0. */
const struct api apis[] = {
    { 0, 0, 7, NEVER, handle_produce, "Produce" },
    { 1, 0, 11, NEVER, handle_fetch, "Fetch" },
    { 2, 0, 5, NEVER, handle_list_offsets, "ListOffsets" },
    { 3, 0, 8, NEVER, handle_metadata, "Metadata" },
    { 8, 0, 7, NEVER, handle_offset_commit, "OffsetCommit" },
    { 9, 0, 5, NEVER, handle_offset_fetch, "OffsetFetch" },
    { 10, 0, 2, NEVER, handle_find_coordinator, "FindCoordinator" },
    { 11, 0, 5, NEVER, handle_join_group, "JoinGroup" },
    { 12, 0, 3, NEVER, handle_heartbeat, "Heartbeat" },
    { 13, 0, 3, NEVER, handle_leave_group, "LeaveGroup" },
    { 14, 0, 3, NEVER, handle_sync_group, "SyncGroup" },
    { 15, 0, 4, NEVER, handle_describe_groups, "DescribeGroups" },
    { 16, 0, 2, NEVER, handle_list_groups, "ListGroups" },
    { 18, 0, 3, 3, handle_api_versions, "ApiVersions" },
    { 19, 0, 4, NEVER, handle_create_topics, "CreateTopics" },
    { 20, 0, 3, NEVER, handle_delete_topics, "DeleteTopics" },
    { 21, 0, 1, NEVER, handle_delete_records, "DeleteRecords" },
    { 22, 0, 1, NEVER, handle_init_producer_id, "InitProducerId" },
    { 23, 2, 3, NEVER, handle_offset_for_leader_epoch, "OffsetForLeaderEpoch" },
    { 32, 0, 2, NEVER, handle_describe_configs, "DescribeConfigs" },
    { 37, 0, 1, NEVER, handle_create_partitions, "CreatePartitions" },
    { 42, 0, 1, NEVER, handle_delete_groups, "DeleteGroups" },
};
const size_t n_apis = COUNT(apis);

bool handle_api_versions(struct call *call)
{
    struct writer *out = &call->out;
    bool flexible = call->version >= 3;
    put_i16(out, call->version < 0 ? KAFKA_UNSUPPORTED_VERSION : KAFKA_NONE);
    if (flexible)
        put_uvarint(out, (uint32_t)n_apis + 1);
    else
        put_i32(out, (int32_t)n_apis);
    for (size_t i = 0; i < n_apis; i++) {
        put_i16(out, apis[i].key);
        put_i16(out, apis[i].least);
        put_i16(out, apis[i].most);
        if (flexible)
            put_uvarint(out, 0);
    }
    if (call->version >= 1)
        put_i32(out, 0);
    if (flexible)
        put_uvarint(out, 0);
    call_done(call);
    return true;
}
