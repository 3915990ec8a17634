#!/usr/bin/env python3
"""The life of a service as its operator sees it: start, mistakes, health, faults, traces, the end.

life_test.py PROGRAM MINT BROKER: the example service, the program that makes tokens, the broker (skipped when absent).
"""
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../tests'))
from stack import free_ports  # noqa: E402

PROGRAM, MINT, BROKER = sys.argv[1:4]
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith('FANFARE_')}
checks = failures = 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        frame = sys._getframe(1)
        print(f'life_test.py:{frame.f_lineno}: not true: {what}', file=sys.stderr)
    return good


class Service:
    """The example service in a folder of its own, on free ports."""

    def __init__(self, folder, *flags, **variables):
        self.folder = folder
        self.lines = []
        if '--log' not in flags:
            flags += '--log', 'kafka://127.0.0.1:1'
        self.process = subprocess.Popen(
            [PROGRAM, '--data', folder, '--port', '0', '--admin_port', '0', *flags],
            stderr=subprocess.PIPE, text=True, env={**ENVIRONMENT, **variables})
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        if not self.ready.wait(20) or not self.ports:
            self.process.kill()
            raise SystemExit(f'not ready: {self.lines}')

    def read(self):
        self.ports = None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))
            if self.lines[-1]['event'] == 'ready':
                self.ports = self.lines[-1]['port'], self.lines[-1]['admin_port']
                self.ready.set()
        self.ready.set()

    def event(self, name):
        return next((line for line in self.lines if line['event'] == name), None)

    def ask(self, method, path, body=None, scopes=None, admin=False):
        connection = http.client.HTTPConnection('127.0.0.1', self.ports[admin], timeout=30)
        headers = {'Content-Type': 'application/json'} if body is not None else {}
        if scopes:
            headers['Authorization'] = 'Bearer ' + mint(self.folder, scopes)
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def admin(self, method, path, body=None, scopes=None):
        return self.ask(method, path, body, scopes, admin=True)

    def wait(self, limit_s=30):
        try:
            status = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = 'killed'
        self.reader.join()
        return status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


def mint(folder, scopes):
    run = subprocess.run([MINT, folder + '/keys', scopes], capture_output=True, text=True)
    return run.stdout.strip()


def test_words(folder):
    run = subprocess.run([PROGRAM, '--help'], capture_output=True, text=True, env=ENVIRONMENT)
    check(run.returncode == 0 and '--greeting' in run.stdout and '--drain_limit' in run.stdout, run)
    run = subprocess.run([PROGRAM, '--version'], capture_output=True, text=True, env=ENVIRONMENT)
    check(run.returncode == 0 and run.stdout.startswith('example (Fanfare) '), run)
    run = subprocess.run([PROGRAM, '--settings-reference'], capture_output=True, text=True, env=ENVIRONMENT)
    check(run.returncode == 0 and run.stdout.startswith('## example\n'), run)


def test_health_and_metrics(folder):
    start = time.monotonic()
    service = Service(folder)
    check(time.monotonic() - start < 2, 'ready within 2 s without broker and neighbours')
    check(service.admin('GET', '/health/live')[0] == 200, 'live')
    status, text = service.admin('GET', '/health/ready')
    check(status == 200 and json.loads(text)['status'] == 'ready', text)
    service.ask('GET', '/v1/waits/1')
    status, text = service.admin('GET', '/metrics')
    for name in ('process_cpu_seconds_total ', 'process_resident_memory_bytes ', 'process_open_fds ',
                 'fanfare_build_info{service="example"', 'http_server_request_duration_seconds_bucket{',
                 'worker_run_duration_seconds_count{worker="rounds"}'):
        check(status == 200 and name in text, name)
    check(service.admin('GET', '/nothing')[0] == 404, 'an unknown page')
    check(service.admin('GET', '/v1/waits/1')[0] == 404, 'the API is not on the admin listener')
    check(service.ask('GET', '/metrics')[0] == 404, 'nor the other way round')
    check(service.stop() == 0 and service.event('stopped'), service.lines)


def test_faults(folder):
    service = Service(folder)
    check(service.admin('POST', '/faults', {'point': 'http.request', 'kind': 'error'}, 'faults')[0] == 403, 'off')
    check(service.stop() == 0, service.lines)
    service = Service(folder, '--faults', 'true')
    fault = {'point': 'http.request', 'kind': 'error', 'times': 1}
    check(service.admin('POST', '/faults', fault)[0] == 401, 'no token')
    check(service.admin('POST', '/faults', fault, 'example:read')[0] == 403, 'no scope')
    for bad in ({}, [], {'point': 'x'}, {'point': 'x', 'kind': 'odd'}, {**fault, 'more': 1}, {**fault, 'times': -1},
                {**fault, 'per_mille': 1001}, {'point': 'x', 'kind': 'delay'}, {'kind': 'error'}):
        check(service.admin('POST', '/faults', bad, 'faults')[0] == 422, bad)
    check(service.admin('POST', '/faults', fault, 'faults')[0] == 200, 'set')
    check(service.ask('GET', '/v1/waits/1')[0] >= 500, 'the fault is met')
    check(service.ask('GET', '/v1/waits/1')[0] == 200, 'once')
    status, text = service.admin('GET', '/faults', scopes='faults')
    check(status == 200 and json.loads(text)['faults'][0]['hits'] == 1, text)
    status, text = service.admin('DELETE', '/faults', scopes='faults')
    check(status == 200 and json.loads(text) == {'faults': []}, text)
    check(service.stop() == 0, service.lines)


def test_drain(folder):
    service = Service(folder)
    answers = []
    late = threading.Thread(target=lambda: answers.append(service.ask('GET', '/v1/waits/800')))
    late.start()
    time.sleep(0.2)
    check(service.ask('POST', '/v1/notes', {'note_id': 'nte_d', 'text': 'kept'}, 'example:write')[0] == 201, 'stored')
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    status, text = service.admin('GET', '/health/ready')
    check(status == 503 and json.loads(text)['status'] == 'draining', text)
    try:
        refused = service.ask('GET', '/v1/waits/1')[0] != 200
    except OSError:
        refused = True
    check(refused, 'nothing new is accepted')
    late.join()
    check(answers and answers[0][0] == 200, answers)
    check(service.wait() == 0, service.lines)
    check(service.event('stopped') and not service.event('drain_cut'), service.lines)
    service = Service(folder)
    check(service.ask('GET', '/v1/notes/nte_d', scopes='example:read')[0] == 200, 'it is there after the restart')
    check(service.stop() == 0, service.lines)
    stored = sqlite3.connect(folder + '/example/example.db').execute('SELECT count(*) FROM platform_outbox').fetchone()
    check(stored[0] >= 2, f'what was published waits for the log: {stored}')


def test_drain_limit(folder):
    # Two thirds for requests, the rest for what follows: a client of librdkafka 2.8 whose broker is away ends in 1 s.
    service = Service(folder, '--drain_limit', '6s')
    late = threading.Thread(target=lambda: ask_in_vain(service))
    late.start()
    time.sleep(0.2)
    start = time.monotonic()
    status = service.stop()
    check(status == 4 and time.monotonic() - start < 8, f'{status}, {time.monotonic() - start}')
    check(service.event('drain_cut')['still_at'] == 'requests that do not end', service.lines)
    late.join()


def ask_in_vain(service):
    try:
        service.ask('GET', '/v1/waits/20000')
    except (OSError, http.client.HTTPException):
        pass


def test_impatience(folder):
    service = Service(folder)
    late = threading.Thread(target=lambda: ask_in_vain(service))
    late.start()
    time.sleep(0.2)
    service.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    service.process.send_signal(signal.SIGINT)
    check(service.wait(3) == 4, 'the second signal ends it at once')
    late.join()


def refuses(what, wanted, flags, folder, variables=None):
    """Stops the start with status 1 and one sentence that holds `wanted`."""
    run = subprocess.run([PROGRAM, '--data', folder, '--port', '0', '--admin_port', '0', *flags],
                         capture_output=True, text=True, timeout=20, env={**ENVIRONMENT, **(variables or {})})
    lines = [line for line in run.stderr.splitlines() if not line.startswith('{')]
    good = run.returncode == 1 and len(lines) == 1 and lines[0].startswith('example: ') and wanted in lines[0]
    check(good, f'{what}: status {run.returncode}, {run.stderr}')


def test_mistakes(folder):
    taken = socket.create_server(('127.0.0.1', 0))
    port = str(taken.getsockname()[1])
    newer = folder + '/newer.db'
    Service(folder, '--database', 'sqlite:' + newer).stop()
    with sqlite3.connect(newer) as database:
        database.execute("INSERT INTO platform_migrations (scope, number, name, applied_us)"
                         " SELECT scope, max(number) + 1, '002_next.contract', 0 FROM platform_migrations WHERE scope = 'example'")
    open(folder + '/file', 'w').close()
    refuses('port in use', f'port {port} is in use on 127.0.0.1', ['--port', port], folder)
    refuses('admin port in use', f'port {port} is in use on 127.0.0.1', ['--admin_port', port], folder)
    refuses('no such address', 'not-an-address is not an IP address', ['--bind', 'not-an-address'], folder)
    refuses('no key folder', folder + '/none', ['--keys', folder + '/none'], folder)
    refuses('data is a file', folder + '/file', [], folder + '/file')
    refuses('database in a file', folder + '/file', ['--database', f'sqlite:{folder}/file/x.db'], folder)
    refuses('a file that is no database', folder + '/text.db', ['--database', f'sqlite:{text_file(folder)}'], folder)
    refuses('newer schema', '002_next.contract', ['--database', 'sqlite:' + newer], folder)
    refuses('no PostgreSQL there', 'example: ', ['--database', 'postgresql://x@127.0.0.1:1/x?connect_timeout=1'], folder)
    refuses('unknown flag', 'did you mean "port"', ['--prot', '1'], folder)
    refuses('unknown variable', 'FANFARE_EXAMPLE_PROT', [], folder, {'FANFARE_EXAMPLE_PROT': '1'})
    refuses('bad value', 'is not a whole number', ['--port', 'x'], folder)
    refuses('bad broker URL', 'kafka', ['--log', 'kafka://:0:0,'], folder)
    refuses('what open() says', 'the greeting is broken', ['--greeting', 'broken'], folder)
    taken.close()


def text_file(folder):
    path = folder + '/text.db'
    with open(path, 'w') as file:
        file.write('this is text and no database\n' * 500)
    return path


class Broker:
    def __init__(self, folder, port):
        self.process = subprocess.Popen([BROKER, '--data', folder, '--port', str(port), '--admin_port', '0'],
                                        stderr=subprocess.PIPE, text=True)
        ready = any(json.loads(line)['event'] == 'ready' for line in self.process.stderr if line.startswith('{'))
        if not ready:
            raise SystemExit(f'the broker ended with {self.process.wait()} and was never ready')
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def becomes(limit_s, condition):
    until = time.monotonic() + limit_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    return condition()


def heard(folder):
    with sqlite3.connect(f'file:{folder}/example/example.db?mode=ro', uri=True) as database:
        return database.execute('SELECT count(*) FROM heard').fetchone()[0]


def test_another_log(folder):
    """Positions of one log are of no use in another: the service says so and stops, at the start or while it runs."""
    if not os.path.exists(BROKER):
        return print('  skipped: the broker is not built')
    port, = free_ports(1)
    log = '--log', f'kafka://127.0.0.1:{port}'
    broker = Broker(folder + '/one', port)
    service = Service(folder, *log)
    service.ask('POST', '/v1/notes', {'note_id': 'nte_l', 'text': 'told'}, 'example:write')
    check(becomes(20, lambda: heard(folder) == 1), 'what was published comes back by the log')
    check(service.stop() == 0, service.lines)
    broker.stop()
    broker = Broker(folder + '/two', port)
    service = Service(folder, *log)
    status = service.wait(30)
    fatal = service.event('fatal')
    check(status == 3 and fatal and 'log' in fatal['reason'], f'{status}: {service.lines}')
    print('  ' + (fatal or {}).get('reason', ''))
    broker.stop()


class Collector(http.server.BaseHTTPRequestHandler):
    spans, metrics = [], []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if self.path == '/v1/traces':
            for resource in body['resourceSpans']:
                for scope in resource['scopeSpans']:
                    self.spans.extend(scope['spans'])
        elif self.path == '/v1/metrics':
            for resource in body['resourceMetrics']:
                for scope in resource['scopeMetrics']:
                    self.metrics.extend(scope['metrics'])
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'{}')

    def log_message(self, *args):
        pass


def test_traces(folder):
    collector = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    url = f'http://127.0.0.1:{collector.server_address[1]}'
    service = Service(folder, FANFARE_OTLP_URL=url, FANFARE_EXAMPLE_TRACE_SAMPLE_PER_MILLE='1000')
    note = {'note_id': 'nte_t', 'text': 'traced'}
    check(service.ask('POST', '/v1/notes', note, 'example:write')[0] == 201, 'stored')
    check(service.stop() == 0, service.lines)
    collector.shutdown()
    collector.server_close()
    request = next((span for span in Collector.spans if span['name'] == 'POST /v1/notes'), None)
    if check(request, [span['name'] for span in Collector.spans]):
        below = [span for span in Collector.spans if span.get('parentSpanId') == request['spanId']]
        check(any(span['kind'] == 4 for span in below), f'the event has a producer span: {below}')
        check(all(span['traceId'] == request['traceId'] for span in below), below)
    names = {metric['name'] for metric in Collector.metrics}
    check({'http.server.request.duration', 'process.cpu.time', 'db.client.operation.duration'} <= names, names)


def main():
    for test in (test_words, test_health_and_metrics, test_faults, test_drain, test_drain_limit, test_impatience,
                 test_mistakes, test_traces, test_another_log):
        folder = tempfile.mkdtemp(prefix='fanfare-life-')
        start = time.monotonic()
        try:
            test(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f'{test.__name__}: {time.monotonic() - start:.1f} s')
    print(f'{checks} checks, {failures} failed')
    return 1 if failures else 0


sys.exit(main())
