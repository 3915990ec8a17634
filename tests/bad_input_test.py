#!/usr/bin/env python3
"""Bad input over sockets, against the whole stack as it runs: each is refused by a problem (RFC 9457) with the right
status, nothing ends by it, and what breaks inside is told to the log, not to the caller.

bad_input_test.py BUILD_FOLDER
"""
import base64
import copy
import gzip
import hmac
import http.client
import json
import os
import random
import socket
import sys
import threading
import time

import postgresql
from report import Report
from stack import Stack, slowness, wait_for

SERVICES = ('registry', 'identity', 'commerce', 'content', 'crm', 'loyalty', 'personalization', 'analytics', 'search', 'email', 'campaign', 'ads', 'reporting', 'gateway')
LIMIT = 1 << 20  # of a body, where the contract does not say otherwise
PRICE = {'amount': 1000, 'currency': 'USD'}

# service, method, path, scope, a body that is accepted
WITH_BODY = [
    ('commerce', 'PUT', '/v1/products/prd_bad', 'products:write', {'name': 'Chair', 'price': PRICE, 'active': True}),
    ('commerce', 'POST', '/v1/orders', 'orders:write', {
        'order_id': 'ord_bad', 'customer_id': 'prf_bad', 'lines': [{'product_id': 'prd_bad', 'quantity': 1}]}),
    ('commerce', 'POST', '/v1/quotes', 'quotes:read', {'lines': [{'product_id': 'prd_bad', 'quantity': 1}]}),
    ('content', 'PUT', '/v1/entries/ent_bad', 'content:write', {
        'kind': 'page', 'slug': 'bad', 'title': 'Bad', 'document': {'blocks': []}}),
    ('crm', 'PUT', '/v1/profiles/prf_bad', 'profiles:write', {'name': 'Bad', 'email': 'bad@example.com', 'traits': {'a': 1}}),
    ('identity', 'POST', '/v1/keys', 'keys:write', {'kind': 'api', 'name': 'bad', 'scopes': ['keys:write']}),
    ('loyalty', 'POST', '/v1/balances/prf_bad/adjust', 'loyalty:write', {'points': 5, 'note': 'bad'}),
    ('personalization', 'PUT', '/v1/experiences/exp_bad', 'experiences:write', {
        'slot': 'bad', 'name': 'Bad', 'variants': [{'variant': 'a', 'rule': {'>': [{'var': 'visits'}, 0]}}]}),
    ('personalization', 'PUT', '/v1/flags/bad', 'flags:write', {
        'type': 'boolean', 'variants': [{'variant': 'on', 'value': True}], 'default_variant': 'on'}),
    ('personalization', 'PUT', '/v1/experiments/exm_bad', 'experiments:write', {
        'slot': 'bad', 'name': 'Bad', 'goals': ['orders'],
        'variants': [{'variant': 'a', 'weight': 5000}, {'variant': 'b', 'weight': 5000}]}),
    ('personalization', 'POST', '/v1/decisions', 'decisions:read', {'customer_id': 'prf_bad', 'slots': ['bad']}),
    ('campaign', 'PUT', '/v1/campaigns/cmp_bad', 'campaigns:write', {
        'name': 'Bad', 'audience': {'segments': ['seg_bad']}, 'email': {'template': 'bad'}}),
    ('ads', 'PUT', '/v1/placements/plc_bad', 'ads:write', {'slot': 'bad', 'name': 'Bad'}),
    ('ads', 'POST', '/v1/ad-decisions', 'ads:decide', {'person_id': 'prf_bad', 'slots': ['bad']}),
    ('email', 'POST', '/v1/suppressions', 'suppressions:write', {'person_id': 'prf_bad', 'scope': 'marketing'}),
    ('email', 'PUT', '/v1/senders/snd_bad', 'senders:write', {'name': 'Bad', 'address': 'bad@example.com'}),
    ('search', 'PUT', '/v1/synonyms/syn_bad', 'search:write', {'words': ['sofa', 'couch']}),
    ('analytics', 'POST', '/v1/reports/funnel', 'reports:read', {'steps': ['Seen', 'Bought']}),
]
FLAG = next(i for i, one in enumerate(WITH_BODY) if one[2] == '/v1/flags/bad')  # the experiment comes after it
COLLECT = [('analytics', '/v1/track'), ('gateway', '/v1/track'), ('gateway', '/v1/batch')]
UNKNOWN = [('commerce', '/v1/products/prd_none'), ('commerce', '/v1/orders/ord_none'), ('content', '/v1/entries/ent_none'),
           ('content', '/v1/published/none'), ('crm', '/v1/profiles/prf_none'), ('campaign', '/v1/campaigns/cmp_none'), ('email', '/v1/messages/msg_none'), ('email', '/v1/senders/snd_none'), ('ads', '/v1/ads/ad_none'), ('reporting', '/v1/campaigns/cmp_none_of_any'),
           ('ads', '/v1/impressions/none.none'), ('loyalty', '/v1/balances/prf_none'),
           ('identity', '/v1/people/usr_none'), ('identity', '/v1/keys/key_none'),
           ('personalization', '/v1/experiences/exp_none'), ('gateway', '/v1/pages/none')]
SECRETS = ('SELECT', 'INSERT', 'sqlite', 'postgres', 'psql', '127.0.0.1', '.db', '/tmp/', '.c:', 'fail point', 'connection')


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    def __repr__(self):
        return f'{self.status} {self.headers.get("Content-Type") if self.headers else None} {self.body[:300]!r}'


def send_raw(port, data, timeout=10):
    """Bytes as they are; the answer, or None when the connection is closed without one."""
    with socket.create_connection(('127.0.0.1', port), timeout) as connection:
        try:
            connection.sendall(data)
        except OSError:
            pass  # it was refused before it was read
        return read_answer(connection)


def read_answer(connection):
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        return Answer(response.status, response.headers, response.read())
    except (OSError, http.client.HTTPException):
        return None


class BadInput:
    def __init__(self, report, stack):
        self.report, self.stack, self.slowness = report, stack, slowness(stack.build)
        self.slow = []

    # ---- telling and judging ----

    def send(self, service, method, path, body=None, headers=None, scope='*'):
        """A body of bytes goes as it is, another one as JSON; headers of None are left out."""
        sent = {'Authorization': f'Bearer {self.stack.token(scope)}' if scope else None,
                'Content-Type': 'application/json' if body is not None else None, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        lines = [f'{method} {path} HTTP/1.1', 'Host: 127.0.0.1', f'Content-Length: {len(body or b"")}',
                 *[f'{name}: {value}' for name, value in sent.items() if value is not None]]
        return send_raw(self.stack.port(service), '\r\n'.join(lines).encode('latin-1') + b'\r\n\r\n' + (body or b''))

    def refused(self, what, answer, *statuses):
        """It is a problem of one of these statuses, whole as RFC 9457 has it. Gives whether it is."""
        if answer is None:
            return self.report.check(False, f'{what}: closed without an answer, wanted {statuses}')
        problem = answer.json if isinstance(answer.json, dict) else {}
        good = (answer.status in statuses and answer.headers.get('Content-Type') == 'application/problem+json' and
                problem.get('status') == answer.status and problem.get('title') and
                problem.get('type', '').startswith('urn:fanfare:problem:'))
        return self.report.check(good, f'{what}: {answer!r}, wanted a problem of {statuses}')

    def each(self, what, statuses, change):
        """For each operation with a body: change(body) gives bytes or a value to send, and perhaps headers."""
        for service, method, path, scope, body in WITH_BODY:
            sent = change(copy.deepcopy(body))
            sent, headers = sent if isinstance(sent, tuple) else (sent, {})
            self.refused(f'{what}: {method} {path} at {service}', self.send(service, method, path, sent, headers), *statuses)

    # ---- the parts ----

    def start(self):
        self.stack.start('broker', *SERVICES)
        self.pids = {name: service.pid for name, service in self.stack.services.items()}
        for service, method, path, scope, body in WITH_BODY:
            answer = self.send(service, method, path, body, scope=scope)
            self.report.check(answer.status < 300, f'a good one: {method} {path} at {service}: {answer!r}')

    def slow_begin(self):
        """Senders that trickle take until the server has enough of them: they do so while the rest goes on."""
        for service in ('commerce', 'gateway'):
            for what, head in (('headers', b'GET /v1/products HTTP/1.1\r\nHost: x\r\nX-Slow: '),
                               ('a body', b'PUT /v1/products/prd_bad HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                                          b'Authorization: Bearer ' + self.stack.token('*').encode() +
                                          b'\r\nContent-Length: 1000\r\n\r\n')):
                thread = threading.Thread(target=self.trickle, args=(service, what, head))
                thread.start()
                self.slow.append(thread)
        self.idle = [socket.create_connection(('127.0.0.1', self.stack.port('commerce'))) for _ in range(200)]

    def trickle(self, service, what, head):
        begun = time.monotonic()
        with socket.create_connection(('127.0.0.1', self.stack.port(service)), 1) as connection:
            connection.sendall(head)
            answer = None
            while answer is None and time.monotonic() - begun < 40 * self.slowness:
                try:
                    connection.sendall(b'a')
                    answer = read_answer(connection)  # after a second without one: None
                except OSError:
                    break
        took = time.monotonic() - begun
        self.refused(f'{what}, slowly, at {service}', answer, 408)
        self.report.check(5 < took < 30 * self.slowness, f'{what}, slowly, at {service}: after {took:.0f} s')

    def slow_end(self):
        for thread in self.slow:
            thread.join()
        answer = self.send('commerce', 'GET', '/v1/products')
        self.report.equal(answer.status, 200, 'beside 200 connections that say nothing')
        for one in self.idle:
            one.close()

    def malformed(self):
        for what, text in {
            'ends early': b'{"name":', 'empty': b'', 'single quotes': b"{'name':1}", 'more after it': b'{} {}',
            'NaN': b'{"name":NaN}', 'a comma too many': b'{"name":1,}', 'a raw control character': b'{"name":"a\x01b"}',
            'a comment': b'{/* x */}', 'a number with a leading zero': b'{"n":01}', 'half a surrogate': b'{"name":"\\ud800"}',
            'a bad escape': b'{"name":"\\x41"}', 'no JSON': b'<name/>', 'a mark before it': b'\xef\xbb\xbf{}',
            'bytes of zero': b'\0' * 100,
        }.items():
            self.each(what, (400,), lambda body: text)
        for what, text in {'lone ff': b'\xff', 'overlong': b'\xc0\xaf', 'a surrogate': b'\xed\xa0\x80', 'cut off': b'\xe2\x82',
                           'beyond the last': b'\xf4\x90\x80\x80'}.items():
            self.each(f'UTF-8, {what}', (400,), lambda body: b'{"name":"' + text + b'"}')
        self.each('a key twice', (400,), lambda body: json.dumps(body)[:-1].encode() + b',' + json.dumps(body)[1:].encode())
        self.each('a key twice, far inside', (400,), lambda body: b'{"a":[{"b":{"c":1,"c":1}}]}')

    def rules(self):
        """Rules that cannot be, at each place that takes one: refused, with the place. What is too much shows when they run."""
        deep = True
        for _ in range(70):
            deep = {'!': [deep]}
        for what, rule, pointer in (
                ('an operator that there is not', {'and': [True, {'obey': [1]}]}, '/and/1'),
                ('too few arguments', {'if': [{'==': [1]}, 1]}, '/if/0/=='),
                ('too many parts', {'or': [[{'var': 'visits'}]] * 6000}, ''),
                ('two operators in one', {'and': [{'<': [1, 2], '>': [1, 2]}, {'obey': 1}]}, '/and/1')):
            for path, body, place in (
                    ('/v1/experiences/exp_bad', {'slot': 'bad', 'name': 'Bad', 'variants': [{'variant': 'a', 'rule': rule}]},
                     '/variants/0/rule'),
                    ('/v1/flags/bad', {**WITH_BODY[FLAG][4], 'targeting': rule}, '/targeting'),
                    ('/v1/experiments/exm_bad', {**WITH_BODY[FLAG + 1][4], 'audience': rule}, '/audience')):
                answer = self.send('personalization', 'PUT', path, body)
                if self.refused(f'{what}: {path}', answer, 422):
                    told = answer.json['errors'][0]['pointer']
                    self.report.check(told.startswith(place + pointer), f'{what}: {path} points to {told}')
        self.refused('a rule that is too deep', self.send('personalization', 'PUT', '/v1/flags/bad', {
            **WITH_BODY[FLAG][4], 'targeting': deep}), 400, 422)
        self.refused('weights that do not sum', self.send('personalization', 'PUT', '/v1/experiments/exm_bad', {
            **WITH_BODY[FLAG + 1][4], 'variants': [{'variant': 'a', 'weight': 1}, {'variant': 'b', 'weight': 2}]}), 422)
        self.growing()

    def growing(self):
        """A text that doubles with each element, and loops in loops: stopped after so many steps, and told as that."""
        doubled = {'cat': [{'var': 'accumulator'}, {'var': 'accumulator'}]}
        for rule in ({'reduce': [{'var': 'list'}, doubled, 'ten bytes!']},
                     {'some': [{'var': 'lists'}, {'none': [{'var': ''}, {'==': [{'var': ''}, 1]}]}]}):
            self.stack.must('personalization', 'PUT', '/v1/flags/growing', {**WITH_BODY[FLAG][4], 'targeting': rule})
            context = {'targetingKey': 'a', 'list': [0] * 1000, 'lists': [[0] * 400 + [1]] * 400}
            answer = wait_for(lambda: (told := self.send('personalization', 'POST', '/ofrep/v1/evaluate/flags/growing',
                                                         {'context': context})).status == 400 and told, 10)
            self.report.equal(answer and answer.json['errorCode'], 'PARSE_ERROR', f'a rule that grows: {answer!r}')
            self.stack.must('personalization', 'DELETE', '/v1/flags/growing')

    def searches(self):
        for what, query in {'10,000 characters': 'q=' + 'x' * 10000, '10,000 words': 'q=' + 'x+' * 5000,
                            'a hundred filters': 'filter=type:page&' * 100, 'a facet that is none': 'facets=colour',
                            'a filter that is none': 'filter=colour:red', 'no range': 'filter=price:cheap',
                            'a huge limit': 'limit=1000000000', 'a cursor that is made up': 'cursor=AAAA'}.items():
            self.refused(f'a search: {what}', self.send('search', 'GET', f'/v1/search?{query}'), 414, 422, 431)
        self.refused('a search that is no UTF-8', self.send('search', 'GET', '/v1/search?q=%ff'), 400)

    def bombs(self):
        for depth in (65, 1000, LIMIT // 2):
            self.each(f'{depth} arrays deep', (400,), lambda body: b'[' * depth)
            self.each(f'{depth} arrays deep, closed', (400, 413), lambda body: b'[' * depth + b']' * depth)
        self.each('objects deep', (400,), lambda body: b'{"a":' * 50000 + b'1' + b'}' * 50000)
        self.each('a number of many digits', (400, 422), lambda body: b'{"name":' + b'9' * 100000 + b'}')
        self.each('a huge exponent', (400, 422), lambda body: b'{"name":1e99999}')
        self.each('many members', (400, 413, 422),
                  lambda body: b'{' + b','.join(b'"k%d":1' % i for i in range(80000)) + b'}')
        self.each('a text over the limit', (413,), lambda body: b'{"name":"' + b'a' * LIMIT + b'"}')

    def wrong_types(self):
        """Each member of each body in turn, as something else."""
        for service, method, path, scope, good in WITH_BODY:
            for name, value in good.items():
                for other in ([], {}, 7, True, 'x', None, 1.5, -1e300):
                    if fits(name, value, other):
                        continue
                    answer = self.send(service, method, path, {**good, name: other})
                    if self.refused(f'{name}: {other!r}, {method} {path}', answer, 422):
                        pointer = answer.json.get('errors', [{}])[0].get('pointer', '')
                        self.report.check(pointer.startswith(f'/{name}'), f'{name}: {other!r}: it points there: {answer!r}')
            self.refused(f'a list, {method} {path}', self.send(service, method, path, [good]), 422)
            self.refused(f'null, {method} {path}', self.send(service, method, path, b'null'), 422)
        self.each('a text with a zero character', (400, 422), zero_in_text)

    def unknown_members(self):
        for service, method, path, scope, good in WITH_BODY:
            answer = self.send(service, method, path, {**good, 'surprise': 1})
            if self.refused(f'an unknown member, {method} {path}', answer, 422):
                self.report.equal(answer.json['errors'][0]['pointer'], '/surprise', f'{path} points to it')
        self.refused('far inside', self.send('commerce', 'PUT', '/v1/products/prd_bad',
                                             {'name': 'x', 'price': {**PRICE, 'vat': 1}}), 422)
        for query in ('?limit=0', '?limit=201', '?limit=x', '?limit=1&limit=2', '?cursor=nonsense', '?cursor=%ff'):
            self.refused(f'GET /v1/products{query}', self.send('commerce', 'GET', f'/v1/products{query}'), 400, 422)

    def too_large(self):
        for service, method, path, scope, good in WITH_BODY:
            head = (f'{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.stack.token(scope)}\r\n'
                    'Content-Type: application/json\r\n')
            port = self.stack.port(service)
            begun = time.monotonic()
            self.refused(f'2 MB announced, {path}', send_raw(port, f'{head}Content-Length: 2000000\r\n\r\n{{'.encode()), 413)
            self.report.check(time.monotonic() - begun < 3 * self.slowness, f'{path}: refused before it is there')
            self.refused(f'9 EB announced, {path}',
                         send_raw(port, f'{head}Content-Length: 9223372036854775807\r\n\r\n{{'.encode()), 413, 400)
            chunk = b'10000\r\n' + b' ' * 65536 + b'\r\n'
            self.refused(f'2 MB in chunks, {path}',
                         send_raw(port, f'{head}Transfer-Encoding: chunked\r\n\r\n'.encode() + chunk * 32 + b'0\r\n\r\n'), 413)
        bomb = gzip.compress(b' ' * (50 << 20))
        self.each('a gzip bomb', (413,), lambda body: (bomb, {'Content-Encoding': 'gzip'}))
        self.each('gzip that is none', (400,), lambda body: (b'nonsense', {'Content-Encoding': 'gzip'}))
        self.each('gzip, cut off', (400,), lambda body: (gzip.compress(json.dumps(body).encode())[:-5],
                                                         {'Content-Encoding': 'gzip'}))
        self.each('an encoding that nobody knows', (415,), lambda body: (body, {'Content-Encoding': 'br'}))

    def media_types(self):
        for kind in ('text/plain', 'application/xml', 'application/jsonp', 'multipart/form-data; boundary=x', 'nonsense', None):
            self.each(f'of type {kind}', (415,), lambda body: (body, {'Content-Type': kind}))

    def methods(self):
        for service, method, path, scope, good in WITH_BODY:
            for wrong in ('PATCH', 'BREW', 'TRACE', 'PUT' if method == 'POST' else 'POST'):
                answer = self.send(service, wrong, path, good)
                if self.refused(f'{wrong} {path}', answer, 405):
                    self.report.check(method in answer.headers.get('Allow', ''), f'{path} says what it allows: {answer.headers}')
        for service in SERVICES:
            for path in ('/', '/v1', '/v1/nothing', '/v1/../etc/passwd', '//', '/v1/products/'):
                self.refused(f'{path} at {service}', self.send(service, 'GET', path), 404)

    def tokens(self):
        for service, method, path, scope, good in WITH_BODY:
            for what, token in {'no token': None, **self.stack.keys.bad_tokens(scope)}.items():
                bearer = {'Authorization': f'Bearer {token}' if token else None}
                answer = self.send(service, method, path, good, bearer)
                if self.refused(f'{what}, {method} {path}', answer, 401):
                    self.report.check(answer.headers.get('WWW-Authenticate', '').startswith('Bearer'), f'{what}: {answer.headers}')
            for header in ('Bearer', 'Basic YTpi', f'Bearer {"a" * 5000}', 'Bearer a.b.c', f'Token {self.stack.token(scope)}'):
                self.refused(f'{header[:20]}, {path}', self.send(service, method, path, good, {'Authorization': header}), 401)
            self.refused(f'another scope, {path}', self.send(service, method, path, good, scope='other:thing'), 403)
        for service, path in COLLECT:
            for what, key in (('no write key', None), ('an unknown one', 'wk_none'), ('a weak one', 'wk_weak')):
                answer = self.collect(service, path, {'event': 'x', 'userId': 'u', 'messageId': 'm'}, key)
                if self.refused(f'{what}, {path} at {service}', answer, 403 if key == 'wk_weak' else 401):
                    self.report.check({'code', 'message'} <= set(answer.json), f'{what}: what Segment\'s clients look for')

    def collect(self, service, path, body, key, headers=None):
        basic = {}
        if key:
            basic['Authorization'] = 'Basic ' + base64.b64encode(f'{key}:'.encode()).decode()
        return self.send(service, 'POST', path, body, {**basic, **(headers or {})}, scope=None)

    def collecting(self):
        key = self.stack.keys.write_key
        big = {'event': 'x' * 33000, 'userId': 'u', 'messageId': 'm'}
        for service, path in COLLECT:
            wrap = (lambda one: {'batch': [{**one, 'type': 'track'}]}) if path == '/v1/batch' else lambda one: one
            for what, body, headers, statuses in (
                    ('JSON that ends early', b'{"event":', {}, (400,)), ('bad UTF-8', b'{"event":"\xff"}', {}, (400,)),
                    ('a key twice', b'{"event":"a","event":"b"}', {}, (400,)), ('deep', b'[' * 100000, {}, (400,)),
                    ('a list', b'[]', {}, (400,)), ('no event', wrap({'userId': 'u'}), {}, (400,)),
                    ('an event over 32 KB', wrap(big), {}, (400,)), ('nobody', wrap({'event': 'x'}), {}, (400,)),
                    ('over the limit', b'{"a":"' + b'a' * (2 << 20) + b'"}', {}, (413,)),
                    ('gzip that is none', b'nonsense', {'Content-Encoding': 'gzip'}, (400,)),
                    ('a wrong type', b'<event/>', {'Content-Type': 'application/xml'}, (415,))):
                answer = self.collect(service, path, body, key, headers)
                if self.refused(f'{what}, {path} at {service}', answer, *statuses):
                    self.report.check({'code', 'message'} <= set(answer.json), f'{what}: {answer!r}')
        many = {'batch': [{'type': 'track', 'event': 'x', 'userId': 'u', 'messageId': f'm-{i}'} for i in range(2501)]}
        self.refused('2501 events', self.collect('analytics', '/v1/batch', many, key), 400)

    def keys_again(self):
        """An Idempotency-Key: the same again is the same answer, another body with it is refused."""
        for service, path, one, other in (
                ('loyalty', '/v1/balances/prf_again/adjust', {'points': 5, 'note': 'a'}, {'points': 6, 'note': 'a'}),
                ('commerce', '/v1/orders', {'customer_id': 'prf_again', 'lines': [{'product_id': 'prd_bad', 'quantity': 1}]},
                 {'customer_id': 'prf_again', 'lines': [{'product_id': 'prd_bad', 'quantity': 2}]})):
            key = {'Idempotency-Key': f'again-{service}'}
            first, second = (self.send(service, 'POST', path, one, key) for _ in range(2))
            self.report.check(first.status < 300 and (first.status, first.json) == (second.status, second.json),
                              f'{path}: {first!r} and {second!r}')
            answer = self.send(service, 'POST', path, other, key)
            if self.refused(f'{path}: the key with another body', answer, 422):
                self.report.equal(answer.json['type'], 'urn:fanfare:problem:key-reused', 'says so')
            self.refused('the key at another path', self.send(service, 'POST', f'{path}?x=1', other, key), 422)
            for bad in ('', 'a b', 'a' * 300, '\x7f'):
                self.refused(f'the key {bad[:9]!r}', self.send(service, 'POST', path, one, {'Idempotency-Key': bad}), 400, 422)
        orders = self.stack.must('commerce', 'GET', '/v1/orders?customer_id=prf_again')['items']
        self.report.equal(len(orders), 1, 'orders that came of it')
        wait_for(lambda: self.stack.must('loyalty', 'GET', '/v1/balances/prf_again')['points'] == 15, 10)
        balance = self.stack.must('loyalty', 'GET', '/v1/balances/prf_again')
        self.report.equal(balance['points'], 15, 'points: five by hand, ten for the order')

    def unknown_ids(self):
        for service, path in UNKNOWN:
            self.refused(f'{path} at {service}', self.send(service, 'GET', path), 404)
        self.refused('an order of nothing', self.send('commerce', 'POST', '/v1/orders', {
            'customer_id': 'prf_bad', 'lines': [{'product_id': 'prd_none', 'quantity': 1}]}), 422)
        for bad in ('nonsense', 'ord_bad', 'prd_' + 'a' * 100, 'prd_%00', 'prd_%ff', 'prd_%zz', 'prd_a%2Fb', "prd_'--"):
            answer = self.send('commerce', 'PUT', f'/v1/products/{bad}', {'name': 'x', 'price': PRICE})
            self.refused(f'the id {bad[:20]}', answer, 400, 404, 422)

    def currencies(self):
        """Unknown ones, wherever a shop may say one: refused, with the place."""
        other, line = {'amount': 1000, 'currency': 'QQQ'}, {'product_id': 'prd_bad', 'quantity': 1}
        product = {'name': 'Chair', 'price': PRICE}
        for method, path, body, place in (
                ('PUT', '/v1/products/prd_bad', {**product, 'price': other}, '/price/currency'),
                ('PUT', '/v1/products/prd_bad', {**product, 'prices': [{'price': PRICE}, {'price': other}]},
                 '/prices/1/price/currency'),
                ('PUT', '/v1/products/prd_bad', {**product, 'variants': [{'sku': 'A', 'price': other}]},
                 '/variants/0/price/currency'),
                ('POST', '/v1/quotes', {'currency': 'QQQ', 'lines': [line]}, '/currency'),
                ('POST', '/v1/orders', {'customer_id': 'prf_bad', 'currency': 'QQQ', 'lines': [line]}, '/currency'),
                ('PUT', '/v1/orders/ord_bad2', {'customer_id': 'prf_bad', 'placed_at': '2026-01-02T03:04:05Z',
                                                'lines': [{**line, 'amount': other}]}, '/lines/0')):
            answer = self.send('commerce', method, path, body)
            if self.refused(f'an unknown currency, {place}', answer, 422):
                self.report.equal(answer.json['errors'][0]['pointer'], place, f'where {path} points to')

    def webhooks(self):
        """Of a shop: only what it has signed counts, to the last byte."""
        path, secret = '/v1/webhooks/shopify/bad.myshopify.com', 'a secret of the shop'
        order = {'id': 1, 'currency': 'USD', 'total_price': '10.00', 'created_at': '2026-01-02T03:04:05Z',
                 'line_items': [{'id': 1, 'quantity': 1, 'price': '10.00'}]}
        body = json.dumps(order).encode()
        right = base64.b64encode(hmac.digest(secret.encode(), body, 'sha256')).decode()
        head = {'X-Shopify-Topic': 'orders/create', 'X-Shopify-Webhook-Id': 'bad-1'}
        self.stack.must('commerce', 'PUT', '/v1/shops/shopify/bad.myshopify.com', {'secret': secret})
        for what, text, signature in (
                ('no signature', body, None), ('an empty one', body, ''), ('no base64', body, '%%%'),
                ('one of another body', body + b' ', right), ('half of it', body, right[:20]),
                ('in hex', body, hmac.new(secret.encode(), body, 'sha256').hexdigest()),
                ('by another secret', body, base64.b64encode(hmac.digest(b'another', body, 'sha256')).decode())):
            answer = self.send('commerce', 'POST', path, text, {**head, 'X-Shopify-Hmac-Sha256': signature}, scope=None)
            self.refused(f'a webhook with {what}', answer, 401)
        self.refused('what was not signed', self.send('commerce', 'GET', '/v1/orders/ord_shopify-1'), 404)
        answer = self.send('commerce', 'POST', path, body, {**head, 'X-Shopify-Hmac-Sha256': right}, scope=None)
        self.report.equal(answer.status, 200, 'a webhook that is signed')
        self.report.equal(self.send('commerce', 'GET', '/v1/orders/ord_shopify-1').json['total']['amount'], 1000, 'its order')

    def wire(self):
        """What is not HTTP, or not as it should be. libmicrohttpd refuses some of it itself, in words of its own."""
        head = 'GET /v1/products HTTP/1.1\r\nHost: x\r\n'
        post = 'POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
        for what, data, statuses in (
                ('no HTTP', b'NONSENSE\r\n\r\n', (None, 400)),
                ('no version', b'GET /\r\n\r\n', (400,)),
                ('another version', b'GET / HTTP/7.5\r\nHost: x\r\n\r\n', (505,)),
                ('no host', b'GET /v1/products HTTP/1.1\r\n\r\n', (400,)),
                ('a header without a colon', f'{head}Nonsense\r\n\r\n'.encode(), (400,)),
                ('two lengths', f'{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}'.encode(), (400,)),
                ('length and chunks', f'{post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'.encode(), (400,)),
                ('a length below zero', f'{post}Content-Length: -1\r\n\r\n'.encode(), (400,)),
                ('a length that is none', f'{post}Content-Length: two\r\n\r\n'.encode(), (400,)),
                ('a length beyond all', f'{post}Content-Length: 99999999999999999999999\r\n\r\n'.encode(), (400, 413)),
                ('chunks that are none', f'{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n'.encode(), (400,)),
                ('an encoding of transfer', f'{post}Transfer-Encoding: gzip\r\n\r\n'.encode(), (400, 501)),
                ('a long header', f'{head}X: {"a" * 100000}\r\n\r\n'.encode(), (431,)),
                ('many headers', head.encode() + b'X: y\r\n' * 20000 + b'\r\n', (431,)),
                ('a long target', f'GET /{"a" * 100000} HTTP/1.1\r\nHost: x\r\n\r\n'.encode(), (414,)),
                ('a zero in a header', f'{head}X: a\0b\r\n\r\n'.encode(), (400, 401, 404))):
            for service in ('commerce', 'gateway'):
                answer = send_raw(self.stack.port(service), data)
                status = answer.status if answer else None
                self.report.check(status in statuses, f'{what} at {service}: {answer!r}, wanted {statuses}')

    def noise(self):
        """Requests that are good but for some bytes: none is too much for the service."""
        chance = random.Random(20241124)
        counts = {}
        for i in range(300):
            service, method, path, scope, good = chance.choice(WITH_BODY)
            body = json.dumps(good).encode()
            data = bytearray(f'{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.stack.token(scope)}\r\n'
                             f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body)
            for _ in range(chance.choice((1, 1, 2, 5, 50))):
                at = chance.choice((chance.randrange(len(data)), len(data) - 1 - chance.randrange(len(body))))
                data[at] = chance.randrange(256)
            answer = send_raw(self.stack.port(service), bytes(data), 0.3)  # a greater length is waited for: none comes
            status = answer.status if answer else None
            counts[status] = counts.get(status, 0) + 1
            self.report.check(status is None or status < 500, f'noise {i} at {service}: {answer!r}: {bytes(data)!r}')
        print(f'  {dict(sorted(counts.items(), key=str))}')

    def breaks_inside(self):
        """What breaks here is told to the log, and to the caller only that it did."""
        for point, status in (('sql.begin', 503), ('sql.commit', 503)):
            self.fault('loyalty', point)
            answer = self.send('loyalty', 'POST', '/v1/balances/prf_bad/adjust', {'points': 1, 'note': 'x'})
            self.refused(f'a fault at {point}', answer, status)
            self.nothing_told(answer, point)
        self.fault('commerce', 'sql.read')
        answer = self.send('commerce', 'GET', '/v1/orders/ord_bad')
        self.refused('a fault at sql.read', answer, 503)
        self.nothing_told(answer, 'sql.read')
        self.report.check('by a fail point' in self.stack['commerce'].last_words(), 'the log says what')
        self.stack['content'].stop()
        answer = self.send('gateway', 'GET', '/v1/pages/unseen')
        self.refused('content is away', answer, 503)
        self.nothing_told(answer, 'content is away')
        self.stack['content'].start()
        self.pids['content'] = self.stack['content'].pid

    def fault(self, service, point):
        status, _, told = self.stack.admin(service, 'POST', '/faults', {'point': point, 'kind': 'error', 'times': 1})
        self.report.equal(status, 200, f'{point}: {told}')

    def nothing_told(self, answer, what):
        text = answer.body.decode() if answer else ''
        told = [word for word in SECRETS if word.lower() in text.lower()]
        self.report.equal(told, [], f'{what}: what the caller is told of the inside: {text}')

    def database_gone(self):
        """With PostgreSQL, and then without."""
        try:
            with postgresql.PostgreSQL() as database:
                self.stack.add('loyalty', 'loyalty-two', database=database.url,
                               data=os.path.join(self.stack.folder, 'two')).start()
                zero = self.send('loyalty-two', 'POST', '/v1/balances/prf_a/adjust', {'points': 1, 'note': 'a\0b'})
                self.refused('a zero character, for PostgreSQL', zero, 400, 422)
                self.stack.must('loyalty-two', 'POST', '/v1/balances/prf_a/adjust', {'points': 1, 'note': 'x'})
        except postgresql.Absent as why:
            print(f'  skip: {why}')
            return
        for method, path, body in (('GET', '/v1/balances/prf_a', None),
                                   ('POST', '/v1/balances/prf_a/adjust', {'points': 1, 'note': 'x'})):
            answer = self.send('loyalty-two', method, path, body)
            self.refused(f'PostgreSQL is gone, {method}', answer, 503)
            self.nothing_told(answer, f'PostgreSQL is gone, {method}')
        self.report.check(wait_for(lambda: 'the database is away' in self.stack['loyalty-two'].last_words(), 5),
                          'the log says what')
        self.report.check(self.stack['loyalty-two'].is_running(), 'and it goes on')

    def unharmed(self):
        for name in ('broker', *SERVICES):
            self.report.equal(self.stack[name].is_running() and self.stack[name].pid, self.pids[name], f'{name} still runs')
            self.report.check(self.stack.is_ready(name), f'{name} is ready')
        for service, method, path, scope, body in WITH_BODY:
            if self.stack[service].is_running():
                answer = self.send(service, method, path, body, scope=scope)
                self.report.check(answer.status < 300, f'a good one again: {method} {path}: {answer!r}')
        self.report.equal(self.stack.stop(), [], 'those that did not end well')


def fits(name, value, other):
    """Might the other value do in its place?"""
    return type(value) is type(other) and (name == 'traits' or not isinstance(value, (dict, list)))


def zero_in_text(body):
    name = next((name for name in ('name', 'title', 'note') if name in body), None)
    if name:
        return {**body, name: 'a\0b'}
    return {**body, 'lines': [{'product_id': 'a\0b', 'quantity': 1}]} if 'lines' in body else {**body, 'slots': ['a\0b'],
                                                                                               'steps': ['a\0b', 'c']}


def main(build):
    report = Report()
    with Stack(build) as stack:
        for name in SERVICES:
            stack.add(name, faults='true')
        stack.add('broker')
        bad = BadInput(report, stack)
        report.run(bad.start, bad.slow_begin, bad.malformed, bad.bombs, bad.searches, bad.rules, bad.wrong_types, bad.unknown_members, bad.too_large,
                   bad.media_types, bad.methods, bad.tokens, bad.collecting, bad.keys_again, bad.unknown_ids, bad.currencies,
                   bad.webhooks, bad.wire, bad.noise, bad.breaks_inside, bad.database_gone, bad.slow_end, bad.unharmed)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
