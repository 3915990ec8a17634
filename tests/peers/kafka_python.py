#!/usr/bin/env python3
"""kafka-python (pure Python) against the broker, with the words of kafkajs.js.

kafka_python.py PORT SHARED
"""
import sys
import time

import kafka
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError

TOPIC, GROUP, RECORDS = 'kafka-python-records', 'kafka-python-group', 200
PATIENCE_S = 30


class Checks:
    def __init__(self, port, shared):
        self.servers, self.shared = f'127.0.0.1:{port}', shared
        self.admin = KafkaAdminClient(bootstrap_servers=self.servers)

    def produce(self, topic, start, n, **options):
        producer = kafka.KafkaProducer(bootstrap_servers=self.servers, acks='all', **options)
        sent = [producer.send(topic, f'value {i}'.encode(), f'key-{i % 10}'.encode(), [('number', str(i).encode())])
                for i in range(start, start + n)]
        producer.flush(PATIENCE_S)
        assert all(one.get(1).offset >= 0 for one in sent)
        producer.close()

    def consume(self, n, group=GROUP):
        consumer = kafka.KafkaConsumer(TOPIC, bootstrap_servers=self.servers, group_id=group, auto_offset_reset='earliest',
                                       enable_auto_commit=False)
        seen, until = [], time.monotonic() + PATIENCE_S
        while len(seen) < n and time.monotonic() < until:
            seen += [one for part in consumer.poll(500).values() for one in part]
        consumer.commit()
        consumer.close()
        return seen

    def a_topic_is_made_once(self):
        self.admin.create_topics([NewTopic(TOPIC, 4, 1)])
        assert TOPIC in self.admin.list_topics()
        try:
            self.admin.create_topics([NewTopic(TOPIC, 4, 1)])
        except TopicAlreadyExistsError:
            return
        raise AssertionError('the second was not refused')

    def records_go_out_plain_and_with_gzip(self):
        self.produce(TOPIC, 0, RECORDS // 2)
        self.produce(TOPIC, RECORDS // 2, RECORDS // 2, compression_type='gzip')

    def a_group_gets_each_record_once(self):
        seen = self.consume(RECORDS)
        assert sorted(int(dict(one.headers)['number']) for one in seen) == list(range(RECORDS))
        for one in seen:
            number = int(dict(one.headers)['number'])
            assert (one.key, one.value) == (f'key-{number % 10}'.encode(), f'value {number}'.encode())

    def a_group_goes_on_where_it_stood(self):
        committed = self.admin.list_consumer_group_offsets(GROUP)
        assert sum(one.offset for one in committed.values()) == RECORDS
        self.produce(TOPIC, RECORDS, 1)
        assert [one.value for one in self.consume(1)] == [f'value {RECORDS}'.encode()]

    def records_are_found_by_time(self):
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.servers)
        parts = [kafka.TopicPartition(TOPIC, i) for i in range(4)]
        assert all(found.offset == 0 for found in consumer.offsets_for_times({part: 1 for part in parts}).values())
        assert sum(consumer.end_offsets(parts).values()) == RECORDS + 1
        consumer.close()

    def topics_and_groups_are_described_grown_and_deleted(self):
        [told] = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC)])
        assert any(entry[0] == 'cleanup.policy' for entry in told.resources[0][4])
        assert self.admin.describe_consumer_groups([GROUP])[0].state == 'Empty'
        assert (GROUP, 'consumer') in self.admin.list_consumer_groups()
        self.admin.create_partitions({TOPIC: NewPartitions(6)})
        assert len(self.admin.describe_topics([TOPIC])[0]['partitions']) == 6
        self.admin.delete_consumer_groups([GROUP])
        assert (GROUP, 'consumer') not in self.admin.list_consumer_groups()
        self.admin.delete_topics([TOPIC])
        assert TOPIC not in self.admin.list_topics()

    def it_writes_for_the_others_to_read(self):
        self.produce(self.shared, 50, 50, compression_type='gzip')


def main():
    checks = Checks(*sys.argv[1:])
    for name in (name for name in Checks.__dict__ if name not in ('__init__', 'produce', 'consume') and name[0] != '_'):
        try:
            getattr(checks, name)()
            print(f'ok - {name.replace("_", " ")}')
        except Exception as error:  # noqa: BLE001
            print(f'not ok - {name.replace("_", " ")}: {error!r}')
    checks.admin.close()


if __name__ == '__main__':
    main()
