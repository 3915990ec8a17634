#!/usr/bin/env python3
"""Sends the examples of a contract to the service that runs it, and judges the answers by the contract.

Each operation, in the order of `x-order` (then of the file), is called with the examples of its parameters and of its
body; the answer must have the documented success status, a documented media type, and a body that fits its schema.
Then its documented errors are provoked as far as the contract alone tells how: 400 by JSON that ends early, 401 without
a token and with bad ones, 403 with a token of another scope, 404 with an id that nobody has, 413, 415, 422 with an
unknown member or an impossible parameter, and any by its `x-provoke`; each must be the problem that the contract promises.
What an example needs first, its operation says by `x-prepare`: requests like those of `x-provoke`, all of which succeed;
`take` {parameter: JSON Pointer} gives what follows a value of an answer, also in a body ({/member: JSON Pointer}).
`x-example-webhook` is the secret that its examples are signed with, as Standard Webhooks says.
`x-example-token` of an operation, and `token` of a request, are claims of the token that differ from the usual.

contract_examples.py BASE_URL (--keys FOLDER | --token TOKEN) [--write-key KEY] [--openapi FILE] [--patience S] [--examples-only]
"""
import argparse
import base64
import copy
import hashlib
import hmac
import http.client
import json
import re
import secrets
import sys
import time
import urllib.parse
from datetime import datetime

import tokens

METHODS = ('get', 'head', 'post', 'put', 'patch', 'delete')
TIMEOUT_S = 10


# ---- schemas: the part of JSON Schema that contracts use ----

TYPES = {'string': str, 'object': dict, 'array': list, 'boolean': bool, 'null': type(None)}


def has_type(value, name):
    if name == 'integer':
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)
    if name == 'number':
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def is_time(text):
    try:
        datetime.fromisoformat(re.sub(r'\.(\d{1,6})\d*', lambda m: '.' + m[1].ljust(6, '0'), text).replace('Z', '+00:00'))
        return 'T' in text
    except ValueError:
        return False


def resolved(document, node):
    """The node, or what its $ref leads to."""
    while isinstance(node, dict) and '$ref' in node:
        at = document
        for key in node['$ref'].split('/')[1:]:
            at = at[key.replace('~1', '/').replace('~0', '~')]
        node = at
    return node


def misfits(document, schema, value, where=''):
    """What is wrong with the value, as 'pointer: sentence' texts."""
    schema = resolved(document, schema)
    if schema is True or schema == {}:
        return []
    names = schema.get('type', [])
    names = [names] if isinstance(names, str) else names
    if names and not any(has_type(value, name) for name in names):
        return [f'{where}: is not {" or ".join(names)}']
    found = []
    if 'enum' in schema and value not in schema['enum'] or 'const' in schema and value != schema['const']:
        found.append(f'{where}: {value!r} is not a member')
    if isinstance(value, str):
        found += text_misfits(schema, value, where)
    elif isinstance(value, list):
        if not schema.get('minItems', 0) <= len(value) <= schema.get('maxItems', len(value)):
            found.append(f'{where}: has {len(value)} elements')
        for index, item in enumerate(value):
            found += misfits(document, schema.get('items', True), item, f'{where}/{index}')
    elif isinstance(value, dict):
        found += object_misfits(document, schema, value, where)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not schema.get('minimum', value) <= value <= schema.get('maximum', value):
            found.append(f'{where}: {value} is out of range')
    return found


def text_misfits(schema, value, where):
    found = []
    if not schema.get('minLength', 0) <= len(value) <= schema.get('maxLength', len(value)):
        found.append(f'{where}: has {len(value)} characters')
    if 'pattern' in schema and not re.search(schema['pattern'], value):
        found.append(f'{where}: {value!r} does not match {schema["pattern"]}')
    if schema.get('format') == 'date-time' and not is_time(value):
        found.append(f'{where}: {value!r} is not a time')
    return found


def object_misfits(document, schema, value, where):
    found = [f'{where}/{name}: is missing' for name in schema.get('required', []) if name not in value]
    known = schema.get('properties', {})
    for name, member in value.items():
        if name in known:
            found += misfits(document, known[name], member, f'{where}/{name}')
        elif schema.get('additionalProperties', True) is False:
            found.append(f'{where}/{name}: is not in the contract')
    return found


# ---- operations ----

class Operation:
    """One operation with the examples that its contract gives."""

    def __init__(self, document, path, method, shared, node):
        self.document, self.path, self.method, self.node = document, path, method.upper(), node
        self.name = node['operationId']
        self.order = node.get('x-order')
        self.params = [resolved(document, param) for param in shared + node.get('parameters', [])]
        self.security = node.get('security', [])
        self.foreign = 'x-foreign' in node
        body = resolved(document, node.get('requestBody', {}))
        self.media, content = next(iter(body.get('content', {}).items()), (None, {}))
        self.raw = node.get('x-raw-body', False)
        self.body_schema = content.get('schema')
        self.body_required = body.get('required', False)
        self.bodies = examples_of(content)
        self.responses = {status: resolved(document, response) for status, response in node['responses'].items()}
        self.success = next(int(status) for status in self.responses if int(status) < 400 and status != '304')

    def writes(self):
        return self.node.get('x-run', 'read' if self.method in ('GET', 'HEAD') else 'write') == 'write'

    def max_body(self):
        """Bytes that a body may have: 1 MB unless the contract says otherwise."""
        given = self.node.get('x-max-body', '1MB')
        units = {'KB': 1 << 10, 'MB': 1 << 20}
        return given if isinstance(given, int) else int(given[:-2]) * units[given[-2:]]

    def scope(self):
        return next(iter(self.security[0].values()))[0] if self.security else None

    def for_browsers(self):
        return self.node.get('x-foreign') == 'browser'

    def by_write_key(self):
        return bool(self.security) and 'write_key' in self.security[0]

    def example(self, param):
        found = examples_of(param)
        schema = resolved(self.document, param['schema'])
        return found[0] if found else schema.get('example', schema.get('default'))

    def strange_ids(self):
        """Ids like the examples' in the path, of the same kind, that nobody has."""
        strange = {}
        for param in self.params:
            example = self.example(param)
            if param['in'] == 'path' and isinstance(example, str):
                prefix = example.split('_')[0] + '_' if '_' in example else ''
                strange[param['name']] = prefix + 'nobody' + secrets.token_hex(4)
        return strange

    def request(self, replace=None):
        """(target, headers) of the parameters' examples; `replace` {name: text} puts others in."""
        path, query, headers = self.path, [], {}
        for param in self.params:
            value = (replace or {}).get(param['name'], self.example(param))
            if value is None:
                continue
            values = value if isinstance(value, list) else [value]
            texts = [json.dumps(v) if isinstance(v, (bool, int, float)) else str(v) for v in values]
            if param['in'] == 'path':
                path = path.replace('{' + param['name'] + '}', urllib.parse.quote(texts[0], safe=''))
            elif param['in'] == 'query':
                query += [(param['name'], text) for text in texts]
            else:
                headers[param['name']] = texts[0]
        return path + ('?' + urllib.parse.urlencode(query) if query else ''), headers


def examples_of(holder):
    if 'example' in holder:
        return [holder['example']]
    return [example['value'] for example in holder.get('examples', {}).values()]


def operations_of(document):
    found = []
    for path, item in document['paths'].items():
        for method in METHODS:
            if method in item:
                found.append(Operation(document, path, method, item.get('parameters', []), item[method]))
    return sorted(found, key=lambda operation: (operation.order is None, operation.order or 0))


# ---- calls ----

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.media = (headers.get('Content-Type') or '').split(';')[0].strip()

    def __str__(self):
        return f'{self.status} {self.media} {self.body[:300].decode("utf-8", "replace")}'


def call(base, method, target, headers, body):
    """One request; an answer that comes while the body is still being sent counts."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=TIMEOUT_S)
    try:
        try:
            connection.request(method, target, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def signed(secret, body):
    """The headers of a webhook, as Standard Webhooks says: a new one each time."""
    head = f'msg_{secrets.token_hex(8)}', str(int(time.time()))
    key = base64.b64decode(secret.removeprefix('whsec_'))
    mac = hmac.new(key, '.'.join(head).encode() + b'.' + body, hashlib.sha256).digest()
    return {'webhook-id': head[0], 'webhook-timestamp': head[1], 'webhook-signature': 'v1,' + base64.b64encode(mac).decode()}


class Run:
    """All checks of one service; `keys` mint a token for each call; None where only one token is known."""

    def __init__(self, base, document, keys, token, write_key, patience_s):
        if document is None:
            document = json.loads(call(base.rstrip('/'), 'GET', '/openapi.json', {}, None).body)
        self.base, self.document, self.keys, self.token, self.write_key = base.rstrip('/'), document, keys, token, write_key
        self.patience_s = patience_s
        self.passed, self.failed, self.provoked = 0, [], set()
        self.by_name = {operation.name: operation for operation in operations_of(document)}

    def authorization(self, operation, claims=None):
        if not operation.security:
            return {}
        if operation.by_write_key():
            return basic(self.write_key)
        claims = {'scopes': operation.scope(), **operation.node.get('x-example-token', {}), **(claims or {})}
        return {'Authorization': 'Bearer ' + (self.keys.token(**claims) if self.keys else self.token)}

    def send(self, operation, body=None, replace=None, headers=None, authorization=None, more=''):
        """`body` is JSON to be written, or bytes; None takes the first example. `more` ends the target. `replace` has
        texts by the names of parameters, and members of an object that is a body by their pointers."""
        target, all_headers = operation.request(replace)
        all_headers.update(self.authorization(operation) if authorization is None else authorization)
        if body is None and operation.bodies:
            body = operation.bodies[0]
        if isinstance(body, dict):
            body = {name: (replace or {}).get('/' + name, value) for name, value in body.items()}
        if body is not None:
            all_headers['Content-Type'] = operation.media
            raw = operation.raw and isinstance(body, str)
            body = body if isinstance(body, bytes) else body.encode() if raw else json.dumps(body).encode()
        if operation.method == 'POST' and operation.writes():
            all_headers['Idempotency-Key'] = secrets.token_hex(16)
        if 'x-example-webhook' in operation.node:
            all_headers = {**signed(operation.node['x-example-webhook'], body), **all_headers}
        all_headers.update(headers or {})
        return call(self.base, operation.method, target + more, all_headers, body)

    def note(self, operation, what, wrong):
        if wrong:
            self.failed.append(f'{operation.name}: {what}: ' + '; '.join(wrong))
            print('not ok - ' + self.failed[-1])
        else:
            self.passed += 1

    def body_misfits(self, response, answer):
        content = response.get('content', {})
        if not content:
            return [f'an empty body is documented, not {answer}'] if answer.body else []
        if answer.media not in content:
            return [f'the media type is not documented: {answer}']
        if answer.media != 'application/json' and not answer.media.endswith('+json'):
            return []
        try:
            value = json.loads(answer.body)
        except ValueError:
            return [f'not JSON: {answer}']
        return misfits(self.document, content[answer.media]['schema'], value)

    def success(self, operation, body):
        """What another service's events bring may take a moment to arrive: a 404 is asked again for a while."""
        taken, wrong = self.prepare(operation)
        if wrong:
            return wrong
        answer = self.send(operation, body, taken)
        until = time.monotonic() + self.patience_s
        while answer.status == 404 and operation.success != 404 and time.monotonic() < until:
            time.sleep(0.1)
            answer = self.send(operation, body, taken)
        if answer.status != operation.success:
            return [f'{operation.success} is documented, not {answer}']
        return self.body_misfits(operation.responses[str(operation.success)], answer)

    def step(self, operation, step, taken):
        """One request of x-prepare or x-provoke: (its answer, the status that it was to have). Takes what it says."""
        target = self.by_name[step.get('operation', operation.name)]
        answer = self.send(target, step.get('body'), {**taken, **step.get('params', {})}, step.get('headers'),
                           self.authorization(target, step.get('token')))
        wanted = step.get('status', target.success)
        if answer.status == wanted:
            for name, pointer in step.get('take', {}).items():
                taken[name] = at_pointer(json.loads(answer.body), pointer)
        return answer, wanted

    def prepare(self, operation):
        """What goes before the example: (what was taken from answers, what is wrong)."""
        taken = {}
        for number, step in enumerate(operation.node.get('x-prepare', []), 1):
            answer, wanted = self.step(operation, step, taken)
            if answer.status != wanted:
                return taken, [f'x-prepare {number}: {wanted} was to come, not {answer}']
        return taken, []

    def examples(self):
        for operation in operations_of(self.document):
            for number, body in enumerate(operation.bodies or [None]):
                name = 'its example' if len(operation.bodies) < 2 else f'its example {number + 1}'
                self.note(operation, name, self.success(operation, body))

    # ---- errors ----

    def refused(self, operation, what, status, answer):
        wrong = [] if answer.status == status else [f'{status} is documented, not {answer}']
        if not wrong and not operation.foreign:
            wrong = self.body_misfits(operation.responses[str(status)], answer)
            if not wrong and json.loads(answer.body)['status'] != status:
                wrong = [f'the problem says another status: {answer}']
        self.provoked.add((operation.name, status))
        self.note(operation, f'{status}, {what}', wrong)

    def errors(self):
        for operation in self.by_name.values():
            for status in sorted(int(status) for status in operation.responses if int(status) >= 400):
                steps = operation.node['responses'][str(status)].get('x-provoke')
                provoke = getattr(self, f'provoke_{status}', None)
                if steps:
                    self.provoke_as_told(operation, status, steps)
                elif provoke:
                    provoke(operation)

    def provoke_as_told(self, operation, status, steps):
        """`x-provoke`: requests, the last of which is refused; those before succeed, or have the `status` they say."""
        taken = {}
        for number, step in enumerate(steps, 1):
            answer, wanted = self.step(operation, step, taken)
            if number < len(steps) and answer.status != wanted:
                self.note(operation, f'{status}, step {number}', [f'{wanted} was to come, not {answer}'])
                return
        self.refused(operation, 'as its contract tells', status, answer)

    def provoke_400(self, operation):
        if not operation.bodies:
            self.refused(operation, 'a bad escape', 400, self.send(operation, more='?a=%zz'))
            return
        self.refused(operation, 'JSON that ends early', 400, self.send(operation, b'{"a":'))
        self.refused(operation, 'bad UTF-8', 400, self.send(operation, b'{"a":"\xff"}'))
        self.refused(operation, 'a key twice', 400, self.send(operation, b'{"a":1,"a":2}'))
        self.refused(operation, 'too deep', 400, self.send(operation, b'[' * 10000))

    def provoke_401(self, operation):
        # What a browser on the same machine may look at without a token is asked for as from elsewhere.
        place = {'Host': 'elsewhere.example'} if operation.for_browsers() else None
        self.refused(operation, 'no token', 401, self.send(operation, authorization={}, headers=place))
        if operation.by_write_key():
            self.refused(operation, 'a wrong key', 401, self.send(operation, authorization=basic('nobody')))
        elif self.keys:
            for what, token in self.keys.bad_tokens(operation.scope()).items():
                bearer = {'Authorization': f'Bearer {token}'}
                self.refused(operation, what, 401, self.send(operation, authorization=bearer, headers=place))

    def provoke_403(self, operation):
        if not self.keys:
            return
        weak = {'Authorization': 'Bearer ' + self.keys.token('nothing:at-all')}
        if operation.by_write_key():
            weak = basic(tokens.WEAK_WRITE_KEY)
        self.refused(operation, 'another scope', 403, self.send(operation, authorization=weak))

    def provoke_404(self, operation):
        strange = operation.strange_ids()
        if strange:
            self.refused(operation, 'an id that nobody has', 404, self.send(operation, replace=strange))

    def provoke_413(self, operation):
        if operation.bodies:
            self.refused(operation, 'a large body', 413, self.send(operation, b' ' * (operation.max_body() + 1)))

    def provoke_415(self, operation):
        if operation.bodies:
            self.refused(operation, 'another media type', 415,
                         self.send(operation, headers={'Content-Type': 'application/x-nothing'}))

    def provoke_422(self, operation):
        schema = resolved(self.document, operation.body_schema) if operation.body_schema is not None else None
        if not operation.raw and isinstance(schema, dict) and schema.get('additionalProperties') is False:
            body = copy.deepcopy(operation.bodies[0])
            body['nobody_knows_this'] = 1
            self.refused(operation, 'an unknown member', 422, self.send(operation, body))
            for name in schema.get('required', []):
                body = copy.deepcopy(operation.bodies[0])
                del body[name]
                self.refused(operation, f'without {name}', 422, self.send(operation, body))
            if operation.bodies[0]:
                body = {name: [{}] for name in operation.bodies[0]}
                self.refused(operation, 'members of wrong types', 422, self.send(operation, body))
        for param in operation.params:
            wrong = impossible(resolved(self.document, param['schema']))
            if wrong is not None:
                self.refused(operation, f'{param["name"]} = {wrong[:20]}', 422,
                             self.send(operation, replace={param['name']: wrong}))

    def unavailable(self):
        """503 where it is documented, once what the service waits for is gone."""
        for operation in operations_of(self.document):
            if '503' in operation.responses:
                self.refused(operation, 'what it needs is away', 503,
                             self.send(operation, replace=operation.strange_ids()))

    def unprovoked(self):
        """Documented errors that nothing here has provoked."""
        return [f'{operation.name} {status}' for operation in operations_of(self.document)
                for status in operation.responses
                if int(status) >= 400 and (operation.name, int(status)) not in self.provoked]


def at_pointer(value, pointer):
    for key in pointer.split('/')[1:]:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def basic(write_key):
    return {'Authorization': 'Basic ' + base64.b64encode(f'{write_key}:'.encode()).decode()}


def impossible(schema):
    """A parameter's text that its schema cannot take; None when it takes all."""
    if 'maxLength' in schema:
        return 'x' * (schema['maxLength'] + 1)
    if 'enum' in schema or schema.get('format') or schema.get('type') in ('integer', 'number', 'boolean'):
        return 'nothing of the kind'
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('base')
    parser.add_argument('--keys', help='key folder with a signing key: a token is made for each operation')
    parser.add_argument('--token', help='one token that may do everything')
    parser.add_argument('--write-key', default='')
    parser.add_argument('--openapi', help="the contract; the service's own (/openapi.json) without it")
    parser.add_argument('--examples-only', action='store_true')
    parser.add_argument('--patience', type=float, default=0, help='seconds that a 404 may last')
    given = parser.parse_args()
    document = None
    if given.openapi:
        with open(given.openapi, encoding='utf-8') as file:
            document = json.load(file)
    keys = tokens.Keys(given.keys) if given.keys else None
    checks = Run(given.base, document, keys, given.token, given.write_key, given.patience)
    checks.examples()
    if not given.examples_only:
        checks.errors()
        for one in checks.unprovoked():
            print(f'documented, not provoked here: {one}')
    print(f'{checks.passed} passed, {len(checks.failed)} failed')
    sys.exit(1 if checks.failed else 0)


if __name__ == '__main__':
    main()
