"""A PostgreSQL of Debian for a test: a new cluster in a temporary folder, on the loopback, as a user that is not root."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

import stack

START_S, STOP_S = 60, 30


class Absent(Exception):
    """Why there is none."""


def newest():
    """The folder of the newest version's programs."""
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin'), key=lambda path: float(path.split('/')[-2]))
    if not found:
        raise Absent('no PostgreSQL here (Debian: postgresql)')
    return found[-1]


def other_user():
    """What subprocess needs to become somebody else than root."""
    if os.getuid() != 0:
        return {}
    for name in ('postgres', 'nobody'):
        try:
            user = pwd.getpwnam(name)
            return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}
        except KeyError:
            continue
    raise Absent('no user but root to run PostgreSQL as')


class PostgreSQL:
    """with PostgreSQL() as database: ... database.url"""

    def __init__(self):
        self.programs, self.user, self.port = newest(), other_user(), stack.free_ports(1)[0]
        self.url = f'postgresql://fanfare@127.0.0.1:{self.port}/postgres'
        self.process = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='fanfare-postgresql-')
        try:
            if self.user:
                os.chown(self.folder, self.user['user'], self.user['group'])
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        data, log = os.path.join(self.folder, 'data'), os.path.join(self.folder, 'log')
        with open(log, 'ab') as out:
            options = {'stdout': out, 'stderr': out, 'stdin': subprocess.DEVNULL, 'cwd': self.folder, **self.user}
            subprocess.run([os.path.join(self.programs, 'initdb'), '-D', data, '-U', 'fanfare', '-A', 'trust', '-E', 'UTF8',
                            '--locale=C', '--no-sync'], check=True, **options)
            self.process = subprocess.Popen(
                [os.path.join(self.programs, 'postgres'), '-D', data, '-h', '127.0.0.1', '-p', str(self.port),
                 '-k', self.folder, '-c', 'fsync=off', '-c', 'shared_buffers=16MB'], **options)
        if not stack.wait_for(self.answers, START_S):
            with open(log, encoding='utf-8', errors='replace') as told:
                raise SystemExit(f'PostgreSQL does not start:\n{told.read()[-2000:]}')

    def answers(self):
        return subprocess.run([os.path.join(self.programs, 'pg_isready'), '-q', '-h', '127.0.0.1', '-p', str(self.port)],
                              check=False).returncode == 0

    def rows(self, question):
        """Rows of text."""
        done = subprocess.run([os.path.join(self.programs, 'psql'), self.url, '-X', '-A', '-t', '-F', '\t', '-c', question],
                              capture_output=True, text=True, check=True)
        return [line.split('\t') for line in done.stdout.splitlines()]

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # at once, whoever is connected
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
