#!/usr/bin/env python3
"""Confluent's Python client as Debian packs it (python3-confluent-kafka), with the registry and the broker: registers,
writes and reads with its own serializers, asks and changes levels, and is refused as it expects.

stock_client.py REGISTRY_URL BROKER CREDENTIALS   prints a line for each thing that is not as it should be
"""
import json
import sys
import urllib.request

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = 'stock-client'
PATIENCE_S = 30
ORDER = {'$schema': 'http://json-schema.org/draft-07/schema#', 'title': 'Order', 'type': 'object',
         'additionalProperties': False, 'required': ['id'], 'properties': {'id': {'type': 'string'}}}
NOTED = {**ORDER, 'properties': {**ORDER['properties'], 'note': {'type': 'string'}}}
RETYPED = {**ORDER, 'properties': {'id': {'type': 'integer'}}}

passed = failed = 0


def equal(got, wanted, what):
    global passed, failed
    if got == wanted:
        passed += 1
    else:
        failed += 1
        print(f'not ok - {what}: {got!r}, wanted {wanted!r}')


def refused(what, code, call, *arguments):
    try:
        equal(call(*arguments), SchemaRegistryError, what)
    except SchemaRegistryError as error:
        equal(error.error_code, code, what)


def round_trip(client, broker):
    """A record of its serializer, through the log, to its deserializer."""
    context = SerializationContext(TOPIC, MessageField.VALUE)
    value = {'id': 'ord_1'}
    write = JSONSerializer(json.dumps(ORDER), client, lambda order, _: order)
    producer = Producer({'bootstrap.servers': broker})
    producer.produce(TOPIC, key='ord_1', value=write(value, context))
    equal(producer.flush(PATIENCE_S), 0, 'records that were not delivered')
    consumer = Consumer({'bootstrap.servers': broker, 'group.id': TOPIC, 'auto.offset.reset': 'earliest'})
    consumer.subscribe([TOPIC])
    record = consumer.poll(PATIENCE_S)
    while record is not None and record.error():
        record = consumer.poll(PATIENCE_S)
    consumer.close()
    read = JSONDeserializer(json.dumps(NOTED), lambda order, _: order)
    equal(record and read(record.value(), context), value, 'the record that comes back')
    return int.from_bytes(record.value()[1:5], 'big')


def schemas(client, framed):
    subject = f'{TOPIC}-value'
    order, noted = Schema(json.dumps(ORDER), 'JSON'), Schema(json.dumps(NOTED), 'JSON')
    equal(client.register_schema(subject, order), framed, 'the id in the frame')
    equal(json.loads(client.get_schema(framed).schema_str), ORDER, 'the schema of that id')
    second = client.register_schema(subject, noted)
    equal(client.get_versions(subject), [1, 2], 'versions')
    latest = client.get_latest_version(subject)
    equal((latest.schema_id, latest.version, latest.schema.schema_type), (second, 2, 'JSON'), 'the latest version')
    equal(client.lookup_schema(subject, order).version, 1, 'the version that is found')
    equal(subject in client.get_subjects(), True, 'the subject is listed')
    refused('a change that breaks readers', 409, client.register_schema, subject, Schema(json.dumps(RETYPED), 'JSON'))
    refused('no schema', 42201, client.register_schema, subject, Schema('{"type": "nothing"}', 'JSON'))
    refused('Avro', 42201, client.register_schema, subject, Schema('"string"', 'AVRO'))
    refused('an unknown id', 40403, client.get_schema, 999999)
    refused('an unknown subject', 40401, client.get_versions, 'nobody')
    refused('an unknown version', 40402, client.get_version, subject, 9)
    holder = Schema('{"type": "array", "items": {"$ref": "order.json"}}', 'JSON',
                    [SchemaReference('order.json', subject, 1)])
    equal(client.register_schema('stock-orders-value', holder) > second, True, 'a schema that refers to another')
    reference = client.get_latest_version('stock-orders-value').schema.references[0]
    equal(reference, {'name': 'order.json', 'subject': subject, 'version': 1}, 'its reference')


def levels(client):
    subject = f'{TOPIC}-value'
    equal(client.get_compatibility(), 'BACKWARD', 'the level for all')
    refused('a level that was not set', 40408, client.get_compatibility, subject)
    client.set_compatibility(subject_name=subject, level='NONE')
    equal(client.get_compatibility(subject), 'NONE', 'the level that was set')
    refused('a level that is none', 42203, client.set_compatibility, subject, 'SOMEHOW')
    equal(client.register_schema(subject, Schema(json.dumps(RETYPED), 'JSON')) > 0, True, 'what NONE takes')
    equal(client.delete_version(subject, 3), 3, 'the version that is deleted')
    equal(client.delete_subject('stock-orders-value'), [1], 'the versions of a subject that is deleted')


def main(url, broker, credentials):
    client = SchemaRegistryClient({'url': url, 'basic.auth.user.info': credentials})
    framed = round_trip(client, broker)
    schemas(client, framed)
    levels(client)
    stranger = SchemaRegistryClient({'url': url, 'basic.auth.user.info': 'nobody:'})
    refused('a key that nobody has', 401, stranger.get_subjects)
    equal(urllib.request.urlopen(url + '/subjects').status, 200, 'open reads: without credentials')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:4]))
