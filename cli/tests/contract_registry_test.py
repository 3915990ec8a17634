#!/usr/bin/env python3
"""`fanfare contract` against a registry that knows what runs: this tree beside it, and this tree changed.

contract_registry_test.py BUILD_FOLDER
"""
import glob
import http.client
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
import reads_test  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

SERVICES = ('identity', 'commerce', 'content', 'loyalty', 'analytics', 'personalization', 'search', 'email', 'campaign', 'ads', 'reporting', 'gateway', 'crm')
PLACED = 'fanfare.commerce.order.placed.v1'
EVERYBODY_READS = {'fanfare.identity.key.issued.v1': ['expires_at', 'hash', 'key_id', 'kind', 'name', 'scopes'],
                   'fanfare.identity.key.revoked.v1': ['key_id']}  # platform/service, for each
PATIENCE_S = 90  # a service asks each minute


class SchemasOnly(http.server.BaseHTTPRequestHandler):
    """The registry as one that is not ours: what is below /v1/ is not there."""
    port = 0

    def do_GET(self):
        if self.path.startswith('/v1/'):
            self.send_error(404)
            return
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        connection.request('GET', self.path, headers={'Authorization': self.headers['Authorization']})
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        self.send_header('Content-Type', answer.getheader('Content-Type'))
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def log_message(self, *_):
        pass


class Test:
    def __init__(self, report, stack, build):
        self.report, self.stack, self.n = report, stack, 0
        self.program = os.path.join(os.path.abspath(build), 'cli', 'fanfare')
        self.url = ''

    def start(self):
        self.stack.start('broker', 'registry')
        self.stack.start(*SERVICES)
        self.url = f'http://127.0.0.1:{self.stack.port("registry")}'

        def all_told():
            items = {one['service']: one['instances'] for one in self.stack.must('registry', 'GET', '/v1/services')['items']}
            return all(any(one['running'] for one in items.get(name, [])) for name in SERVICES + ('registry',))
        self.report.check(wait_for(all_told, PATIENCE_S, 0.2), 'all services have told what they are')

    def tree(self):
        """The contracts and C of this tree, to be changed."""
        self.n += 1
        folder = os.path.join(self.stack.folder, f'tree{self.n}')
        for name in ('contracts', 'cli', 'services'):
            shutil.copytree(os.path.join(ROOT, name), os.path.join(folder, name), ignore=shutil.ignore_patterns('tests'))
        return folder

    def run(self, *arguments, token=True):
        more = ('--token', self.stack.token('catalog:read schemas:read')) if token else ('--data', os.path.join(self.stack.folder, 'none'))
        return subprocess.run([self.program, 'contract', *arguments, *more], text=True, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)

    def findings(self, status, *arguments):
        done = self.run(*arguments, '--json')
        self.report.equal(done.returncode, status, f'{arguments}: {done.stdout[:3000]}{done.stderr}')
        return {(one['rule'], one.get('event') or one.get('operation') or one['place']): one
                for one in (json.loads(done.stdout)['findings'] if done.stdout else []) if one['severity'] != 'fine'}

    def can_deploy(self, status, service, root):
        return self.findings(status, 'can-deploy', service, '--registry', self.url, '--root', root)

    @staticmethod
    def change_event(root, change, path='services/commerce/events/order_placed.v1.json'):
        path = os.path.join(root, path)
        with open(path, encoding='utf-8') as file:
            schema = json.load(file)
        change(schema)
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(schema, file)

    @staticmethod
    def change_text(root, path, old, new):
        path = os.path.join(root, path)
        with open(path, encoding='utf-8') as file:
            text = file.read()
        assert old in text, (path, old)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace(old, new))

    # ---- as it runs ----

    def as_it_runs(self):
        """What runs was built of this tree: nothing differs, everything can go out."""
        self.report.equal(self.findings(0, 'check', '--against', self.url, '--root', ROOT), {}, 'findings')
        for service in SERVICES + ('registry',):
            self.report.equal(self.can_deploy(0, service, ROOT), {}, f'{service}: findings')
        done = self.run('can-deploy', 'loyalty', '--registry', self.url, '--root', ROOT)
        self.report.check(done.stdout.endswith('loyalty can go out\n'), done.stdout)

    def readers(self):
        """The tables in the source say what the programs tell of themselves."""
        types = {}
        for path in glob.glob(os.path.join(ROOT, 'services', '*', 'events', '*.json')):
            with open(path, encoding='utf-8') as file:
                constant = f'{path.split(os.sep)[-3]}_{os.path.basename(path)[:-5]}'.replace('.', '_').upper()
                types[constant] = json.load(file)['x-event']['type']
        for item in self.stack.must('registry', 'GET', '/v1/services')['items']:
            source = {event: set(members) for event, members in EVERYBODY_READS.items()}
            for path in glob.glob(os.path.join(ROOT, 'services', item['service'], '*.c')):
                with open(path, encoding='utf-8') as file:
                    for constant, _, reads in reads_test.ON.findall(file.read()):
                        source.setdefault(types[constant], set()).update(re.findall(r'"([^"]+)"', reads))
            contract = self.stack.must('registry', 'GET', f'/v1/services/{item["service"]}/contracts/{item["instances"][0]["contract"]}')
            told = {}
            for one in contract['reads']:  # of each consumer by itself
                told.setdefault(one['type'], set()).update(one['members'])
            self.report.equal(told, source, f'what {item["service"]} reads')

    # ---- changed ----

    def a_publisher(self):
        """Without a member that others read: they are named, and it may not go out; its readers may."""
        root = self.tree()

        def change(schema):
            del schema['properties']['total']
            schema['required'].remove('total')
        self.change_event(root, change)
        found = self.findings(1, 'check', '--against', self.url, '--root', root)
        self.report.equal(sorted(found['member-gone', PLACED]['breaks']), ['analytics', 'campaign', 'crm', 'email', 'loyalty', 'personalization', 'reporting'],
                          'whom it breaks')
        found = self.can_deploy(1, 'commerce', root)
        self.report.check('loyalty' in found['member-gone', PLACED]['breaks'], f'{sorted(found)}')
        done = self.run('can-deploy', 'commerce', '--registry', self.url, '--root', root)
        self.report.check('commerce cannot go out' in done.stdout, done.stdout)
        self.can_deploy(0, 'content', root)

    def a_reader(self):
        """It reads what its publisher writes only from the next version on: optional it may be, required not."""
        root = self.tree()
        self.change_event(root, lambda schema: schema['properties'].update(coupon={'type': 'string'}))
        self.change_text(root, 'services/loyalty/service.c', '"order_id", "customer_id"', '"coupon", "order_id", "customer_id"')
        found = self.can_deploy(0, 'loyalty', root)
        self.report.equal(found['not-written', PLACED]['place'], 'coupon', 'what is not written')
        self.change_event(root, lambda schema: schema['required'].append('coupon'))
        found = self.can_deploy(1, 'loyalty', root)
        self.report.equal(found['required', PLACED]['breaks'], ['loyalty'], f'{sorted(found)}')

    def a_caller(self):
        """It asks for what the neighbour that runs does not know yet."""
        root = self.tree()
        asked = '    QuoteRequest:\n      type: object\n      additionalProperties: false\n      required: [lines]\n      properties:\n'
        self.change_text(root, 'services/commerce/openapi.yaml', asked, asked + '        coupon: { type: string }\n')
        found = self.can_deploy(1, 'gateway', root)
        self.report.check('as it runs' in found['member-unknown', 'quote']['place'] and found['member-unknown', 'quote']['breaks'] == ['gateway'],
                          f'{found}')
        self.can_deploy(0, 'commerce', root)

    def a_callee(self):
        """Without an operation that the gateway calls; by the registry, all its callers may."""
        root = self.tree()
        self.change_text(root, 'services/commerce/openapi.yaml', '  /v1/quotes:', '  /v1/offers:')
        found = self.can_deploy(1, 'commerce', root)
        self.report.check('gateway' in found['operation-removed', 'quote']['breaks'], f'{found}')

    def what_does_not_run(self):
        """Beside nothing at all: what it reads and calls is missed, and it may go out."""
        with Stack(self.stack.build) as stack:
            stack.start('broker', 'registry')
            url = f'http://127.0.0.1:{stack.port("registry")}'
            done = subprocess.run([self.program, 'contract', 'can-deploy', 'gateway', '--registry', url, '--root', ROOT, '--json',
                                   '--token', stack.token('catalog:read')], text=True, capture_output=True, check=False)
            found = {(one['rule'], one['service']) for one in json.loads(done.stdout)['findings']}
        self.report.equal(done.returncode, 0, f'exit status: {done.stderr}')
        self.report.check({('not-running', 'commerce'), ('not-running', 'personalization'), ('not-published', 'content')} <= found, f'{found}')

    # ---- others ----

    def schemas_alone(self):
        """A registry that knows schemas and nothing else: events are checked, readers are those of the source."""
        SchemasOnly.port = self.stack.port('registry')
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), SchemasOnly)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}'
        try:
            self.report.equal(self.findings(0, 'check', '--against', url, '--root', ROOT), {}, 'findings')
            root = self.tree()
            self.change_event(root, lambda schema: schema['properties']['channel'].update(type='integer'))
            found = self.findings(1, 'check', '--against', url, '--root', root)
            self.report.equal(set(found), {('type-changed', PLACED)}, 'findings of what has changed')
            done = self.run('can-deploy', 'loyalty', '--registry', url, '--root', ROOT)
            self.report.check(done.returncode == 2 and 'does not know what runs' in done.stderr, done.stderr)
        finally:
            server.shutdown()
            server.server_close()

    def refused(self):
        done = self.run('check', '--against', self.url, '--root', ROOT, token=False)
        self.report.check(done.returncode == 2 and 'catalog:read' in done.stderr, f'no token: {done.returncode} {done.stderr}')
        done = self.run('can-deploy', 'nobody', '--registry', self.url, '--root', ROOT)
        self.report.check(done.returncode == 2 and 'no service nobody' in done.stderr, done.stderr)
        done = subprocess.run([self.program, 'contract', 'can-deploy', 'loyalty', '--registry', self.url, '--root', ROOT, '--data', self.stack.folder],
                              text=True, capture_output=True, check=False)
        self.report.equal(done.returncode, 0, f'a token of the keys in --data: {done.stderr}')


def main(build):
    report = Report()
    with Stack(build) as stack:
        test = Test(report, stack, build)
        report.run(test.start, test.as_it_runs, test.readers, test.a_publisher, test.a_reader, test.a_caller, test.a_callee,
                   test.what_does_not_run, test.schemas_alone, test.refused)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
