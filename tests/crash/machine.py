"""Services whose power can go: started with powerloss.c preloaded, each on a disk of its own; and the client of the log
that keeps a ledger."""
import os
import random
import signal
import subprocess
import time

from disk import Disk, Luck, Strange
from stack import START_S

SYNC_US = 1500  # the longest that a sync takes: about what a fast disk needs, so that the power goes during some


class Refused(Exception):
    """A service did not start on what the disk held, or did what cannot be played."""


class Machine:
    """A service and its disk."""

    def __init__(self, stack, name, shim, **settings):
        self.stack, self.name = stack, name
        self.folder = os.path.join(stack.folder, f'disk-{name}')
        self.journal = os.path.join(stack.folder, f'{name}.journal')
        os.mkdir(self.folder, 0o700)
        self.service = stack.add(name, data=self.folder, environment={
            'LD_PRELOAD': shim, 'POWERLOSS_FOLDER': self.folder, 'POWERLOSS_JOURNAL': self.journal,
            'POWERLOSS_SYNC_US': str(SYNC_US)}, **settings)
        self.disk = Disk(self.folder)
        self.losses = self.notes = self.dead_at_start = 0

    def start(self, end_after=0):
        """False when it ended by itself at `end_after` notes, before it was ready."""
        self.service.environment['POWERLOSS_AFTER'] = str(end_after)
        if os.path.exists(self.journal):
            os.unlink(self.journal)
        self.service.start(wait=False)
        until = time.monotonic() + START_S
        while not self.stack.is_ready(self.name):
            status = self.service.process.poll()
            if status == -signal.SIGKILL and end_after:
                self.dead_at_start += 1
                return False
            if status is not None or time.monotonic() > until:
                self.service.kill()
                raise Refused(f'{self.name} does not start (status {status}):\n{self.service.last_words()}')
            time.sleep(0.005)
        return True

    def is_dead(self):
        """True when it was ended by its own hand, as asked for. Another end is a failure."""
        status = self.service.process.poll()
        if status not in (None, -signal.SIGKILL):
            raise Refused(f'{self.name} ended by itself with {status}:\n{self.service.last_words()}')
        return status is not None

    def lose_power(self, luck=None):
        """Kills it and leaves what a disk would hold."""
        if not self.is_dead():
            self.service.kill()
        self.replay(2)  # the last call may not have been noted; a rename changes two names
        self.losses += 1
        self.disk.lose_power(luck or Luck(random))

    def revive(self):
        """From here on it lives: one that is dead, or was to end later, loses power once more."""
        if self.is_dead() or self.service.environment['POWERLOSS_AFTER'] != '0':
            self.lose_power()
            self.start()

    def stop(self):
        """A clean end, after which the disk must be as it was told; and the power goes with nothing left to write."""
        status = self.service.stop()
        if status != 0:
            raise Refused(f'{self.name} ended with {status}:\n{self.service.last_words()}')
        self.replay(0)
        self.disk.lose_power(Luck(random))

    def replay(self, most_differences):
        try:
            self.notes += self.disk.play(self.journal) if os.path.exists(self.journal) else 0
        except Strange as call:
            raise Refused(f'{self.name} uses what cannot be played: {call}') from call
        differences = self.disk.differences()
        if len(differences) > most_differences:
            raise Refused(f'{self.name} wrote by calls that are not noted: {differences}')


class LogClient:
    """log_client.c: one line in, one line out."""

    def __init__(self, program, port):
        self.process = subprocess.Popen([program, f'127.0.0.1:{port}'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.acknowledged = 0

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith('ok'):
            raise Refused(f'{line}: {answer or "the client of the log has ended"}')
        return answer

    def check(self):
        self.acknowledged = int(self.ask('check').split()[1])

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
