"""The servers that `./dev bench broker` compares: each is started on the loopback with its data in a folder of its own, and
says when it is ready: when it answers for the topic that was written last."""
import base64
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from stack import cpu_s, free_ports, request, wait_for  # noqa: E402

FETCHED = os.path.join(ROOT, 'deps', 'servers')
START_S, STOP_S = 120, 120
EVERY_S = 0.001
PARTITIONS = 6  # of a topic, as the stack has them


class Server:
    """Heirs: `name`, `promise` (when it acknowledges), `maker` (of load), command(), write_config(),
    make_topic(connection, topic), answers_for(connection, topic)."""

    maker = 'kafka'

    def __init__(self, build, folder):
        self.build, self.folder = build, os.path.join(folder, type(self).__name__)
        self.port, self.other_port = free_ports(2)
        self.process, self.topic, self.environment = None, None, None
        os.mkdir(self.folder)
        self.write_config()

    def write_config(self):
        pass

    def start(self):
        """Seconds until it was ready."""
        begun = time.monotonic()
        with open(os.path.join(self.folder, 'log'), 'ab') as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(self.environment or {})})
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - begun > START_S:
                raise SystemExit(f'{self.name} did not start: {self.folder}/log:\n{self.last_words()}')
            time.sleep(EVERY_S)
        return time.monotonic() - begun

    def last_words(self):
        with open(os.path.join(self.folder, 'log'), encoding='utf-8', errors='replace') as log:
            return ''.join(log.readlines()[-20:])

    def is_ready(self):
        try:
            with socket.create_connection(('127.0.0.1', self.port), timeout=5) as connection:
                connection.settimeout(5)
                return self.answers_for(connection, self.topic)
        except (OSError, EOFError):
            return False

    def end(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cpu_s(self):
        return cpu_s(self.process.pid)

    def memory_mb(self):
        """What it alone has in memory, and its share of what it shares; files that it has mapped count."""
        with open(f'/proc/{self.process.pid}/smaps_rollup', encoding='ascii') as rollup:
            return next(int(line.split()[1]) for line in rollup if line.startswith('Pss:')) / 1024

    def new_topic(self, topic):
        with socket.create_connection(('127.0.0.1', self.port), timeout=START_S) as connection:
            self.make_topic(connection, topic)
        self.topic = topic
        wait_for(self.is_ready)

    def load(self, topic, **options):
        """A load of a new topic: what the load maker tells, with the CPU seconds that the server used meanwhile."""
        self.new_topic(topic)
        before = self.cpu_s()
        done = subprocess.run(self.load_command(topic, **options), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f'{self.name}, {topic}: {done.stderr.strip()}\n{self.last_words()}')
        return {**json.loads(done.stdout), 'server_cpu_s': self.cpu_s() - before}

    def load_command(self, topic, maker=None, **options):
        words = [word for key, value in options.items() for word in (f'--{key}', str(value))]
        return [os.path.join(self.build, 'bench', 'load', f'load_{maker or self.maker}'), str(self.port), topic, *words]


def receive(connection, n):
    got = b''
    while len(got) < n:
        more = connection.recv(n - len(got))
        if not more:
            raise EOFError
        got += more
    return got


class KafkaProtocol(Server):
    @staticmethod
    def ask(connection, api, version, body):
        """What follows the header of the answer."""
        head = struct.pack('>hhih', api, version, 0, -1)
        connection.sendall(struct.pack('>i', len(head + body)) + head + body)
        return receive(connection, struct.unpack('>i', receive(connection, 4))[0])[4:]

    def make_topic(self, connection, topic):
        """CreateTopics, version 2."""
        name = struct.pack('>h', len(topic)) + topic.encode()
        answer = self.ask(connection, 19, 2, struct.pack('>i', 1) + name + struct.pack('>ihiiib', PARTITIONS, 1, 0, 0, 30000, 0))
        [error] = struct.unpack_from('>h', answer, 8 + len(name))
        if error:
            raise SystemExit(f'{self.name}: making {topic}: error {error}')

    def answers_for(self, connection, topic):
        """The end of every partition (ListOffsets, version 1); without a topic, its versions."""
        if not topic:
            return bool(self.ask(connection, 18, 0, b''))
        name = struct.pack('>h', len(topic)) + topic.encode()
        answer = self.ask(connection, 2, 1, struct.pack('>ii', -1, 1) + name + struct.pack('>i', PARTITIONS) +
                          b''.join(struct.pack('>iq', partition, -1) for partition in range(PARTITIONS)))
        [n] = struct.unpack_from('>i', answer, 4 + len(name))
        return n == PARTITIONS and all(error == 0 for _, error, _, _ in struct.iter_unpack('>ihqq', answer[8 + len(name):]))


class Fanfare(KafkaProtocol):
    name, promise = 'Fanfare', 'after fdatasync'

    def command(self):
        return [os.path.join(self.build, 'services', 'broker', 'fanfare-broker'), '--data', self.folder, '--port', str(self.port),
                '--admin_port', str(self.other_port)]

    @staticmethod
    def missing():
        return None

    def syncs(self):
        """[(most ms, how many commits so far took no more)]: a commit is a write and its fdatasync."""
        told = request(self.other_port, 'GET', '/metrics')[2].decode()
        return [(float(bound) * 1000, int(n))
                for bound, n in re.findall(r'^broker_sync_duration_seconds_bucket{le="([^"]+)"} (\d+)', told, re.M)]


class Nats(Server):
    """A stream of JetStream with file storage, the defaults otherwise."""

    maker, promise, sync, program = 'nats', 'before any sync (every 2 minutes)', '', 'nats-server'

    @property
    def name(self):
        return f'NATS {version_of(self.program)}{self.label}'

    label = ''

    def write_config(self):
        with open(os.path.join(self.folder, 'conf'), 'w', encoding='utf-8') as file:
            file.write(f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: "{self.folder}/store", max_file_store: 64G'
                       f'{self.sync} }}\n')

    def command(self):
        return [self.program, '-c', os.path.join(self.folder, 'conf')]

    @staticmethod
    def ask(connection, subject, body=''):
        connection.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.ask 1\r\n' +
                           f'PUB {subject} _INBOX.ask {len(body)}\r\n{body}\r\n'.encode())
        told = b''
        while b'"type"' not in told or not told.endswith(b'\r\n'):
            told += receive(connection, 1)
        return told

    def make_topic(self, connection, topic):
        told = self.ask(connection, f'$JS.API.STREAM.CREATE.{topic}',
                        json.dumps({'name': topic, 'subjects': [topic], 'retention': 'limits', 'storage': 'file', 'discard': 'old',
                                    'num_replicas': 1, 'max_consumers': -1, 'max_msgs': -1, 'max_bytes': -1, 'max_age': 0}))
        if b'"error"' in told:
            raise SystemExit(f'{self.name}: making {topic}: {told.decode()}')

    def answers_for(self, connection, topic):
        return b'"error"' not in self.ask(connection, f'$JS.API.STREAM.INFO.{topic}' if topic else '$JS.API.INFO')

    @classmethod
    def missing(cls):
        return None if shutil.which(cls.program) else 'nats-server is not installed'


def version_of(program):
    return subprocess.run([program, '--version'], capture_output=True, text=True, check=True).stdout.split('v')[-1].strip()


class NatsSynced(Nats):
    """2.10 and later can sync before they acknowledge; Debian 12's cannot."""

    promise, sync, label = 'after fsync of each', ', sync_interval: always', ', sync always'
    program = os.path.join(FETCHED, 'nats', 'nats-server')

    @classmethod
    def missing(cls):
        return None if os.path.exists(cls.program) else 'a nats-server that can sync before it acknowledges: ' \
            './dev setup servers brings one where Go is installed'


class Kafka(KafkaProtocol):
    """One node that is its own controller (KRaft); heap and collector as its own start script sets them."""

    jars, promise, flush, label = os.path.join(FETCHED, 'kafka'), "when the system's cache has it", '', ''

    @property
    def name(self):
        jar = next(name for name in os.listdir(self.jars) if name.startswith('kafka_2.13-'))
        return f'Kafka {jar[11:-4]}{self.label}'

    def java(self, *words):
        return ['java', '-server', '-Xms1G', '-Xmx1G', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20',
                '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-cp', os.path.join(self.jars, '*'),
                *words]

    @property
    def config(self):
        return os.path.join(self.folder, 'server.properties')

    def write_config(self):
        with open(self.config, 'w', encoding='ascii') as file:
            file.write(f'process.roles=broker,controller\nnode.id=1\nlog.dirs={self.folder}/data\n'
                       f'listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.other_port}\n'
                       f'controller.quorum.voters=1@127.0.0.1:{self.other_port}\ncontroller.listener.names=CONTROLLER\n'
                       'offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n'
                       f'group.initial.rebalance.delay.ms=0\n{self.flush}')
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip('=')
        subprocess.run(self.java('kafka.tools.StorageTool', 'format', f'--cluster-id={cluster}', '-c', self.config),
                       capture_output=True, check=True)

    def command(self):
        return self.java('kafka.Kafka', self.config)

    @classmethod
    def missing(cls):
        if not shutil.which('java'):
            return 'Apache Kafka: there is no java here'
        return None if os.path.isdir(cls.jars) else 'Apache Kafka: ./dev setup servers brings it where Maven is installed'


class KafkaSynced(Kafka):
    promise, flush, label = 'after fsync of each batch', 'log.flush.interval.messages=1\n', ', flush 1'


SERVERS = (Fanfare, Nats, NatsSynced, Kafka, KafkaSynced)
