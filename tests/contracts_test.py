#!/usr/bin/env python3
"""Every operation of every contract answers its own examples, and refuses what its contract says it refuses: the broker
and all services run on free ports of the loopback in a folder of their own, and contract_examples.py asks each.

contracts_test.py BUILD_FOLDER SERVICE...   in the order in which their examples are sent
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import contract_examples
import tokens

START_S, STOP_S, PATIENCE_S = 20, 30, 20
LOG_AND_SOURCE = ('broker', 'content')  # what others document a 503 for


def free_ports(n):
    """Ports nobody listens on; all are held until all are known."""
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(('127.0.0.1', 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Stack:
    """The broker and the services, as processes of this test."""

    def __init__(self, build, names):
        self.build, self.names = build, names
        self.folder = tempfile.mkdtemp(prefix='fanfare-contracts-')
        self.keys = tokens.Keys(os.path.join(self.folder, 'keys'))
        ports = free_ports(1 + 2 * len(names))
        self.log = f'127.0.0.1:{ports[0]}'
        self.ports = dict(zip(names, ports[1:]))
        self.admin_ports = dict(zip(names, ports[1 + len(names):]))
        self.processes = {}

    def program(self, name):
        return os.path.join(self.build, 'services', name, f'fanfare-{name}')

    def peers_of(self, name):
        """Settings of the neighbours that it calls: those of its --help."""
        text = subprocess.run([self.program(name), '--help'], capture_output=True, text=True, timeout=10).stdout
        peers = [peer for peer in re.findall(r'--([a-z]+)_url\b', text) if peer in self.ports]
        return [word for peer in peers for word in (f'--{peer}_url', f'http://127.0.0.1:{self.ports[peer]}')]

    def start(self, name, arguments):
        log = open(os.path.join(self.folder, f'{name}.log'), 'wb')
        self.processes[name] = subprocess.Popen([self.program(name), *arguments], stdout=log, stderr=log,
                                                stdin=subprocess.DEVNULL)
        log.close()

    def start_all(self):
        host, port = self.log.split(':')
        self.start('broker', ['--data', os.path.join(self.folder, 'broker'), '--bind', host, '--port', port])
        for name in self.names:
            self.start(name, ['--data', self.folder, '--keys', self.keys.folder, '--log', f'kafka://{self.log}',
                              '--port', str(self.ports[name]), '--admin_port', str(self.admin_ports[name]), *self.peers_of(name)])
        for name in self.names:
            self.wait_ready(name)

    def wait_ready(self, name):
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.processes[name].poll() is None:
            try:
                connection = http.client.HTTPConnection('127.0.0.1', self.admin_ports[name], timeout=2)
                connection.request('GET', '/health/ready')
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        raise RuntimeError(f'{name} is not ready:\n{self.told(name)}')

    def told(self, name):
        with open(os.path.join(self.folder, f'{name}.log'), encoding='utf-8', errors='replace') as log:
            return log.read()[-2000:]

    def end(self, names):
        """Ends these; gives those that did not end well."""
        running = [name for name in names if name in self.processes and self.processes[name].poll() is None]
        for name in running:
            self.processes[name].send_signal(signal.SIGTERM)
        return [name for name in running if self.wait_end(name) != 0]

    def stop(self):
        """Ends the services, then the log; a sentence for each that did not end well, now or before."""
        ended = [name for name, process in self.processes.items() if process.poll() not in (None, 0)]
        ended += self.end([name for name in self.processes if name != 'broker']) + self.end(['broker'])
        sentences = [f'{name} ended with {self.processes[name].returncode}:\n{self.told(name)}' for name in ended]
        shutil.rmtree(self.folder, ignore_errors=True)
        return sentences

    def wait_end(self, name):
        try:
            return self.processes[name].wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.processes[name].kill()
            return self.processes[name].wait()


def ask(stack, names):
    """All examples, then all errors; at last those of a log and a neighbour that are gone."""
    runs = {name: contract_examples.Run(f'http://127.0.0.1:{stack.ports[name]}', None, stack.keys, None,
                                        stack.keys.write_key, PATIENCE_S) for name in names}
    for run in runs.values():
        run.examples()
    for run in runs.values():
        run.errors()
    stack.end(LOG_AND_SOURCE)
    for name, run in runs.items():
        if name not in LOG_AND_SOURCE:
            run.unavailable()
        run.failed += [f'{name}: documented, but nothing provokes it: {one}' for one in run.unprovoked()]
        print(f'{name}: {run.passed} of {run.passed + len(run.failed)}')
    return sum(run.passed for run in runs.values()), [one for run in runs.values() for one in run.failed]


def main(build, names):
    stack = Stack(build, names)
    passed, failed = 0, []
    try:
        stack.start_all()
        passed, failed = ask(stack, names)
    except (RuntimeError, OSError, http.client.HTTPException, json.JSONDecodeError) as error:
        failed.append(repr(error))
    failed += stack.stop()
    for sentence in failed:
        print(f'not ok - {sentence}')
    print(f'{passed} passed, {len(failed)} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
