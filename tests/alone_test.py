#!/usr/bin/env python3
"""Each service by itself: it starts and serves with all its neighbours and the log absent, and catches up once they come;
a mistake in its settings stops it with one sentence that says what is wrong and where; so does another log than its
positions are of.

alone_test.py BUILD_FOLDER
"""
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

from report import Report
from stack import Stack, as_flags, slowness, wait_for

WITH_API = ('registry', 'identity', 'commerce', 'content', 'crm', 'loyalty', 'personalization', 'analytics', 'search', 'email', 'campaign', 'ads', 'reporting', 'gateway')
ALL = ('broker', *WITH_API)
PEERS_OF_GATEWAY = ('analytics', 'commerce', 'content', 'personalization')
READY_S, PATIENCE_S = 2, 20
QUIET_S, QUIET_SHARE = 3, 0.05
# A way to start a program that even as root may write only where permissions say so.
AS_ANYBODY = ('setpriv', '--inh-caps=-all', '--bounding-set=-all') if os.getuid() == 0 else ()


class Alone:
    """All services run, and nobody else: no log, and no neighbours where they are looked for."""

    def __init__(self, report, stack):
        self.report, self.stack, self.slowness = report, stack, slowness(stack.build)

    def start(self):
        gone = {f'{peer}_url': 'http://127.0.0.1:1' for peer in PEERS_OF_GATEWAY}
        for name in WITH_API:
            began = time.monotonic()
            self.stack.add(name, **(gone if name == 'gateway' else {})).start()
            took = time.monotonic() - began
            self.report.check(took < READY_S * self.slowness, f'{name} is ready within {READY_S} s: {took:.1f} s')

    def serves(self, name, method, path, body=None, wanted=200):
        status, told, answer = self.stack.call(name, method, path, body, scopes=None if path == '/v1/track' else '*')
        self.report.equal(status, wanted, f'{name} alone: {method} {path}: {answer}')
        if wanted == 503:
            self.report.check(told.get('Retry-After') and told['Content-Type'] == 'application/problem+json',
                              f'{name} says when to ask again: {told}')
            if path == '/v1/track':
                self.report.check({'code', 'message'} <= set(answer), f'what clients of Segment look for: {answer}')

    def serve(self):
        price = {'amount': 1000, 'currency': 'USD'}
        self.serves('registry', 'POST', '/subjects/alone/versions', {'schemaType': 'JSON', 'schema': '{"type":"object"}'})
        self.serves('registry', 'GET', '/subjects/alone/versions/1')
        self.serves('identity', 'PUT', '/v1/roles/alone', {'scopes': ['orders:read']})
        self.serves('identity', 'POST', '/v1/keys', {'kind': 'api', 'name': 'alone', 'scopes': ['orders:read']}, 201)
        self.serves('commerce', 'PUT', '/v1/products/prd_alone', {'name': 'Chair', 'price': price})
        self.serves('commerce', 'POST', '/v1/orders', {'order_id': 'ord_alone', 'customer_id': 'prf_alone',
                                                      'lines': [{'product_id': 'prd_alone', 'quantity': 2}]}, 201)
        self.serves('commerce', 'GET', '/v1/orders/ord_alone')
        self.serves('content', 'PUT', '/v1/entries/ent_alone', {'kind': 'page', 'slug': 'alone', 'title': 'Alone',
                                                                'document': {'blocks': []}})
        self.serves('content', 'POST', '/v1/entries/ent_alone/publish', {})
        self.serves('content', 'GET', '/v1/published/alone')
        self.serves('crm', 'PUT', '/v1/profiles/prf_alone', {'name': 'Alone', 'traits': {'plan': 'gold'}})
        self.serves('crm', 'GET', '/v1/profiles/prf_alone')
        self.serves('loyalty', 'POST', '/v1/balances/prf_alone/adjust', {'points': 5, 'note': 'alone'})
        self.serves('loyalty', 'GET', '/v1/balances/prf_alone')
        self.serves('personalization', 'PUT', '/v1/experiences/exp_alone', {
            'slot': 'hero', 'name': 'Alone', 'variants': [{'variant': 'gold', 'rule': {'==': [{'var': 'traits.plan'}, 'gold']}}]})
        self.serves('personalization', 'POST', '/v1/decisions', {'customer_id': 'prf_alone', 'slots': ['hero']})
        self.serves('search', 'PUT', '/v1/synonyms/syn_alone', {'words': ['seat', 'chair']})
        self.serves('search', 'GET', '/v1/search?q=seat')
        self.serves('campaign', 'PUT', '/v1/campaigns/cmp_alone', {'name': 'Alone', 'entries': ['ent_alone']})
        self.serves('campaign', 'GET', '/v1/campaigns/cmp_alone')
        self.serves('ads', 'PUT', '/v1/placements/plc_alone', {'slot': 'alone', 'name': 'Alone'})
        self.serves('reporting', 'GET', '/v1/dashboard')
        self.serves('ads', 'POST', '/v1/ad-decisions', {'person_id': 'prf_alone', 'slots': ['alone']})
        self.serves('email', 'POST', '/v1/suppressions', {'address': 'alone@example.com'})
        self.serves('email', 'GET', '/v1/contacts/prf_alone')
        self.serves('registry', 'POST', '/subjects/alone/versions', {'schemaType': 'JSON', 'schema': '{}'})
        self.serves('registry', 'GET', '/v1/catalog')
        self.serves('analytics', 'GET', '/v1/reports/revenue')
        self.serves('analytics', 'POST', '/v1/track', {'writeKey': self.stack.keys.write_key, 'userId': 'prf_alone',
                                                       'event': 'Seen', 'messageId': 'm-alone'}, 503)
        self.serves('gateway', 'GET', '/v1/pages/alone', wanted=503)
        self.serves('gateway', 'POST', '/v1/track', {'writeKey': self.stack.keys.write_key, 'userId': 'prf_alone',
                                                     'event': 'Seen', 'messageId': 'm-alone'}, 503)
        for name in WITH_API:
            self.serves(name, 'GET', '/openapi.json')
            self.report.check(self.stack.is_ready(name), f'{name} is ready all the same')

    def quiet(self):
        """Whoever waits for somebody who is away does not spin."""
        before = {name: self.stack[name].cpu_s() for name in WITH_API}
        time.sleep(QUIET_S)
        for name in WITH_API:
            share = (self.stack[name].cpu_s() - before[name]) / QUIET_S
            self.report.check(share <= QUIET_SHARE * self.slowness, f'{name} alone takes {share:.0%} of a core')

    def catch_up(self):
        """The log comes: what was told meanwhile arrives, and once."""
        self.stack.start('broker')
        call = self.stack.must
        for what, seen in {
            'loyalty counts the order': lambda: call('loyalty', 'GET', '/v1/balances/prf_alone')['points'] == 25,
            'crm counts it': lambda: call('crm', 'GET', '/v1/profiles/prf_alone')['orders'] == 1,
            'analytics counts it': lambda: [one['orders'] for one in call('analytics', 'GET', '/v1/reports/revenue')['items']]
                == [1],
            'personalization has heard of the traits': lambda: call(
                'personalization', 'POST', '/v1/decisions', {'customer_id': 'prf_alone', 'slots': ['hero']})
                ['decisions'][0]['variant'] == 'gold',
            'search finds the product by a synonym': lambda: call('search', 'GET', '/v1/search?q=seat')['total'] == 1,
            'reporting counts the order': lambda: call('reporting', 'GET', '/v1/dashboard')['figures']['orders'] == 1,
            'the gateway shows the page': lambda: self.stack.call('gateway', 'GET', '/v1/pages/alone')[0] == 200,
        }.items():
            self.report.check(wait_for(seen, PATIENCE_S), what)

    def end(self):
        self.report.equal(self.stack.stop(), [], 'those that did not end well')


class Mistakes:
    """Each program with one mistake in its settings."""

    def __init__(self, report, stack):
        self.report, self.stack, self.slowness = report, stack, slowness(stack.build)
        self.folder = tempfile.mkdtemp(prefix='mistakes-', dir=stack.folder)
        self.clean = {key: value for key, value in os.environ.items() if not key.startswith('FANFARE_')}

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        return path

    def refuses(self, name, what, wanted, flags=None, environment=None, before=()):
        """It ends at once with status 1 and one line, `<name>: ...`, that holds all of `wanted`."""
        usual = {'data': self.path(f'{name}-data'), 'port': 0, 'admin_port': 0}
        argv = [*before, self.stack.program(name), *as_flags({**usual, **(flags or {})})]
        begun = time.monotonic()
        try:
            run = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, cwd='/',
                                 env={**self.clean, **(environment or {})})
        except subprocess.TimeoutExpired as late:
            self.report.check(False, f'{name}, {what}: still runs after {late.timeout} s: {late.stderr}')
            return
        took = time.monotonic() - begun
        lines = run.stderr.splitlines()
        said = [line for line in lines if not line.startswith('{')]
        errors = [line for line in lines if line.startswith('{') and json.loads(line)['level'] == 'error']
        good = run.returncode == 1 and len(said) == 1 and not errors and said[0].startswith(f'{name}: ')
        self.report.check(good and all(word in said[0] for word in wanted),
                          f'{name}, {what}: status {run.returncode}, wanted {wanted}: {run.stderr} {run.stdout}')
        self.report.check(took < 5 * self.slowness, f'{name}, {what}: took {took:.1f} s')

    def keys(self):
        """A key that there is not, by flag, environment and file; a value that is none, likewise."""
        for name in ALL:
            variable, no_such = f'FANFARE_{name.upper()}_', 'there is no such setting'
            file = self.path(f'{name}.yaml', f'# a file\nlog_level: info\nprot: 1\n')
            self.refuses(name, 'unknown flag', ['--prot', no_such], {'prot': 1})
            self.refuses(name, 'unknown variable', [f'{variable}PROT', no_such], environment={f'{variable}PROT': '1'})
            self.refuses(name, 'unknown key in the file', [f'{file}:3: prot', no_such], {'config': file})
            self.refuses(name, 'unknown key, the file by variable', [f'{file}:3: prot'], environment={f'{variable}CONFIG': file})
            file = self.path(f'{name}-value.yaml', 'max_connections: many\n')
            number = 'is not a whole number'
            self.refuses(name, 'bad flag', ['--max_connections', '"many"', number], {'max_connections': 'many'})
            self.refuses(name, 'bad variable', [f'{variable}MAX_CONNECTIONS', '"many"', number],
                         environment={f'{variable}MAX_CONNECTIONS': 'many'})
            self.refuses(name, 'bad value in the file', [f'{file}:1: max_connections', '"many"', number], {'config': file})
            self.refuses(name, 'out of range', ['--max_connections', '"0"', 'from 1 to'], {'max_connections': 0})
            self.refuses(name, 'no such file', [self.path('none.yaml'), 'No such file'], {'config': self.path('none.yaml')})
            self.refuses(name, 'no such level', ['--log_level', '"loud"', 'debug, info, warn or error'], {'log_level': 'loud'})

    def urls(self):
        for name in WITH_API:
            self.refuses(name, 'log that is none', ['--log', '"http://127.0.0.1:9092"', 'kafka:'],
                         {'log': 'http://127.0.0.1:9092'})
            self.refuses(name, 'collector that is none', ['--otlp_url', '"ftp://x"', 'http: or https:'], {'otlp_url': 'ftp://x'})
        for name in WITH_API:
            self.refuses(name, 'database of another kind', ['--database', 'sqlite: or postgresql:'],
                         {'database': 'mysql://x/y'})
            self.refuses(name, 'PostgreSQL that is not there', ['127.0.0.1'],
                         {'database': 'postgresql://fanfare@127.0.0.1:1/x?connect_timeout=1'})
        for peer in PEERS_OF_GATEWAY:
            self.refuses('gateway', f'{peer} at no URL', [f'--{peer}_url', '"nowhere"', 'http: or https:'],
                         {f'{peer}_url': 'nowhere'})

    def ports(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            for name in ALL:
                said = f'port {port} is in use on 127.0.0.1'
                self.refuses(name, 'port in use', [said], {'port': port})
                self.refuses(name, 'admin port in use', [said], {'admin_port': port})
                self.refuses(name, 'no address', ['not-an-address'], {'bind': 'not-an-address'})

    def folders(self):
        file = self.path('file', 'x')
        for name in ALL:
            self.refuses(name, 'data is a file', [file], {'data': file})
        for name in WITH_API:
            self.refuses(name, 'keys that are not there', [self.path('no-keys')], {'keys': self.path('no-keys')})
        with tempfile.TemporaryDirectory(prefix='fanfare-') as locked:
            os.chmod(locked, 0o500)
            for name in ALL:
                self.refuses(name, 'data in a folder that it may not write', [locked, 'ermission denied'],
                             {'data': os.path.join(locked, 'data')}, before=AS_ANYBODY)

    def keys_broken(self):
        """Key files that cannot be read are no reason to make others."""
        for file, text in (('keys.json', '{"keys": ['), ('signing.key', 'not hexadecimal')):
            folder = self.path(f'keys-{file}')
            shutil.copytree(self.stack.keys.folder, folder)
            with open(os.path.join(folder, file), 'w', encoding='ascii') as broken:
                broken.write(text)
            for name in WITH_API if file == 'keys.json' else ('gateway',):
                self.refuses(name, f'{file} is broken', [os.path.join(folder, file)], {'keys': folder})

    def databases(self):
        for name in WITH_API:
            data = self.path(f'{name}-newer')
            service = self.stack.add(name, f'{name}-newer', data=data)
            service.start()
            service.stop()
            path = os.path.join(data, name, f'{name}.db')
            self.apply_next(path, name, '')
            self.report.equal([service.start(), service.stop()], [None, 0], f'{name}: a schema that was added to')
            self.apply_next(path, name, '.contract')
            self.refuses(name, 'newer schema', [path, '_next.contract', 'newer', 'taken away'], {'data': data})
            text = self.path(f'{name}-text.db', 'this is text and no database\n' * 500)
            self.refuses(name, 'a file that is no database', [text], {'database': f'sqlite:{text}'})

    @staticmethod
    def apply_next(path, name, kind):
        """As a later program would have done."""
        with sqlite3.connect(path) as database:
            scope, number = database.execute('SELECT scope, max(number) + 1 FROM platform_migrations GROUP BY scope'
                                             ' ORDER BY scope = ? DESC LIMIT 1', (name,)).fetchone()
            database.execute('INSERT INTO platform_migrations (scope, number, name, applied_us) VALUES (?, ?, ?, 0)',
                             (scope, number, f'{number:03d}_next{kind}'))

    def taken(self):
        """A second process on the same data."""
        for name in ALL:
            label = f'{name}-first'
            data = self.path(f'{name}-shared')
            first = self.stack.add(name, label, data=data)
            first.start()
            self.refuses(name, 'a second one on the same data', [data], {'data': data})
            self.report.check(self.stack.is_ready(label), f'{name}: the first one goes on')
            self.report.equal(first.stop(), 0, f'{name}: the first one ends')


class AnotherLog:
    """The log's data are exchanged for an empty folder: positions of the old one mean nothing there."""

    READERS = ('loyalty', 'crm', 'analytics', 'personalization', 'search', 'email', 'gateway')

    def __init__(self, report, stack):
        self.report, self.stack = report, stack

    def read_one(self):
        stack = self.stack
        stack.start('broker', 'commerce', 'content', *self.READERS)
        stack.must('commerce', 'PUT', '/v1/products/prd_a', {'name': 'A', 'price': {'amount': 1000, 'currency': 'USD'}})
        stack.must('commerce', 'POST', '/v1/orders', {'customer_id': 'prf_a', 'lines': [{'product_id': 'prd_a', 'quantity': 1}]})
        stack.must('content', 'PUT', '/v1/entries/ent_a', {'kind': 'page', 'slug': 'a', 'title': 'A', 'document': {'blocks': []}})
        stack.must('content', 'POST', '/v1/entries/ent_a/publish', {})
        for name in self.READERS:
            topic = 'fanfare.content.entry' if name in ('email', 'gateway') else 'fanfare.commerce.order'
            read = wait_for(lambda: stack.metric(name, 'messaging_client_consumed_messages_total', f'"{topic}"'), PATIENCE_S)
            self.report.check(read, f'{name} has read of {topic}')
        self.report.equal(stack.stop(), [], 'those that did not end well')

    def stop_at_another(self):
        stack = self.stack
        shutil.rmtree(os.path.join(stack.folder, 'broker'))
        stack['broker'].start()
        for name in self.READERS:
            stack[name].start(wait=False)
        for name in self.READERS:
            ended = wait_for(lambda: not stack[name].is_running(), PATIENCE_S)
            lines = [json.loads(line) for line in stack[name].last_words().splitlines() if line.startswith('{')]
            fatal = [line for line in lines if line['level'] == 'error']
            self.report.check(ended and stack[name].wait(1) == 3, f'{name} stops by itself: {stack[name].last_words()}')
            self.report.equal(len(fatal), 1, f'one sentence of {name}: {fatal}')
            said = fatal[0].get('reason', '') if fatal else ''
            self.report.check('position' in said and 'fanfare.' in said and 'log' in said, f'{name} says why: {said}')


def main(build):
    report = Report()
    with Stack(build) as stack:
        alone = Alone(report, stack)
        report.run(alone.start, alone.serve, alone.quiet, alone.catch_up, alone.end)
    with Stack(build) as stack:
        mistakes = Mistakes(report, stack)
        report.run(mistakes.keys, mistakes.urls, mistakes.ports, mistakes.folders, mistakes.keys_broken,
                   mistakes.databases, mistakes.taken)
    with Stack(build) as stack:
        another = AnotherLog(report, stack)
        report.run(another.read_one, another.stop_at_another)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
