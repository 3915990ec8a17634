// KafkaJS against the broker: producers, consumers, groups, admin. A line for each thing that should hold: `ok - what` or
// `not ok - what: why`. What it leaves in the topic SHARED is read by the other clients.
//
// node kafkajs.js PORT SHARED
'use strict';
const assert = require('assert/strict');
const { CompressionTypes, Kafka, logLevel } = require('kafkajs');

const [port, shared] = process.argv.slice(2);
const kafka = new Kafka({ clientId: 'kafkajs', brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const PATIENCE_MS = 30000;
const topic = 'kafkajs-records', group = 'kafkajs-group';
const RECORDS = 200;

async function until(holds, what) {
    for (const end = Date.now() + PATIENCE_MS; !(await holds());) {
        if (Date.now() > end)
            throw new Error(`not in ${PATIENCE_MS} ms: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

const record = (i) => ({ key: `key-${i % 10}`, value: `value ${i}`, headers: { number: `${i}` } });

async function produce(options, to, from, n, compression = CompressionTypes.None) {
    const producer = kafka.producer(options);
    await producer.connect();
    const messages = Array.from({ length: n }, (_, i) => record(from + i));
    const told = await producer.send({ topic: to, messages, acks: -1, compression });
    await producer.disconnect();
    return told;
}

// A member of the group that notes what it gets.
async function join(seen, of = group) {
    const consumer = kafka.consumer({ groupId: of, sessionTimeout: 10000, heartbeatInterval: 500,
        maxWaitTimeInMs: 500 });
    let partitions;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { partitions = payload.memberAssignment[topic] || []; });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
        eachMessage: async ({ partition, message }) => {
            seen.push({ partition, offset: message.offset, key: `${message.key}`, value: `${message.value}`,
                number: `${message.headers.number}` });
        },
    });
    return { stop: () => consumer.disconnect(), partitions: () => partitions || [] };
}

// Each of [0, n) just once, whole, and in order within its key.
function assertWhole(seen, n) {
    const last = {};
    for (const { key, value, number } of seen) {
        assert.equal(value, `value ${number}`);
        assert.equal(key, `key-${number % 10}`);
        assert.ok(!(key in last) || last[key] < Number(number), `${key}: ${number} after ${last[key]}`);
        last[key] = Number(number);
    }
    assert.deepEqual(seen.map((one) => Number(one.number)).sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
}

const committed = async (of = group) =>
    (await admin.fetchOffsets({ groupId: of, topics: [topic] }))[0].partitions
        .reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);

const checks = {
    'a topic is made, once': async () => {
        assert.equal(await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 4 }] }), true);
        assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] }), false);
        assert.ok((await admin.listTopics()).includes(topic));
        assert.equal((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 4);
    },
    'records go out plain, with gzip and from an idempotent producer': async () => {
        await produce({}, topic, 0, RECORDS / 2);
        await produce({}, topic, RECORDS / 2, RECORDS / 4, CompressionTypes.GZIP);
        const told = await produce({ idempotent: true, maxInFlightRequests: 1 }, topic, RECORDS * 3 / 4, RECORDS / 4);
        assert.ok(told.every(({ errorCode, baseOffset }) => errorCode === 0 && Number(baseOffset) >= 0));
        const ends = await admin.fetchTopicOffsets(topic);
        assert.equal(ends.reduce((sum, { high }) => sum + Number(high), 0), RECORDS);
    },
    'a group of two shares the partitions and gets each record once': async () => {
        const seen = [], members = [await join(seen), await join(seen)];
        await until(() => members.every((one) => one.partitions().length === 2), 'two partitions each');
        await until(() => seen.length >= RECORDS, 'all records');
        const { groups: [told] } = await admin.describeGroups([group]);
        assert.equal(told.state, 'Stable');
        assert.equal(told.members.length, 2);
        await Promise.all(members.map((one) => one.stop()));
        // What the first member read before the second came may come again to the second, where it was not committed.
        assertWhole([...new Map(seen.map((one) => [`${one.partition}/${one.offset}`, one])).values()]
            .sort((a, b) => a.partition - b.partition || Number(a.offset) - Number(b.offset)), RECORDS);
    },
    'a member that leaves gives its partitions to the other': async () => {
        const seen = [], first = await join(seen, 'kafkajs-leaving'), second = await join(seen, 'kafkajs-leaving');
        await until(() => first.partitions().length === 2 && second.partitions().length === 2, 'two partitions each');
        await second.stop();
        await until(() => first.partitions().length === 4, 'all partitions for the one that stays');
        await first.stop();
    },
    'a group goes on where it stood': async () => {
        assert.equal(await committed(), RECORDS);
        await produce({}, topic, RECORDS, 1);
        const seen = [], member = await join(seen);
        await until(() => seen.length > 0, 'the new record');
        await member.stop();
        assert.deepEqual(seen.map((one) => one.value), [`value ${RECORDS}`]);
        assert.equal(await committed(), RECORDS + 1);
    },
    'offsets are set, also by time': async () => {
        const early = await admin.fetchTopicOffsetsByTimestamp(topic, 1);
        assert.ok(early.every(({ offset }) => Number(offset) === 0));
        await admin.setOffsets({ groupId: group, topic, partitions: early.map(({ partition }) => ({ partition, offset: '1' })) });
        assert.equal(await committed(), 4);
        await admin.resetOffsets({ groupId: group, topic, earliest: true });
    },
    'a topic shows its settings, and has more partitions when asked': async () => {
        const { resources: [told] } = await admin.describeConfigs({ resources: [{ type: 2, name: topic }] });
        assert.ok(told.configEntries.some(({ configName }) => configName === 'cleanup.policy'));
        await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] });
        assert.equal((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 6);
    },
    'the cluster is described': async () => {
        const told = await admin.describeCluster();
        assert.deepEqual(told.brokers.map((one) => one.port), [Number(port)]);
        assert.ok(told.clusterId);
    },
    'groups are listed and deleted': async () => {
        assert.ok((await admin.listGroups()).groups.some(({ groupId }) => groupId === group));
        await until(async () => (await admin.describeGroups([group])).groups[0].members.length === 0, 'an empty group');
        await admin.deleteGroups([group]);
        assert.ok(!(await admin.listGroups()).groups.some(({ groupId }) => groupId === group));
    },
    'a topic is deleted': async () => {
        await admin.deleteTopics({ topics: [topic] });
        assert.ok(!(await admin.listTopics()).includes(topic));
        await assert.rejects(admin.fetchTopicOffsets(topic), /does not host this topic-partition/);
    },
    'it writes for the others to read': async () => {
        await produce({}, shared, 0, 50, CompressionTypes.GZIP);
    },
};

(async () => {
    await admin.connect();
    for (const [what, holds] of Object.entries(checks)) {
        try {
            await holds();
            console.log(`ok - ${what}`);
        } catch (error) {
            console.log(`not ok - ${what}: ${String(error.message).replaceAll('\n', ' ')}`);
        }
    }
    await admin.disconnect();
})();
