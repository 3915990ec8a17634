#!/usr/bin/env python3
"""Clients that share no code with each other against the broker: kcat (C), KafkaJS, kafka-python; and what one wrote is
read by another.

clients_test.py BUILD_FOLDER
"""
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from report import Report, skip  # noqa: E402
from stack import ROOT, Stack, wait_for  # noqa: E402

MODULES = os.path.join(ROOT, 'deps', 'peers', 'node_modules')
SHARED = 'shared'
CODECS = ('none', 'gzip', 'snappy', 'lz4', 'zstd')
LIMIT_S = 240


def python_with(module):
    return next((path for path in (sys.executable, '/usr/bin/python3')
                 if subprocess.run([path, '-c', f'import {module}'], capture_output=True, check=False).returncode == 0), None)


class Clients:
    def __init__(self, stack, report):
        self.report, self.port = report, str(stack.port('broker'))
        self.written = 0  # by the others into SHARED

    def script(self, *command):
        """A script's lines, `ok - what` or `not ok - what`, as checks."""
        done = subprocess.run([*command, self.port, SHARED], env={**os.environ, 'NODE_PATH': MODULES}, capture_output=True,
                              text=True, timeout=LIMIT_S, check=False)
        for line in done.stdout.splitlines():
            print(f'  {line}')
            self.report.check(line.startswith('ok - '), f'{os.path.basename(command[-1])}: {line}')
        self.report.equal((done.returncode, done.stderr), (0, ''), os.path.basename(command[-1]))
        last = done.stdout.splitlines()[-1:]
        self.report.check(bool(last) and 'for the others to read' in last[0], f'{command[-1]} went to its end')

    def kafkajs(self):
        with open(os.path.join(MODULES, 'kafkajs', 'package.json'), encoding='utf-8') as file:
            print(f'KafkaJS {json.load(file)["version"]}, Node {output("node", "--version")}')
        self.script('node', os.path.join(HERE, 'kafkajs.js'))
        self.written += 50

    def kafka_python(self):
        python = python_with('kafka')
        if python is None:
            self.report.skip('kafka-python: python3-kafka is not installed')
            return
        print(f'kafka-python {output(python, "-c", "import kafka; print(kafka.__version__)")}')
        self.script(python, os.path.join(HERE, 'kafka_python.py'))
        self.written += 50

    def kcat(self, *arguments, given=None):
        return subprocess.run(['kcat', '-b', f'127.0.0.1:{self.port}', *arguments], input=given, capture_output=True, text=True,
                              timeout=60, check=True).stdout

    def read(self, topic, *arguments):
        """[(partition, offset, key, value, headers)] of a topic from its beginning."""
        told = self.kcat('-C', '-q', '-e', '-t', topic, '-o', 'beginning', '-f', '%p\t%o\t%k\t%s\t%h\n', *arguments)
        return [tuple(line.split('\t')) for line in told.splitlines()]

    def kcat_codecs(self):
        print(output('kcat', '-V').splitlines()[-1])
        begun_ms = int(time.time() * 1000)
        for codec in CODECS:
            lines = [f'key-{i % 10}\t{codec} {i} {"x" * 500}' for i in range(100)]
            self.kcat('-P', '-t', f'kcat-{codec}', '-K', '\t', '-H', f'codec={codec}', '-z', codec, given='\n'.join(lines) + '\n')
            seen = self.read(f'kcat-{codec}')
            self.report.equal(sorted(f'{key}\t{value}' for _, _, key, value, _ in seen), sorted(lines), f'{codec}: what came back')
            self.report.check(all(headers == f'codec={codec}' for *_, headers in seen), f'{codec}: the header')
            found = self.kcat('-Q', '-t', f'kcat-{codec}:0:{begun_ms}')
            self.report.check(found.strip().endswith('offset 0'), f'{codec}: by time: {found}')

    def kcat_metadata(self):
        told = json.loads(self.kcat('-L', '-J', '-t', 'kcat-none'))
        self.report.equal([one['name'] for one in told['brokers']], [f'127.0.0.1:{self.port}'], 'brokers')
        self.report.equal(len(told['topics'][0]['partitions']), 4, 'partitions')

    def kcat_group(self):
        """The second time there is nothing left: -e ends at the end of each partition."""
        arguments = ['-q', '-e', '-X', 'auto.offset.reset=earliest', '-G', 'kcat-group', 'kcat-gzip']
        self.report.equal(len(self.kcat(*arguments).splitlines()), 100, 'the first of the group')
        self.report.equal(self.kcat(*arguments), '', 'the second of the group')

    def what_others_wrote(self):
        """Batches that KafkaJS and kafka-python made, read by librdkafka: whole, and in order for each key."""
        seen = wait_for(lambda: (found := self.read(SHARED)) and len(found) >= self.written and found)
        numbers = sorted(int(headers.removeprefix('number=')) for *_, headers in seen)
        self.report.equal(numbers, list(range(self.written)), 'the records of the others')
        for partition, offset, key, value, headers in seen:
            number = int(headers.removeprefix('number='))
            self.report.check((key, value) == (f'key-{number % 10}', f'value {number}'), f'{partition}/{offset}: {key}, {value}')


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).strip()


def main():
    if not os.path.isdir(MODULES) or not shutil.which('kcat') or not shutil.which('node'):
        skip('the clients are not here: ./dev test peers')
    report = Report()
    with Stack(sys.argv[1]) as stack:
        stack.start('broker', default_partitions=4, partitions_may_grow='true')
        clients = Clients(stack, report)
        report.run(clients.kafkajs, clients.kafka_python, clients.kcat_codecs, clients.kcat_metadata, clients.kcat_group,
                   clients.what_others_wrote)
        report.equal(stack.stop(), [], 'the broker ended well')
    sys.exit(report.end())


if __name__ == '__main__':
    main()
