"""The stack for the demo, for benchmarks and tests: `Stack` is services started one by one from a build folder, `Fanfare`
the whole by the command, as a user has it. Both are asked over HTTP, on the loopback. What is started here is stopped
here, by its pid."""
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tokens  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get('FANFARE_BUILD') or os.path.join(ROOT, 'build')
TICKS = os.sysconf('SC_CLK_TCK')
START_S, STOP_S = 30, 40
OWN_PORTS = range(16000, 32000)
held = []  # sockets, so that a port is given once
TOKEN_S = 300  # tokens live ten minutes


def is_free(port):
    """Whether nobody listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
            return True
        except OSError:
            return False


def hold(*ports):
    """Takes these ports of the loopback for this process, if nobody else has one of them: whether that worked.

    A socket is bound to each, which lets a server listen there (servers set SO_REUSEADDR), and nobody else who asks here have it."""
    taken = []
    for port in ports:
        taken.append(socket.socket())
        try:
            taken[-1].bind(('127.0.0.1', port))
        except OSError:
            for one in taken:
                one.close()
            return False
        taken[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.extend(taken)
    return True


def free_ports(n):
    """Ports of the loopback that nobody listens on, of those that no outgoing connection is given by the system."""
    found = []
    while len(found) < n:
        port = random.choice(OWN_PORTS)
        if hold(port):
            found.append(port)
    return found


def free_port_base():
    """For `fanfare up --port-base`: it and those after it, and those 100 above, are free."""
    while True:
        base = random.choice(OWN_PORTS)
        if hold(*(base + above + i for above in (0, 100) for i in range(20)), base + 98):
            return base


def request(port, method, path, body=None, headers=None, timeout=10):
    """(status, headers, body bytes), by a connection of its own."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def slowness(build):
    """What times that are asserted are to be multiplied with: sanitized programs are slow."""
    with open(os.path.join(build, 'meson-info', 'intro-buildoptions.json'), encoding='utf-8') as options:
        sanitized = next(one['value'] for one in json.load(options) if one['name'] == 'b_sanitize')
    return 1 if sanitized in ('none', []) else 5


def wait_for(what, limit_s=60, every_s=0.05):
    """Asks until it is true; the last answer."""
    until = time.monotonic() + limit_s
    while not (answer := what()) and time.monotonic() < until:
        time.sleep(every_s)
    return answer


def cpu_s(pid):
    """User and system seconds of a process so far."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def quantile_us(before, after, share):
    """Of what Asker.durations() gave before and after: between the bounds of its bucket, as if evenly spread there."""
    counts = sorted((bound, count - before.get(bound, 0)) for bound, count in after.items())
    wanted, low, seen = share * counts[-1][1], 0.0, 0
    for bound, count in counts:
        if count >= wanted:
            return low if bound == float('inf') else low + (bound - low) * (wanted - seen) / max(count - seen, 1)
        low, seen = bound, count
    return low


class Asker:
    """Asks services by name. A connection to each is kept, for each thread. Heirs fill in the ports and make_token()."""

    def __init__(self):
        self.ports, self.admin_ports = {}, {}
        self.tokens, self.kept = {}, threading.local()

    def token(self, scopes):
        text, made = self.tokens.get(scopes, (None, 0))
        if text is None or time.monotonic() - made > TOKEN_S:
            text = self.make_token(scopes)
            self.tokens[scopes] = text, time.monotonic()
        return text

    def _exchange(self, service, timeout, *what):
        """(status, headers, bytes); once more where a connection that was kept has been closed since."""
        connections = self.kept.__dict__.setdefault('connections', {})
        while True:
            connection = connections.get(service)
            was_kept = connection is not None
            if not was_kept:
                connection = http.client.HTTPConnection('127.0.0.1', self.ports[service], timeout=timeout)
                connections[service] = connection
            try:
                connection.request(*what)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connections.pop(service).close()
                if not was_kept or isinstance(error, TimeoutError):
                    raise

    def call(self, service, method, path, body=None, scopes='*', headers=None, expect=None, timeout=30):
        """(status, headers, JSON or None). A body that is no bytes is sent as JSON; scopes None sends no token. When the
        status is not the one expected, that is the end."""
        sent = {'Authorization': f'Bearer {self.token(scopes)}'} if scopes else {}
        if body is not None:
            sent['Content-Type'] = 'application/json'
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, told, text = self._exchange(service, timeout, method, path, body, {**sent, **(headers or {})})
        if expect is not None and status != expect:
            raise SystemExit(f'{method} {path} at {service}: {status}, expected {expect}: {text.decode()[:500]}')
        try:
            return status, told, json.loads(text)
        except ValueError:
            return status, told, None

    def text(self, service, method, path, scopes, headers):
        """(status, headers, bytes) of what is no JSON."""
        return self._exchange(service, 30, method, path, None, {'Authorization': f'Bearer {self.token(scopes)}', **headers})

    def must(self, service, method, path, body=None, **more):
        """What it answers; anything but success is the end."""
        status, _, content = self.call(service, method, path, body, **more)
        if status >= 300:
            raise SystemExit(f'{method} {path} at {service}: {status}: {content}')
        return content

    def admin(self, service, method, path, body=None, scopes='faults'):
        """The same of the admin listener."""
        status, told, text = request(self.admin_ports[service], method, path, None if body is None else json.dumps(body),
                                     {'Authorization': f'Bearer {self.token(scopes)}', 'Content-Type': 'application/json'})
        return status, told, json.loads(text)

    def metrics(self, service):
        return request(self.admin_ports[service], 'GET', '/metrics')[2].decode()

    def metric(self, service, name, *parts):
        """A metric's value; None when it is not there."""
        for line in self.metrics(service).splitlines():
            if line.startswith(name) and all(part in line for part in parts):
                return float(line.rsplit(' ', 1)[1])
        return None

    def durations(self, service, route):
        """{upper bound in us: cumulative count} of the requests of a route so far, inside the server."""
        found = {}
        for line in self.metrics(service).splitlines():
            if line.startswith('http_server_request_duration_seconds_bucket') and f'http_route="{route}"' in line:
                bound = re.search(r'le="([^"]+)"', line)[1]
                key = float('inf') if bound == '+Inf' else round(float(bound) * 1e6)
                found[key] = found.get(key, 0) + int(float(line.rsplit(' ', 1)[1]))
        return found

    def is_ready(self, service):
        try:
            return request(self.admin_ports[service], 'GET', '/health/ready', timeout=2)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


class Fanfare(Asker):
    """The whole stack, by the `fanfare` command. Its data folder is the caller's."""

    def __init__(self, data, port_base=0, build=BUILD):
        super().__init__()
        self.data, self.port_base = data, port_base
        self.program = os.path.join(build, 'cli', 'fanfare')

    def run(self, *arguments, **options):
        """The command, whatever becomes of it: .returncode, .stdout, .stderr."""
        return subprocess.run([self.program, *arguments, '--data', self.data], text=True, check=False,
                              stdin=subprocess.DEVNULL, **{'capture_output': True, **options})

    def fanfare(self, *arguments, **options):
        """What the command prints; when it fails, that is the end."""
        done = self.run(*arguments, **{'capture_output': False, 'stdout': subprocess.PIPE, **options})
        if done.returncode != 0:
            raise SystemExit(f'fanfare {" ".join(arguments)}: exit status {done.returncode}')
        return done.stdout

    def up(self, *more, **options):
        """Seconds until all services were ready."""
        base = ['--port-base', str(self.port_base)] if self.port_base else []
        begun = time.monotonic()
        self.fanfare('up', '--detach', *base, *more, **options)
        took = time.monotonic() - begun
        self.find()
        return took

    def find(self):
        """Where the services of a stack that runs are."""
        for one in self.status():
            self.ports[one['name']], self.admin_ports[one['name']] = one['port'], one['admin_port']

    def down(self):
        self.fanfare('down')

    def status(self):
        """Of each service: name, state, pid, port, pss_kib, cpu_percent, restarts ..."""
        return json.loads(self.run('status', '--json').stdout)['services']

    def noted(self):
        """What the supervisor notes of itself: its pid, and the services with theirs."""
        with open(os.path.join(self.data, 'run.json'), encoding='utf-8') as file:
            return json.load(file)

    def runs(self):
        try:
            os.kill(self.noted()['pid'], 0)
            return True
        except (OSError, ValueError):
            return False

    def pid(self, service):
        """At once, where status() measures for half a second."""
        return next(one['pid'] for one in self.noted()['services'] if one['name'] == service)

    def make_token(self, scopes):
        return self.fanfare('token', '--scopes', scopes).strip()


class Service:
    """One process of a Stack. `label` is its name there: two of one program have two."""

    def __init__(self, stack, label, argv, environment):
        self.stack, self.label, self.argv, self.environment = stack, label, argv, environment
        self.log = os.path.join(stack.folder, f'{label}.log')
        self.process = None

    def start(self, wait=True):
        """With its data as it left them."""
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        ready = wait_for(lambda: self.stack.is_ready(self.label) or not self.is_running(), START_S, 0.02)
        if not ready or not self.is_running():
            raise SystemExit(f'{self.label} did not start; its last words:\n{self.last_words()}')

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def cpu_s(self):
        return cpu_s(self.pid)

    def metrics(self):
        return self.stack.metrics(self.label)

    def last_words(self, n=20):
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return ''.join(log.readlines()[-n:])

    def wait(self, limit_s=STOP_S):
        """The exit status; one that does not end is killed."""
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def ask_to_end(self):
        if self.is_running():
            self.signal(signal.SIGCONT)  # one that was stopped could not
            self.signal(signal.SIGTERM)

    def stop(self):
        self.ask_to_end()
        return self.wait() if self.process else 0

    def kill(self):
        if self.is_running():
            self.process.kill()
        return self.wait()


class Stack(Asker):
    """Services of the build folder on free ports, with their data in one temporary folder:

    with Stack() as stack: stack.start('broker', 'content')"""

    def __init__(self, build=BUILD):
        super().__init__()
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix='fanfare-')
        self.keys = tokens.Keys(os.path.join(self.folder, 'keys'))
        self.services = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __getitem__(self, label):
        return self.services[label]

    def make_token(self, scopes):
        return self.keys.token(scopes)

    def program(self, name, build=None):
        return os.path.join(build or self.build, 'services', name, f'fanfare-{name}')

    def port(self, label):
        """Its port, which is known before it is started."""
        if label not in self.ports:
            self.ports[label], self.admin_ports[label] = free_ports(2)
        return self.ports[label]

    def flags(self, name, label=None, build=None):
        """What it is told: where its data are, its ports, the log and the neighbours that its --help names."""
        label = label or name
        flags = {'data': self.folder, 'port': self.port(label), 'admin_port': self.admin_ports[label]}
        if name == 'broker':
            return flags
        told = subprocess.run([self.program(name, build), '--help'], capture_output=True, text=True, check=True).stdout
        peers = re.findall(r'--([a-z]+)_url\b\s+Where \1 is', told)
        if '--broker_admin_url' in told:
            self.port('broker')
            flags['broker_admin_url'] = f'http://127.0.0.1:{self.admin_ports["broker"]}'
        return {**flags, 'keys': self.keys.folder, 'log': f'kafka://127.0.0.1:{self.port("broker")}',
                **{f'{peer}_url': f'http://127.0.0.1:{self.port(peer)}' for peer in peers}}

    def add(self, name, label=None, environment=None, build=None, **settings):
        """A service that is not started yet, of this or another build folder. Settings go before what flags() says:
        page_budget='80ms'. Added again, it takes the place of the one before, with its ports and data."""
        label, program = label or name, self.program(name, build)
        if not os.path.exists(program):
            raise SystemExit(f'{program} is not built')
        flags = {**self.flags(name, label, build), **settings}
        clean = {key: value for key, value in os.environ.items() if not key.startswith('FANFARE_')}
        self.services[label] = Service(self, label, [program, *as_flags(flags)],
                                       {**clean, **(environment or {})})
        return self.services[label]

    def start(self, *names, **settings):
        """All at once; comes back when all are ready. With settings, or for the first time, they are added before."""
        for name in names:
            service = self.services.get(name)
            if settings or not service:
                service = self.add(name, **settings)
            service.start(wait=False)
        for name in names:
            self.services[name].wait_ready()

    def stop(self, *labels):
        """Ends these, or all, the log last. A sentence for each that did not end well, now or before."""
        chosen = [self.services[label] for label in labels or self.services if self.services[label].process]
        for group in ([one for one in chosen if one.label != 'broker'], [one for one in chosen if one.label == 'broker']):
            for one in group:
                one.ask_to_end()
            for one in group:
                one.wait()
        return [f'{one.label} ended with {one.process.returncode}:\n{one.last_words()}'
                for one in chosen if one.process.returncode not in (0, -signal.SIGKILL)]


def as_flags(settings):
    return [word for key, value in settings.items() for word in (f'--{key}', str(value))]
