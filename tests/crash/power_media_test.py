#!/usr/bin/env python3
"""Content loses its power while media are uploaded and deleted: what is on the disk and was not synced is lost, torn or
reordered (disk.py). Every medium that was acknowledged is there, byte by byte; every one whose deletion was is not; and
whatever the database knows has its file.

power_media_test.py BUILD_FOLDER [--rounds N] [--seed N]
"""
import argparse
import hashlib
import http.client
import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from machine import Machine, Refused  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, request  # noqa: E402

ROUNDS, ROUNDS_A_LIFE, THREADS = 30, 15, 3
SIZES = (100, 5000, 70000)


class Uploads:
    """Media from some threads, some of which go again. What was asked for and not answered may be there or not."""

    def __init__(self, stack):
        self.stack, self.there, self.gone, self.trouble = stack, set(), set(), []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(random.randrange(1 << 30),)) for _ in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def ask(self, *what, **more):
        """The status and the answer; 0 when nobody answers."""
        try:
            status, _, answer = self.stack.call('content', *what, **more)
        except (OSError, http.client.HTTPException):
            return 0, None
        if status not in (200, 204, 503, 504):
            self.trouble.append((what[:2], status, answer))
        return status, answer

    def work(self, seed):
        luck, mine = random.Random(seed), []
        while not self.over.is_set():
            body = b'%PDF-1.4\n' + luck.randbytes(luck.choice(SIZES)).hex().encode() + b'\n%%EOF\n'
            status, answer = self.ask('POST', '/v1/media', body=body, headers={'Content-Type': 'application/pdf'})
            if status == 200:
                self.there.add(answer['media_id'])
                mine.append(answer['media_id'])
                if luck.random() < 0.3:
                    self.delete(mine.pop(luck.randrange(len(mine))))
            time.sleep(0.005 if status else 0.05)

    def delete(self, media_id):
        self.there.discard(media_id)
        if self.ask('DELETE', f'/v1/media/{media_id}')[0] == 204:
            self.gone.add(media_id)

    # ---- afterwards ----

    def read(self, media_id):
        """'whole', or what else a GET gives."""
        try:
            status, _, content = request(self.stack.port('content'), 'GET', f'/v1/media/{media_id}', timeout=5)
        except (OSError, http.client.HTTPException) as why:  # a file that is shorter than it was
            return str(why)
        if status != 200:
            return status
        return 'whole' if hashlib.sha256(content).hexdigest() == media_id[len('med_'):] else 'torn'

    def known(self):
        cursor = ''
        while cursor is not None:
            page = self.stack.must('content', 'GET', f'/v1/media?limit=200{cursor}')
            yield from (one['media_id'] for one in page['items'])
            cursor = f'&cursor={page["next_cursor"]}' if 'next_cursor' in page else None

    def check(self, report):
        known = set(self.known())
        report.equal(self.trouble, [], 'what was refused')
        report.equal(sorted(self.there - known), [], 'media that were acknowledged and are not known')
        report.equal(sorted(self.gone & known), [], 'media that were deleted and are known')
        read = {media_id: self.read(media_id) for media_id in known}
        report.equal({one: how for one, how in read.items() if how != 'whole'}, {}, 'media without their bytes')
        report.equal({one for one in self.gone if self.read(one) != 404}, set(), 'deleted media that are read')


class Life:
    def __init__(self, stack, build):
        self.machine = Machine(stack, 'content', os.path.join(os.path.abspath(build), 'tests', 'crash', 'powerloss.so'))
        self.uploads = Uploads(stack)

    def up(self, may_end=False):
        """Starts it; some will end in the middle of what they do."""
        end_after = random.randrange(5, 400) if may_end and random.random() < 0.5 else 0
        while not self.machine.start(end_after):
            self.machine.lose_power()
            end_after = 0

    def run(self, report, rounds):
        self.up()
        with self.uploads:
            for _ in range(rounds):
                time.sleep(random.random() * 0.4)
                self.machine.lose_power()
                self.up(may_end=True)
            self.machine.revive()
        self.machine.revive()
        self.uploads.check(report)
        self.machine.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', ROUNDS)))
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    random.seed(options.seed)
    report, left, losses, there, gone, begun = Report(), options.rounds, 0, 0, 0, time.monotonic()
    while left > 0:
        with Stack(options.build) as stack:
            life = Life(stack, options.build)
            try:
                life.run(report, min(left, ROUNDS_A_LIFE))
            except (Refused, SystemExit) as why:
                report.check(False, f'seed {options.seed}: {why}')
            losses += life.machine.losses
            there += len(life.uploads.there)
            gone += len(life.uploads.gone)
        left -= ROUNDS_A_LIFE
    print(f'{options.rounds} rounds, {losses} losses of power, {there} media there, {gone} deleted, seed {options.seed},'
          f' {time.monotonic() - begun:.0f} s')
    report.check(there > options.rounds and gone > options.rounds / 10, f'enough media: {there} there, {gone} deleted')
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
