"""Services of the stack, started straight from the build folder on free loopback ports with their data in a temporary
folder; for benchmarks and tests that need real neighbours. What is started here is stopped here, by its pid."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tokens  # noqa: E402

TICKS = os.sysconf('SC_CLK_TCK')
READY_S = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Service:
    """One process. `port` is its API's, `admin` its admin listener's (None: it has none)."""

    def __init__(self, name, argv, port, admin, log):
        self.name, self.argv, self.port, self.admin, self.log = name, argv, port, admin, log
        self.process = None

    def start(self):
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + READY_S
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f'{self.name} did not start; its last words:\n{self.last_words()}')
            time.sleep(0.02)

    def ready(self):
        try:
            if self.admin is None:
                socket.create_connection(('127.0.0.1', self.port), 0.2).close()
                return True
            return request(self.admin, 'GET', '/health/ready', timeout=0.5)[0] == 200
        except OSError:
            return False

    def last_words(self):
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return ''.join(log.readlines()[-20:])

    def signal(self, number):
        os.kill(self.process.pid, number)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_s(self):
        """User and system seconds so far."""
        with open(f'/proc/{self.process.pid}/stat', encoding='ascii') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def metrics(self):
        return request(self.admin, 'GET', '/metrics')[2].decode()


def request(port, method, path, body=None, headers=None, timeout=10):
    """(status, headers, body bytes)."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Stack:
    """with Stack(build) as stack: stack.start('broker', 'content')"""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix='fanfare-')
        self.services = {}
        self.ports = {}
        self.tokens = {}
        self.keys = tokens.Keys(os.path.join(self.folder, 'keys'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for service in reversed(list(self.services.values())):
            service.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def port(self, name):
        if name not in self.ports:
            self.ports[name] = free_port()
        return self.ports[name]

    def start(self, *names, **settings):
        for name in names:
            self._start(name, settings)

    def _start(self, name, settings):
        program = os.path.join(self.build, 'services', name, f'fanfare-{name}')
        if not os.path.exists(program):
            raise SystemExit(f'{program} is not built')
        log = os.path.join(self.folder, f'{name}.log')
        argv, admin = [program, '--port', str(self.port(name))], None
        if name == 'broker':
            argv += ['--data', os.path.join(self.folder, 'broker')]
        else:
            admin = self.port(f'{name} admin')
            argv += ['--data', self.folder, '--admin_port', str(admin),
                     '--log', f'kafka://127.0.0.1:{self.port("broker")}']
            argv += [part for peer in self.peers(program)
                     for part in (f'--{peer}_url', f'http://127.0.0.1:{self.port(peer)}')]
        for key, value in settings.items():
            argv += [f'--{key}', str(value)]
        self.services[name] = Service(name, argv, self.port(name), admin, log)
        self.services[name].start()

    @staticmethod
    def peers(program):
        told = subprocess.run([program, '--help'], capture_output=True, text=True, check=True).stdout
        return re.findall(r'--([a-z]+)_url\b\s+Where \1 is', told)

    def __getitem__(self, name):
        return self.services[name]

    # ---- requests ----

    def token(self, scopes):
        if scopes not in self.tokens:
            self.tokens[scopes] = self.keys.token(scopes)
        return self.tokens[scopes]

    def call(self, name, method, path, body=None, scopes='*', headers=None, expect=None):
        """(status, headers, JSON or None); ends with a sentence when the status is not the one expected."""
        sent = dict(headers or {})
        if scopes:
            sent.setdefault('Authorization', f'Bearer {self.token(scopes)}')
        if body is not None:
            sent.setdefault('Content-Type', 'application/json')
            body = json.dumps(body) if not isinstance(body, (bytes, str)) else body
        status, told, text = request(self.port(name), method, path, body, sent)
        if expect is not None and status != expect:
            raise SystemExit(f'{method} {path} at {name}: {status}, expected {expect}: {text.decode()[:500]}')
        try:
            return status, told, json.loads(text)
        except ValueError:
            return status, told, None
