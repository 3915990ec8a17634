#!/usr/bin/env python3
"""Every rule of the contract compiler, broken once: the exact message. And what it must write in spite of odd names.

contractc_test.py CONTRACTC COMMON.yaml
"""
import copy
import json
import os
import subprocess
import sys
import tempfile

PROBLEM = {'$ref': 'common.yaml#/components/responses/Problem'}
OK = {'description': 'Done.', 'content': {'application/json': {
    'schema': {'$ref': '#/components/schemas/Thing'}, 'example': {'id': 'a'}}}}
OPENAPI = {
    'openapi': '3.1.0', 'info': {'title': 'x', 'version': '1'},
    'components': {'schemas': {
        'Thing': {'type': 'object', 'required': ['id'],
                  'properties': {'id': {'type': 'string'}, 'n': {'type': 'integer'}}},
        'State': {'type': 'string', 'enum': ['new', 'old']},
    }},
    'paths': {'/v1/things/{id}': {'put': {
        'operationId': 'put_thing', 'summary': 'Put', 'security': [{'token': ['things:write']}],
        'parameters': [{'name': 'id', 'in': 'path', 'required': True, 'schema': {'type': 'string'}, 'example': 'a'}],
        'requestBody': {'content': {'application/json': {
            'schema': {'$ref': '#/components/schemas/Thing'}, 'example': {'id': 'a'}}}},
        'responses': {'200': OK, '404': PROBLEM},
    }}},
}
EVENT = {
    'x-event': {'type': 'fanfare.shop.thing.made.v1', 'topic': 'fanfare.shop.thing', 'subject': 'id', 'key': 'id',
                'erasable': True, 'keeping': 'compacted', 'partitions': 6},
    'type': 'object', 'required': ['id'],
    'properties': {'id': {'type': 'string'}, 'name': {'type': 'string', 'x-personal': True}},
    'examples': [{'id': 'a'}],
}
OP = 'paths//v1/things/{id}/put'
AT_OP = 'shop.json#/paths/~1v1~1things~1{id}/put'
THING = 'components/schemas/Thing'
AT_THING = 'shop.json#/components/schemas/Thing'
AT_EVENT = 'thing_made.v1.json#'
GONE = object()


def steps(path):
    """'paths//v1/x/put/a' -> keys; the path's own name is one key."""
    if path.startswith('paths//v1/things/{id}'):
        rest = path[len('paths//v1/things/{id}'):].strip('/')
        return ['paths', '/v1/things/{id}'] + (rest.split('/') if rest else [])
    return path.split('/') if path else []


def changed(document, path, value):
    """The document with the member at `path` set (or taken out)."""
    document = copy.deepcopy(document)
    at, keys = document, steps(path)
    for key in keys[:-1]:
        at = at[int(key)] if isinstance(at, list) else at.setdefault(key, {})
    key = int(keys[-1]) if isinstance(at, list) else keys[-1]
    if value is GONE:
        del at[key]
    else:
        at[key] = value
    return document


# (path, value, message) for openapi: one change each.
OPENAPI_CASES = [
    ('openapi', '3.0.3', 'shop.json#: "openapi" is 3.1.x'),
    ('info/version', GONE, 'shop.json#/info: "version" is required'),
    ('paths', GONE, 'shop.json#: "paths" is required'),
    # operations
    (OP + '/operationId', GONE, AT_OP + ': "operationId" is required'),
    (OP + '/operationId', 'putThing', AT_OP + ': the operationId "putThing" is not snake_case'),
    (OP + '/summary', GONE, AT_OP + ': "summary" is required'),
    (OP + '/security', GONE, AT_OP + ': "security" is required: [{ token: [scope] }], [{ write_key: [scope] }], or [] '
                                     'for everybody'),
    (OP + '/security', [{'token': []}], AT_OP + "/security: names exactly one scope: [{ token: ['orders:read'] }]"),
    (OP + '/security', [{'token': ['a', 'b']}], AT_OP + "/security: names exactly one scope: "
                                                        "[{ token: ['orders:read'] }]"),
    (OP + '/security', [{'token': ['a b']}], AT_OP + '/security: the scope "a b" is made of small letters, \':\', \'_\' '
                                                     'and \'-\''),
    (OP + '/security', [{'basic': []}], AT_OP + '/security: is token or write_key'),
    (OP + '/security', {}, AT_OP + '/security: is a list of ways in'),
    (OP + '/security', [{'token': ['a']}, {'write_key': ['b']}], AT_OP + '/security: all ways in have one scope'),
    (OP + '/security', [{'token': ['a']}, {'write_key': ['a']}], None),
    (OP + '/security', [{'token': ['a']}, {'token': ['a']}], AT_OP + '/security: names each way in once'),
    (OP + '/security', [{'token': ['a']}, {}], AT_OP + '/security: {} is for foreign protocols, whose clients may have '
                                                       'no token'),
    (OP + '/x-run', 'fast', AT_OP + ': "x-run" is read, write or pool'),
    (OP + '/x-at-once', True, AT_OP + ': "x-at-once" is true, and for operations that read'),
    (OP + '/x-priority', 'high', AT_OP + ': "x-priority" is decision, collect, status, search or bulk'),
    (OP + '/x-max-body', 'big', AT_OP + ': "x-max-body" is a number of bytes, "64KB" or "2MB"'),
    (OP + '/x-order', 'first', AT_OP + ': "x-order" is a whole number: when its example is sent'),
    (OP + '/x-idempotent', True, AT_OP + ': "x-idempotent" is for POST operations that write'),
    (OP + '/x-foreign', True, AT_OP + ': "x-foreign" names the protocol'),
    ('paths//v1/things/{id}/trace', {}, 'shop.json#/paths/~1v1~1things~1{id}/trace: is not a method that is supported'),
    # parameters
    (OP + '/parameters', [], AT_OP + ': the path parameter "id" is not declared'),
    (OP + '/parameters/0/in', 'cookie', AT_OP + '/parameters/0: "in" is path, query or header'),
    (OP + '/parameters/0/required', False, AT_OP + '/parameters/0: a path parameter is required: true'),
    (OP + '/parameters/0/example', GONE, AT_OP + '/parameters/0: a required parameter needs an "example"'),
    (OP + '/parameters/0/example', 5, AT_OP + '/parameters/0/example: must be text'),
    (OP + '/parameters/0/schema', {'type': 'object', 'additionalProperties': True},
     AT_OP + '/parameters/0/schema: a parameter is a text, a number, a boolean, a time or an enum'),
    (OP + '/parameters/0/schema', {'type': 'array', 'items': {'type': 'string'}},
     AT_OP + '/parameters/0/schema: only query parameters may be arrays'),
    (OP + '/parameters/0/schema/default', 'a', AT_OP + '/parameters/0: a required parameter has no use for a default'),
    (OP + '/parameters/0/name', 'body', AT_OP + '/parameters/0: the name "body" is taken'),
    (OP + '/parameters/0/schema', GONE, AT_OP + '/parameters/0: "name" and "schema" are required'),
    # body
    (OP + '/requestBody/content', {}, AT_OP + '/requestBody/content: "content" is required'),
    (OP + '/requestBody', GONE, None),
    (OP + '/x-raw-body', True, None),
    (OP + '/requestBody/content', {'text/csv': {'schema': {'type': 'string'}}},
     AT_OP + '/requestBody/content/text~1csv: only JSON is decoded; other media types need "x-raw-body: true"'),
    (OP + '/requestBody/content', {'application/json': {'schema': {'type': 'string'}, 'example': 'a'}},
     AT_OP + '/requestBody/content/application~1json/schema: a body is an object (or with "x-raw-body" anything)'),
    (OP + '/requestBody/content', {'application/json': {
        'schema': {'type': 'object', 'properties': {'a': {'type': 'string'}}}, 'example': {}}},
     AT_OP + '/requestBody/content/application~1json/schema: name it: put it under components/schemas and refer to it by '
             '$ref'),
    (OP + '/requestBody/content', {'application/json': {'schema': {'$ref': '#/components/schemas/Thing'}}},
     AT_OP + '/requestBody/content/application~1json: an "example" is required'),
    (OP + '/requestBody/content', {'application/json': {'schema': {'$ref': '#/components/schemas/Thing'},
                                                        'example': {'id': 'a', 'x': 1}}},
     AT_OP + '/requestBody/content/application~1json/example/x: is not known here'),
    (OP + '/requestBody/content', {'application/json': {'schema': {'$ref': '#/components/schemas/Thing'},
                                                        'examples': {'one': {'value': {'n': 1}}}}},
     AT_OP + '/requestBody/content/application~1json/examples/one/value/id: is required'),
    # responses
    (OP + '/responses', {}, AT_OP + ': has no success among its responses'),
    (OP + '/responses', {'404': PROBLEM}, AT_OP + ': has no success among its responses'),
    (OP + '/responses/201', OK, AT_OP + '/responses/201: an operation has exactly one success (200 is the other)'),
    (OP + '/responses/404/x-provoke', [{'params': {'id': 'b'}}], None),
    (OP + '/responses/404/x-provoke', {}, AT_OP + '/responses/404/x-provoke: is a list of requests: '
                                                  '{ operation, params, headers, body, token, status, take }'),
    (OP + '/responses/404/x-provoke', [{'path': '/'}], AT_OP + '/responses/404/x-provoke: is a list of requests: '
                                                               '{ operation, params, headers, body, token, status, take }'),
    (OP + '/responses/304', {'description': 'Same.'}, None),
    (OP + '/responses/default', PROBLEM, AT_OP + '/responses/default: a response is named by its status (200 to 599)'),
    (OP + '/responses/500', {'description': 'Bad.'},
     AT_OP + "/responses/500: an error's response is the shared Problem ($ref: "
             "'../../contracts/common.yaml#/components/responses/Problem')"),
    (OP + '/responses/200', {'content': {}}, AT_OP + '/responses/200: "description" is required'),
    (OP + '/responses/200', {'description': 'x', 'content': {'application/json': {
        'schema': {'$ref': '#/components/schemas/Thing'}}}},
     AT_OP + '/responses/200/content/application~1json: an "example" is required'),
    (OP + '/responses/200', {'description': 'x', 'content': {'application/json': {'example': 1}}},
     AT_OP + '/responses/200/content/application~1json: "schema" is required'),
    # schemas
    (THING + '/properties/n', {'oneOf': [{'type': 'string'}]},
     AT_THING + '/properties/n: "oneOf" is not supported: a contract names one shape for each value'),
    (THING + '/properties/n', {'allOf': [{'type': 'string'}]},
     AT_THING + '/properties/n: "allOf" is not supported: a contract names one shape for each value'),
    (THING + '/properties/n', {'minimum': 1},
     AT_THING + '/properties/n: "type" is required: a string, or [type, "null"]'),
    (THING + '/properties/n', {'type': ['string', 'integer']},
     AT_THING + '/properties/n: "type" is required: a string, or [type, "null"]'),
    (THING + '/properties/n', {'type': 'null'}, AT_THING + '/properties/n: type "null" is not supported'),
    (THING + '/properties/n/multipleOf', 2, AT_THING + '/properties/n: "multipleOf" is not supported for type integer'),
    (THING + '/properties/n/minimum', 'a', AT_THING + '/properties/n: "minimum" of an integer is an integer'),
    (THING + '/properties/n', {'type': 'integer', 'minimum': 2, 'maximum': 1},
     AT_THING + '/properties/n: its least is more than its most'),
    (THING + '/properties/n', {'type': 'integer', 'format': 'int7'},
     AT_THING + '/properties/n: the format of an integer is int32 or int64'),
    (THING + '/properties/n', {'type': 'number', 'maximum': True}, AT_THING + '/properties/n: "maximum" is a number'),
    (THING + '/properties/id/maxLength', -1,
     AT_THING + '/properties/id: "maxLength" is a whole number that is not negative'),
    (THING + '/properties/id/format', 'colour', AT_THING + '/properties/id: the format "colour" is not supported'),
    (THING + '/properties/id/pattern', '(', AT_THING + '/properties/id: the pattern ( cannot be read'),
    (THING + '/properties/id/pattern', 5, AT_THING + '/properties/id: "pattern" is a text'),
    (THING + '/properties/id/x-id-prefix', 'Ord', AT_THING + '/properties/id: "x-id-prefix" is made of small letters'),
    (THING + '/properties/n', {'type': 'string', 'format': 'date-time', 'maxLength': 3},
     AT_THING + '/properties/n: a time has no pattern and no length'),
    (THING + '/properties/n', {'type': 'array'}, AT_THING + '/properties/n: "items" is required'),
    (THING + '/properties/n', {'type': 'array', 'items': {'type': 'array', 'items': {'type': 'string'}}},
     AT_THING + '/properties/n/items: an element is neither an array nor null; name an object for it'),
    (THING + '/properties/n', {'type': 'object'},
     AT_THING + '/properties/n: an object has properties, or additionalProperties: true'),
    (THING + '/properties/n', {'type': 'object', 'additionalProperties': {'type': 'string'}},
     AT_THING + '/properties/n: "additionalProperties" is true or false; a map is an object without properties and with '
                'additionalProperties: true'),
    (THING + '/properties/n', {'type': 'string', 'enum': ['unknown']},
     AT_THING + '/properties/n: "unknown": what readers do not know is called that; choose another'),
    (THING + '/properties/n', {'type': 'string', 'enum': ['a-b', 'a b']},
     AT_THING + '/properties/n: "a b" and "a-b" have one name in C'),
    (THING + '/properties/n', {'type': 'string', 'enum': [1]},
     AT_THING + '/properties/n: the members of an enum are texts'),
    (THING + '/properties/n', {'type': 'string', 'enum': []}, AT_THING + '/properties/n: an enum has members'),
    (THING + '/properties/n', {'$ref': '#/components/schemas/State', 'maxLength': 3},
     AT_THING + '/properties/n: "maxLength" beside $ref is not supported'),
    (THING + '/properties/n', {'$ref': '#/components/schemas/None'},
     AT_THING + '/properties/n: $ref "#/components/schemas/None" leads nowhere'),
    (THING + '/properties/n', {'$ref': 'other.yaml#/components/schemas/None'},
     'other.yaml: No such file or directory'),
    (THING + '/properties/n', {'$ref': 'common.yaml#/components/schemas/None'},
     'shop.json: $ref "common.yaml#/components/schemas/None" leads nowhere'),
    (THING + '/properties/n', {'$ref': 'common.yaml#/x/None'},
     'shop.json: $ref "common.yaml#/x/None" is not of the form file#/components/kind/Name'),
    (THING + '/properties/n', {'$ref': '#/components/schemas/Thing'}, None),
    (THING + '/properties/id', {'$ref': '#/components/schemas/Thing'},
     AT_THING + ': holds itself; make a member on the way optional or an array'),
    (THING + '/properties/n', {'$ref': 'common.yaml#/components/schemas/Problem'},
     AT_THING + '/properties/n: Problem is for the responses of errors'),
    (THING + '/properties/n/default', 'a', AT_THING + '/properties/n/default: the default does not fit its schema'),
    (THING + '/properties/n', {'type': 'integer', 'maximum': 3, 'default': 4},
     AT_THING + '/properties/n/default: the default does not fit its schema'),
    (THING + '/properties/n', {'$ref': '#/components/schemas/State', 'default': 'x'},
     AT_THING + '/properties/n/default: the default is not a member of the enum'),
    (THING + '/properties/n', {'type': 'array', 'items': {'type': 'string'}, 'default': []},
     AT_THING + '/properties/n/default: only texts, numbers, booleans, times and enums that are not null have defaults'),
    (THING + '/properties/id/default', 'a', AT_THING + '/properties/id: a required member has no use for a default'),
    (THING + '/required', ['id', 'x'], AT_THING + ': "x" is required but not among the properties'),
    (THING + '/properties', {'id': {'type': 'string'}, 'n_ids': {'type': 'string'},
                             'ids': {'type': 'array', 'items': {'type': 'string'}}},
     AT_THING + '/properties/ids: "ids" and "n_ids" clash as members of a C struct'),
    (THING + '/properties', {'id': {'type': 'string'}, 'aB': {'type': 'string'}, 'a_b': {'type': 'string'}},
     AT_THING + '/properties/a_b: "a_b" and "a_b" clash as members of a C struct'),
    (THING + '/properties', {'id': {'type': 'string'}, 'a"b': {'type': 'string'}},
     AT_THING + '/properties/a"b: a member\'s name is made of letters, digits and _-.$@:/ (100 at most)'),
    ('components/schemas/thing', {'type': 'object', 'properties': {'a': {'type': 'string'}}},
     'shop.json#/components/schemas/thing: the name "thing" is taken by shop.json#/components/schemas/Thing'),
    ('components/schemas/Event', {'type': 'object', 'properties': {'a': {'type': 'string'}}},
     'shop.json#/components/schemas/Event: "event" is a name of the platform; choose another'),
]

# The same for an event.
EVENT_CASES = [
    ('x-event', GONE, AT_EVENT + ': "x-event" is required: type, topic, subject, keeping, ...'),
    ('x-event/colour', 1, AT_EVENT + '/x-event: "colour" is not known here'),
    ('x-event/type', 'thing made', AT_EVENT + '/x-event: "type" is fanfare.<context>.<aggregate>.<past participle>.v<N>'),
    ('x-event/type', 'fanfare.shop.thing.made', AT_EVENT + '/x-event: "type" is fanfare.<context>.<aggregate>.<past '
                                                           'participle>.v<N>'),
    ('x-event/type', 'fanfare.shop.made.v1', AT_EVENT + '/x-event: "type" is fanfare.<context>.<aggregate>.<past '
                                                        'participle>.v<N>'),
    ('x-event/type', 'fanfare.other.thing.made.v1', AT_EVENT + '/x-event: the type of an event of shop begins with '
                                                               'fanfare.shop.'),
    ('x-event/type', 'fanfare.shop.thing.made.v2', AT_EVENT + "/x-event: the event's file is called thing_made.v2.json"),
    ('x-event/topic', 'fanfare.shop.things', AT_EVENT + '/x-event: the topic of fanfare.shop.thing.made.v1 is '
                                                        '"fanfare.shop.thing"'),
    ('x-event/command', True, AT_EVENT + '/x-event: the topic of fanfare.shop.thing.made.v1 is "shop.commands"'),
    ('x-event/subject', GONE, AT_EVENT + '/x-event: "subject" names a required text member of the data'),
    ('x-event/subject', 'name', AT_EVENT + '/x-event: "subject" names a required text member of the data'),
    ('x-event/key', 'none', AT_EVENT + '/x-event: "key" names a required text member of the data'),
    ('x-event/key', GONE, AT_EVENT + '/x-event: what is erasable says by which person: "key" is required'),
    ('x-event/keeping', 'long', AT_EVENT + '/x-event: "keeping" is "forever", "compacted" or { "days": N }'),
    ('x-event/keeping', 'forever', AT_EVENT + '/x-event: what is erasable is compacted: "keeping" is "compacted"'),
    ('x-event/partitions', 0, AT_EVENT + '/x-event: "partitions" is 1 to 1000'),
    ('x-event/erasable', False, AT_EVENT + '/properties/name: is personal (x-personal), but the topic fanfare.shop.thing is '
                                           'not erasable, compacted and keyed by person; carry the person\'s id instead'),
    ('additionalProperties', True, AT_EVENT + ': the data of an event is a closed object'),
    ('properties', {}, AT_EVENT + ': "properties" are required'),
    ('examples', GONE, AT_EVENT + ': an "example" is required'),
    ('examples', [{'id': 'a'}, {'id': 1}], AT_EVENT + '/examples/1/id: must be text'),
    ('properties/name', {'$ref': 'common.yaml#/components/parameters/Limit'},
     'thing_made.v1.json: an event may only refer to schemas, not to "common.yaml#/components/parameters/Limit"'),
    ('properties/name', {'$ref': 'common.yaml#/components/schemas/Money'}, None),
]


class Runs:
    def __init__(self, contractc, common):
        self.contractc, self.passed, self.failed = contractc, 0, 0
        with open(common, encoding='utf-8') as file:
            self.common = file.read()

    def compile(self, files, *options):
        """(exit status, lines of stderr, {file: text}) for files given as {name: document or text}."""
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, 'out'))
            for name, content in {'common.yaml': self.common, **files}.items():
                with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                    file.write(content if isinstance(content, str) else json.dumps(content))
            inputs = [name for name in files if not name.endswith('.v1.json') and not name.endswith('.v2.json')]
            events = [name for name in files if name not in inputs]
            os.mkdir(os.path.join(folder, 'events'))
            for name in events:
                os.rename(os.path.join(folder, name), os.path.join(folder, 'events', name))
            os.symlink('../common.yaml', os.path.join(folder, 'events', 'common.yaml'))
            run = subprocess.run([os.path.abspath(self.contractc), '--service', 'shop', '--out-dir', 'out', *options,
                                  *inputs, 'events'],
                                 cwd=folder, capture_output=True, text=True, timeout=60)
            written = {}
            for name in os.listdir(os.path.join(folder, 'out')):
                with open(os.path.join(folder, 'out', name), encoding='utf-8') as file:
                    written[name] = file.read()
            lines = [line.replace('events/', '') for line in run.stderr.splitlines()]
            return run.returncode, lines, written

    def check(self, what, fine, told):
        if fine:
            self.passed += 1
        else:
            self.failed += 1
            print(f'not ok: {what}\n  ' + '\n  '.join(told))

    def case(self, files, message, what):
        status, lines, written = self.compile(files)
        if message is None:
            self.check(what, status == 0 and not lines and len(written) == 7, [f'exit {status}'] + lines)
        else:
            self.check(what, status == 1 and message in lines and not written,
                       [f'exit {status}'] + lines + [f'wanted: {message}'])


def combined(runs):
    """Rules over more than one operation or event."""
    two = copy.deepcopy(OPENAPI)
    two['paths']['/v1/more/{id}'] = copy.deepcopy(two['paths']['/v1/things/{id}'])
    runs.case({'shop.json': two}, 'shop.json#/paths/~1v1~1more~1{id}/put: the operationId "put_thing" is taken by PUT '
                                  '/v1/things/{id}', 'an operationId twice')
    elsewhere = copy.deepcopy(OPENAPI)
    elsewhere['paths']['/things/{id}'] = elsewhere['paths'].pop('/v1/things/{id}')
    message = 'shop.json#/paths/~1things~1{id}/put: paths begin with /v1/, but for foreign protocols ("x-foreign")'
    runs.case({'shop.json': elsewhere}, message, 'a path outside /v1/')
    elsewhere['paths']['/things/{id}']['put'].update({'x-foreign': 'Else', 'responses': {
        '200': OK, '400': {'description': 'Its own error.'}}})
    runs.case({'shop.json': elsewhere}, None, 'a foreign protocol')
    put = elsewhere['paths']['/things/{id}']['put']
    put['security'] = [{'token': ['a']}, {'write_key': ['a']}, {}]
    runs.case({'shop.json': elsewhere}, None, 'a foreign protocol that is open')
    put['security'] = [{}]
    runs.case({'shop.json': elsewhere}, 'shop.json#/paths/~1things~1{id}/put/security: is [] where everybody may',
              'a foreign protocol without any way in')
    getting = copy.deepcopy(OPENAPI)
    getting['paths']['/v1/things/{id}']['get'] = getting['paths']['/v1/things/{id}'].pop('put')
    runs.case({'shop.json': getting}, 'shop.json#/paths/~1v1~1things~1{id}/get/requestBody: GET has no body', 'GET with a body')
    name_clash = changed(OPENAPI, 'components/schemas/ThingMade', OPENAPI['components']['schemas']['Thing'])
    runs.case({'shop.json': name_clash, 'thing_made.v1.json': EVENT},
              'thing_made.v1.json#: the name "thing_made" is taken by shop.json#/components/schemas/ThingMade',
              'a schema and an event of one name')
    other = changed(changed(EVENT, 'x-event/type', 'fanfare.shop.thing.lost.v1'), 'x-event/partitions', 3)
    runs.case({'thing_made.v1.json': EVENT, 'thing_lost.v1.json': other},
              'thing_made.v1.json: the topic fanfare.shop.thing has other partitions or keeping in thing_lost.v1.json',
              'a topic with two numbers of partitions')
    shadowed = changed(OPENAPI, 'components/schemas/Money', {'type': 'string'})
    shadowed['components']['schemas']['Thing']['properties']['n'] = {'$ref': 'common.yaml#/components/schemas/Money'}
    runs.case({'shop.json': shadowed}, 'shop.json: "Money" is here and in common.yaml, to which it refers', 'a shadowed name')
    loop = changed(OPENAPI, 'components/schemas/A', {'$ref': '#/components/schemas/B'})
    loop['components']['schemas']['B'] = {'$ref': '#/components/schemas/A'}
    loop['components']['schemas']['Thing']['properties']['n'] = {'$ref': '#/components/schemas/A'}
    runs.case({'shop.json': loop}, AT_THING + '/properties/n: $ref goes in a circle', '$ref in a circle')
    many = {f'm{i}': {'type': 'string'} for i in range(257)}
    runs.case({'shop.json': changed(OPENAPI, 'components/schemas/Many', {'type': 'object', 'properties': many})},
              'shop.json#/components/schemas/Many: has 257 properties; 256 at most', 'too many members')
    status, lines, _ = runs.compile({'shop.yaml': 'a: b: c\n'})
    runs.check('broken YAML is told with its place', status == 1 and lines[0].startswith('shop.yaml: '), lines)
    runs.case({'shop.json': '[]'}, 'shop.json: must be an object', 'a contract that is no object')
    command = changed(changed(changed(EVENT, 'x-event/type', 'fanfare.shop.make.v1'), 'x-event/topic', 'shop.commands'),
                      'x-event/command', True)
    _, _, written = runs.compile({'thing_made.v1.json': EVENT, 'make.v1.json': command}, '--guard')
    before, _, after = written['shop_events.h'].partition('publish_thing_made(')
    runs.check('events are told by their owner alone', before.rstrip().endswith('static inline bool') and
               '#ifdef OWNS_SHOP' in before.splitlines()[-2] and '#endif' in after, [before[-200:]])
    runs.check('commands are told by anybody', 'OWNS' not in written['shop_events.h'].partition('publish_make(')[0],
               ['publish_make is guarded'])
    runs.check('the contract is for its owner alone', '#ifndef OWNS_SHOP\n#error "this is for shop alone' in
               written['shop_contract.h'], [written['shop_contract.h'][:300]])
    several = changed(changed(OPENAPI, OP + '/summary', GONE), THING + '/properties/n/multipleOf', 2)
    status, lines, _ = runs.compile({'shop.json': several})
    runs.check('all that is wrong is told at once', status == 1 and len(lines) == 2, lines)


def main(contractc, common):
    runs = Runs(contractc, common)
    runs.case({'shop.json': OPENAPI, 'thing_made.v1.json': EVENT}, None, 'the contract that the cases change')
    for path, value, message in OPENAPI_CASES:
        runs.case({'shop.json': changed(OPENAPI, path, value)}, message, f'{path} = {value}')
    for path, value, message in EVENT_CASES:
        runs.case({'thing_made.v1.json': changed(EVENT, path, value)}, message, f'{path} = {value}')
    combined(runs)
    print(f'{runs.passed} passed, {runs.failed} failed')
    sys.exit(1 if runs.failed else 0)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
