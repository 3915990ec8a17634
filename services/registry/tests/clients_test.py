#!/usr/bin/env python3
"""The registry as the clients of the Confluent Schema Registry meet it: what their serializers ask in turn, with their
headers and ways to write parameters, and one of them itself where Debian's package of it is installed.

clients_test.py BUILD_FOLDER
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from report import Report  # noqa: E402
from stack import Stack, request  # noqa: E402

KEY = 'wk_registry-clients'
SCOPES = 'schemas:read schemas:write schemas:delete schemas:configure'
V1 = 'application/vnd.schemaregistry.v1+json'
ACCEPT = f'{V1}, application/vnd.schemaregistry+json; q=0.9, application/json; q=0.5'
SCHEMA = '{"$schema":"http://json-schema.org/draft-07/schema#","title":"Ping","type":"object","properties":{"n":{"type":"integer"}}}'
CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'stock_client.py')


class Client:
    """Sends as one client does. `headers` are its own; credentials are Basic with a write key, or none."""

    def __init__(self, stack, basic=True, **headers):
        self.port, self.headers = stack.port('registry'), {'Accept': ACCEPT, **headers}
        if basic:
            self.headers['Authorization'] = 'Basic ' + base64.b64encode(f'{KEY}:'.encode()).decode()

    def send(self, method, path, body=None, media=V1):
        headers = dict(self.headers)
        if body is not None:
            headers['Content-Type'] = media
        status, told, text = request(self.port, method, path, json.dumps(body) if body is not None else None, headers)
        return status, told['Content-Type'], json.loads(text)


class Clients:
    def __init__(self, report, stack):
        self.report, self.stack = report, stack

    def steps(self, client, *steps):
        """(method, path, body, status, part of the answer) each."""
        for method, path, body, wanted, part in steps:
            status, media, answer = client.send(method, path, body)
            self.report.equal((status, media), (wanted, V1), f'{method} {path}: {answer}')
            if isinstance(part, dict):
                self.report.equal({name: answer.get(name) for name in part}, part, f'{method} {path}')
            elif part is not None:
                self.report.equal(answer, part, f'{method} {path}')

    def java(self):
        """KafkaJsonSchemaSerializer with auto.register.schemas, its deserializer, then use.latest.version."""
        client = Client(self.stack, **{'X-Forward': 'true'})
        new = {'schema': SCHEMA, 'schemaType': 'JSON', 'references': [], 'metadata': None, 'ruleSet': None}
        self.steps(client, ('POST', '/subjects/java-value/versions?normalize=false', new, 200, None))
        identity = client.send('POST', '/subjects/java-value/versions?normalize=false', new)[2]
        self.report.equal(list(identity), ['id'], 'the id alone: clients of old know no more')
        n = identity['id']
        self.steps(client,
                   ('GET', f'/schemas/ids/{n}?fetchMaxId=false&subject=java-value', None, 200,
                    {'schema': SCHEMA, 'schemaType': 'JSON'}),
                   ('POST', '/subjects/java-value?normalize=false&deleted=true', new, 200, {'id': n, 'version': 1}),
                   ('GET', '/subjects/java-value/versions/latest', None, 200, {'id': n, 'subject': 'java-value'}),
                   ('GET', '/config/java-value', None, 404, {'error_code': 40408}),
                   ('GET', '/config/java-value?defaultToGlobal=true', None, 200, {'compatibilityLevel': 'BACKWARD'}),
                   ('GET', '/mode', None, 200, {'mode': 'READWRITE'}),
                   ('POST', '/compatibility/subjects/java-value/versions/latest?verbose=true', new, 200,
                    {'is_compatible': True, 'messages': []}),
                   ('DELETE', '/subjects/java-value/versions/1', None, 200, 1),
                   ('DELETE', '/subjects/java-value?permanent=true', None, 200, [1]))

    def python(self):
        """JSONSerializer; its booleans are written as Python writes them."""
        client = Client(self.stack, **{'Confluent-Client-Version': 'python/2.6.1', 'Accept-Encoding': 'gzip, deflate'})
        new = {'schema': SCHEMA, 'schemaType': 'JSON', 'references': []}
        subject = urllib.parse.quote('python/ping-value', safe='')
        self.steps(client,
                   ('POST', f'/subjects/{subject}/versions?normalize=False', new, 200, None),
                   ('POST', f'/subjects/{subject}?normalize=False&deleted=False', new, 200,
                    {'version': 1, 'subject': 'python/ping-value'}),
                   ('GET', f'/subjects/{subject}/versions?deleted=False&deleted_only=False&offset=0&limit=-1', None, 200, [1]),
                   ('GET', f'/subjects/{subject}/versions/latest?deleted=False', None, 200, {'version': 1}),
                   ('DELETE', f'/subjects/{subject}?permanent=False', None, 200, [1]),
                   ('DELETE', f'/subjects/{subject}?permanent=True', None, 200, [1]))

    def node(self):
        """KafkaJS' registry asks for the level first and sets it, then registers; references are left out."""
        client = Client(self.stack, **{'User-Agent': 'node'})
        new = {'schema': SCHEMA, 'schemaType': 'JSON'}
        self.steps(client,
                   ('GET', '/config/node-value', None, 404, {'error_code': 40408}),
                   ('PUT', '/config/node-value', {'compatibility': 'BACKWARD'}, 200, {'compatibility': 'BACKWARD'}),
                   ('POST', '/subjects/node-value/versions', new, 200, None),
                   ('POST', '/subjects/node-value', new, 200, {'version': 1}),
                   ('GET', '/subjects/node-value/versions/latest', None, 200, {'schema': SCHEMA}))

    def media_types(self):
        client = Client(self.stack)
        new = {'schema': SCHEMA, 'schemaType': 'JSON'}
        for media in (V1, 'application/vnd.schemaregistry+json', 'application/json', f'{V1}; charset=utf-8'):
            self.report.equal(client.send('POST', '/subjects/media/versions', new, media)[0], 200, media)
        status, _, answer = client.send('POST', '/subjects/media/versions', new, 'text/plain')
        self.report.equal((status, answer['error_code']), (415, 415), 'text')

    def open_reads(self):
        """Without credentials, from this machine: reading, not writing; and bad credentials are not overlooked."""
        client = Client(self.stack, basic=False)
        self.report.equal(client.send('GET', '/subjects/media/versions')[2], [1], 'a read')
        status, _, answer = client.send('POST', '/subjects/media/versions', {'schema': '{}', 'schemaType': 'JSON'})
        self.report.equal((status, answer['error_code']), (401, 401), 'a write')
        client.headers['Authorization'] = 'Bearer ' + self.stack.token('schemas:read')
        self.report.equal(client.send('GET', '/subjects')[0], 200, 'a bearer token')
        client.headers['Authorization'] = 'Bearer nonsense'
        self.report.equal(client.send('GET', '/subjects')[0], 401, 'a bad token')

    def stock(self):
        python = next((path for path in (sys.executable, '/usr/bin/python3')
                       if subprocess.run([path, '-c', 'import confluent_kafka, requests, jsonschema'],
                                         capture_output=True, check=False).returncode == 0), None)
        if python is None:
            print('skipped: python3-confluent-kafka, python3-requests, python3-jsonschema are not installed')
            return
        run = subprocess.run([python, CLIENT, f'http://127.0.0.1:{self.stack.port("registry")}',
                              f'127.0.0.1:{self.stack.port("broker")}', f'{KEY}:'], capture_output=True, text=True,
                             timeout=120, check=False)
        self.report.check(run.returncode == 0, f'the stock client: {run.stdout}{run.stderr}')
        print(f'the stock client: {run.stdout.splitlines()[-1] if run.stdout else run.stderr}')


def add_key(stack):
    """A write key that may do what clients do."""
    path = os.path.join(stack.keys.folder, 'keys.json')
    with open(path, encoding='utf-8') as file:
        keys = json.load(file)
    keys['write_keys'].append({'hash': hashlib.sha256(KEY.encode()).hexdigest(), 'source': 'clients', 'scopes': SCOPES})
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(keys, file)


def main(build):
    report = Report()
    with Stack(build) as stack:
        add_key(stack)
        stack.start('broker')
        stack.start('registry', open_reads='true')
        clients = Clients(report, stack)
        report.run(clients.java, clients.python, clients.node, clients.media_types, clients.open_reads, clients.stock)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
