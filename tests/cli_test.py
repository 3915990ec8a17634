#!/usr/bin/env python3
"""The `fanfare` command as its operator has it: up, status, stop, start, down; what it does when a service is killed or
cannot start, when it is killed itself, and what it says of mistakes.

cli_test.py BUILD_FOLDER
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from report import Report
from stack import Fanfare, cpu_s, free_port_base, is_free, slowness, wait_for

ALL_READY_S = 2
PATIENCE_S = 20
ALL = ['broker', 'registry', 'identity', 'commerce', 'content', 'crm', 'loyalty', 'personalization', 'analytics', 'search', 'email', 'campaign', 'ads', 'reporting', 'gateway']


class Command:
    def __init__(self, report, folder, build):
        self.report, self.folder, self.build, self.slowness = report, folder, build, slowness(build)
        self.stack = Fanfare(os.path.join(folder, 'data'), free_port_base(), build)

    # ---- helpers ----

    def refuses(self, arguments, says, stack=None, **options):
        """Status 1 and one sentence on standard error."""
        done = (stack or self.stack).run(*arguments, **options)
        lines = done.stderr.splitlines()
        self.report.check(done.returncode == 1 and len(lines) == 1 and lines[0].startswith('fanfare: ') and says in lines[0],
                          f'fanfare {" ".join(arguments)}: status {done.returncode}, wanted {says!r}: {done.stderr}')

    def states(self, stack=None):
        return {one['name']: one['state'] for one in (stack or self.stack).status()}

    def one(self, name, stack=None):
        return next(one for one in (stack or self.stack).status() if one['name'] == name)

    def log(self, stack=None):
        with open(os.path.join((stack or self.stack).data, 'fanfare.log'), encoding='utf-8') as file:
            return file.read()

    def gone(self, pids, what):
        self.report.check(wait_for(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in pids), PATIENCE_S),
                          f'{what}: {[pid for pid in pids if os.path.exists(f"/proc/{pid}")]} still run')

    def another(self, name):
        return Fanfare(os.path.join(self.folder, name), free_port_base(), self.build)

    # ---- the parts ----

    def words(self):
        run = lambda *arguments: subprocess.run([self.stack.program, *arguments], capture_output=True, text=True, check=False)
        for arguments, status, says in ((('--help',), 0, 'Usage: fanfare'), (('--version',), 0, 'fanfare 0.'),
                                        (('up', '--help'), 0, '--without'), (('import', '-h'), 0, 'orders')):
            done = run(*arguments)
            self.report.check(done.returncode == status and says in done.stdout and not done.stderr, f'{arguments}: {done}')
        for arguments, says in (((), 'Usage'), (('fly',), 'there is no command fly')):
            done = run(*arguments)
            self.report.check(done.returncode == 2 and says in done.stderr and not done.stdout, f'{arguments}: {done}')

    def mistakes(self):
        for arguments, says in (
                (('up', '--fast'), 'there is no option --fast'), (('up', '--only'), '--only needs a value'),
                (('up', '--detach=yes'), '--detach takes no value'), (('up', 'now'), 'one argument too many'),
                (('up', '--only', 'comerce'), 'there is no service "comerce"'),
                (('up', '--without', 'gateway,web'), 'there is no service "web"'),
                (('up', '--only', 'crm', '--without', 'crm'), 'no service is left'),
                (('up', '--port-base', '80'), '--port-base is a port from 1024 to'),
                (('rotate-key', '--wait', '-1'), '--wait is a number of seconds'),
                (('rotate-key', '--wait', '1', '--at-once'), '--at-once does not wait'),
                (('up', '--port-base', 'x'), '--port-base is a port from 1024 to')):
            done = subprocess.run([self.stack.program, *arguments], capture_output=True, text=True, check=False,
                                  env={**os.environ, 'FANFARE_DATA': os.path.join(self.folder, 'never')})
            self.report.check(done.returncode == 1 and says in done.stderr and done.stderr.count('\n') == 1, f'{arguments}: {done}')
        self.report.check(not os.path.exists(os.path.join(self.folder, 'never')), 'nothing is made by mistake')
        for command in ('status', 'down', ('stop', 'crm'), ('start', 'crm'), ('token', '--scopes', '*'), 'write-key', 'rotate-key'):
            self.refuses(command if isinstance(command, tuple) else (command,), 'the data folder')  # there is none yet
        with open(os.path.join(self.folder, 'file'), 'w', encoding='ascii'):
            nowhere = Fanfare(os.path.join(self.folder, 'file', 'data'), 0, self.build)
        self.refuses(('up', '--detach'), 'cannot be made: Not a directory', nowhere)

    def up(self):
        took = self.stack.up()
        self.report.check(took < ALL_READY_S * self.slowness, f'all are ready within {ALL_READY_S} s: {took:.1f} s')
        self.report.equal(list(self.states()), ALL, 'the services')
        self.report.equal(set(self.states().values()), {'ready'}, 'their state')
        done = self.stack.run('status')
        self.report.check(done.returncode == 0 and all(name in done.stdout for name in ALL) and 'sum' in done.stdout,
                          f'status: {done}')
        for one in self.stack.status():
            self.report.check(one['pid'] > 1 and one['port'] and one['pss_kib'] > 100 and one['uptime_s'] >= 0 and
                              one['restarts'] == 0, f'status of {one}')
        self.report.check(all(re.fullmatch(r'(\w+ +\| .*)|(fanfare: .*)', line) for line in self.log().splitlines()),
                          'each line of the log says whose it is')
        for path in ('keys/signing.key', 'keys/write.key', 'control', 'fanfare.log', 'lock'):
            mode = os.stat(os.path.join(self.stack.data, path)).st_mode & 0o777
            self.report.check(mode & 0o077 == 0, f'{path} is the owner\'s alone: {mode:o}')
        key = self.stack.fanfare('write-key').strip()
        self.report.check(len(key) > 10, f'a write key: {key}')
        status, _, _ = self.stack.call('commerce', 'GET', '/v1/products', scopes='products:read')
        self.report.equal(status, 200, 'a token of the command')

    def second_on_it(self):
        self.refuses(('up', '--detach'), f'a stack runs on {self.stack.data} already')
        self.refuses(('up',), f'a stack runs on {self.stack.data} already')
        self.report.equal(set(self.states().values()), {'ready'}, 'the first goes on')

    def killed(self):
        """A service that is killed is started again, after a pause that doubles each time."""
        pauses = []
        for i in range(3):
            before = self.one('loyalty')
            os.kill(before['pid'], signal.SIGKILL)
            begun = time.monotonic()
            self.report.check(wait_for(lambda: self.one('loyalty')['pid'] not in (0, before['pid']), PATIENCE_S),
                              f'loyalty is started again, {i + 1}')
            self.report.check(wait_for(lambda: self.one('loyalty')['state'] == 'ready', PATIENCE_S), 'and is ready')
            self.report.equal(self.one('loyalty')['restarts'], i + 1, 'restarts, as status tells')
            pauses.append(time.monotonic() - begun)
        said = re.findall(r'fanfare: loyalty was ended by signal 9; started again in (\d+) ms', self.log())
        self.report.equal([int(ms) for ms in said], [200, 400, 800], f'pauses ({pauses})')
        self.report.equal(set(self.states().values()), {'ready'}, 'all are ready')

    def stop_and_start(self):
        pid = self.stack.pid('crm')
        self.report.check('crm is stopped' in self.stack.fanfare('stop', 'crm'), 'stop says so')
        self.gone([pid], 'crm')
        done = self.stack.run('status')
        self.report.check(done.returncode == 1 and re.search(r'^crm +stopped', done.stdout, re.M), f'status: {done}')
        self.stack.fanfare('stop', 'crm')  # it is
        time.sleep(0.5)
        self.report.equal(self.states()['crm'], 'stopped', 'it stays so')
        self.report.check('crm is ready' in self.stack.fanfare('start', 'crm'), 'start says so')
        self.stack.fanfare('start', 'crm')  # it is
        self.report.equal(self.states()['crm'], 'ready', 'crm')
        self.report.equal(self.one('crm')['restarts'], 0, 'restarts: this is none')
        hung = self.stack.pid('content')
        os.kill(hung, signal.SIGSTOP)
        self.report.check(self.states()['content'] not in ('ready', 'stopped'), f'content hangs: {self.states()}')
        self.stack.fanfare('stop', 'content')
        self.gone([hung], 'one that hangs')
        self.stack.fanfare('start', 'content')
        self.refuses(('stop', 'kitchen'), 'lists the services')
        self.refuses(('start',), 'lists the services')

    def down(self):
        services = self.stack.status()
        supervisor = self.stack.noted()['pid']
        self.report.check('stopped' in self.stack.fanfare('down'), 'down says so')
        self.gone([supervisor, *[one['pid'] for one in services]], 'after down')
        self.report.check(all(is_free(one['port']) and is_free(one['admin_port']) for one in services), 'the ports are free')
        self.report.check('"event":"drain_cut"' not in self.log(), 'all had the time that they needed')
        for command in (('down',), ('status',), ('stop', 'crm')):
            self.refuses(command, f'no stack runs on {self.stack.data}')

    def supervisor_killed(self):
        """Nothing is left behind, and the folder can be used again; in the foreground, SIGTERM and SIGINT are down."""
        stack = self.another('foreground')
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            process = subprocess.Popen([stack.program, 'up', '--data', stack.data, '--port-base', str(stack.port_base),
                                        '--only', 'broker,content,crm'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       stdin=subprocess.DEVNULL, text=True)
            try:
                ready = wait_for(lambda: stack.run('status').returncode == 0, PATIENCE_S)
                self.report.check(ready, f'it is up, before signal {number}')
                pids = [one['pid'] for one in stack.status()]
            finally:
                process.send_signal(number)
            told = process.communicate(timeout=40)[0]
            self.report.equal(process.returncode, -9 if number == signal.SIGKILL else 0, f'its status after signal {number}')
            self.gone(pids, f'after signal {number}')
            self.report.check(re.search(r'^broker +\| \{', told, re.M) and re.search(r'^crm +\| .*"ready"', told, re.M),
                              f'the log comes here: {told[:300]}')
            self.refuses(('status',), 'no stack runs', stack)

    def chosen(self):
        stack = self.another('chosen')
        stack.up('--only', 'commerce,broker')
        self.report.equal(self.states(stack), {'broker': 'ready', 'commerce': 'ready'}, '--only')
        self.refuses(('stop', 'crm'), 'lists the services', stack)
        self.refuses(('import', 'customers', __file__.replace('.py', '.jsonl')), 'crm does not run in this stack', stack)
        stack.down()
        stack.up('--without=gateway,analytics,registry')
        self.report.equal(sorted(self.states(stack)), sorted(set(ALL) - {'gateway', 'analytics', 'registry'}), '--without')
        stack.down()

    def cannot_start(self):
        """One that cannot start is given up, with its last words; the others go on, and it can be tried again."""
        stack = self.another('cannot')
        with socket.create_server(('127.0.0.1', stack.port_base + ALL.index('loyalty'))):
            port = stack.port_base + ALL.index('loyalty')
            said = f'loyalty: port {port} is in use on 127.0.0.1'
            begun = time.monotonic()
            self.refuses(('up', '--detach', '--port-base', str(stack.port_base), '--only', 'broker,crm,loyalty'),
                         f'loyalty is given up; its last words: {said}', stack)
            took = time.monotonic() - begun
            self.report.check(10 < took < 20 * self.slowness, f'after seven tries with growing pauses: {took:.0f} s')
            self.report.equal(self.states(stack), {'broker': 'ready', 'crm': 'ready', 'loyalty': 'failed'}, 'states')
            self.report.equal(self.one('loyalty', stack)['words'], said, 'its last words')
            done = stack.run('status')
            self.report.check(done.returncode == 1 and f'its last words: {said}' in done.stdout, f'status: {done}')
            self.report.check(f'is given up; its last words: {said}' in self.log(stack), 'in the log')
            before = cpu_s(stack.noted()['pid'])
            time.sleep(2)
            used = cpu_s(stack.noted()['pid']) - before
            self.report.check(used < 0.1, f'the supervisor rests: {used:.2f} s in 2 s')
        stack.fanfare('start', 'loyalty')
        self.report.equal(self.states(stack)['loyalty'], 'ready', 'once its port is free')
        stack.down()
        self.refuses(('up', '--detach', '--only', 'broker,crm'), "crm is given up; its last words: crm: FANFARE_CRM_PROT: there",
                     stack, env={**os.environ, 'FANFARE_CRM_PROT': '1'})
        stack.down()


def main(build):
    report = Report()
    folder = tempfile.mkdtemp(prefix='fanfare-cli-')
    test = Command(report, folder, build)
    try:
        report.run(test.words, test.mistakes, test.up, test.second_on_it, test.killed, test.stop_and_start, test.down,
                   test.supervisor_killed, test.chosen, test.cannot_start)
    finally:
        for name in os.listdir(folder):
            Fanfare(os.path.join(folder, name), 0, build).run('down')
        shutil.rmtree(folder, ignore_errors=True)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
