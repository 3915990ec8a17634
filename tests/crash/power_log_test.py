#!/usr/bin/env python3
"""The broker loses its power under load, again and again: what was not synced is lost, torn or reordered (disk.py). After
each loss it starts, and everything acknowledged is there, unchanged, where it was said to be, in order and once; so are
topics and committed offsets.

power_log_test.py BUILD_FOLDER [--rounds N] [--seed N] [--keep]
"""
import argparse
import os
import random
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from disk import Luck  # noqa: E402
from machine import LogClient, Machine, Refused  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack  # noqa: E402

ROUNDS = 200
ROUNDS_A_LIFE = 25  # then an empty disk, so that one check reads little
PARTITIONS = 3
LOAD_S = 0.12


class Life:
    """A broker from its first start on an empty disk."""

    def __init__(self, stack, build, number):
        self.broker = Machine(stack, 'broker', os.path.join(build, 'tests', 'crash', 'powerloss.so'), segment='128KB',
                              log_level='warn', auto_create_topics='false')
        self.client = LogClient(os.path.join(build, 'tests', 'crash', 'log_client'), stack.port('broker'))
        self.number, self.sends = number, False

    def run(self, rounds):
        self.start_and_lose()
        self.broker.start()
        self.client.ask(f'topic power-{self.number} {PARTITIONS}')
        self.client.check()
        self.broker.lose_power(Luck(random, nothing=True))  # what was ever acknowledged on a new disk stays
        self.broker.start()
        self.client.check()
        done = 1
        while done < rounds:
            self.load()
            self.broker.lose_power()
            done += 1
            while done < rounds and random.random() < 0.2 and self.start_and_lose():
                done += 1
            self.broker.start(random.randrange(20, 1200) if random.random() < 0.5 else 0) or self.again()
            self.check_or_again()
        self.broker.revive()
        self.client.ask('flush')
        self.client.check()
        self.broker.stop()
        self.broker.start()
        self.client.check()
        return done

    def start_and_lose(self):
        """It loses power in the middle of its start."""
        self.broker.start(random.randrange(1, 15)) and time.sleep(random.random() * 0.02)
        self.broker.lose_power()
        return True

    def again(self):
        self.broker.lose_power()
        self.broker.start()

    def load(self):
        if not self.sends:
            self.client.ask('begin')
            self.sends = True
        until = time.monotonic() + random.random() * LOAD_S
        while time.monotonic() < until and not self.broker.is_dead():
            time.sleep(0.002)
        if random.random() < 0.1:
            self.client.ask('pause')
            self.sends = False

    def check_or_again(self):
        """A check needs a broker that lives: the one that ends after so many notes may not."""
        if self.broker.service.environment['POWERLOSS_AFTER'] == '0':
            self.client.check()


def what_a_lie_costs(stack, build):
    """A disk that answers syncs and does nothing must not pass: the test of the test."""
    life = Life(stack, build, 0)
    try:
        life.broker.start()
        life.client.ask(f'topic power-lie {PARTITIONS}')
        life.broker.lose_power()
        life.broker.start()
        life.client.ask('begin')
        time.sleep(0.2)
        life.client.ask('flush')
        life.broker.disk.lies = True
        life.broker.lose_power(Luck(random, nothing=True))
        life.broker.start()
        life.client.check()
        return 'nothing'
    except Refused as found:
        return str(found)
    finally:
        life.client.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', ROUNDS)))
    parser.add_argument('--seed', type=int, default=None, help='of the choices made here; the programs keep their own time')
    parser.add_argument('--keep', action='store_true', help='leave the data of a life that failed')
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    random.seed(seed)
    report, done, acknowledged, notes, in_start, begun = Report(), 0, 0, 0, 0, time.monotonic()
    for number in range((options.rounds + ROUNDS_A_LIFE - 1) // ROUNDS_A_LIFE):
        with Stack(options.build) as stack:
            life = Life(stack, os.path.abspath(options.build), number)
            try:
                done += life.run(min(ROUNDS_A_LIFE, options.rounds - done))
                report.check(True, 'a life')
            except Refused as why:
                report.check(False, f'seed {seed}, life {number}, loss {life.broker.losses}: {why}')
                if options.keep:
                    shutil.copytree(stack.folder, f'{stack.folder}-kept')
                    print(f'kept: {stack.folder}-kept')
                done += ROUNDS_A_LIFE
            life.client.end()
            acknowledged += life.client.acknowledged
            notes += life.broker.notes
            in_start += life.broker.dead_at_start
    with Stack(options.build) as stack:
        found = what_a_lie_costs(stack, os.path.abspath(options.build))
        report.check('records, acknowledged were' in found, f'what a disk that lies has lost is found: {found}')
    print(f'{done} losses of power ({in_start} in the middle of a start), {acknowledged} records acknowledged, {notes} calls'
          f' noted, seed {seed}, {time.monotonic() - begun:.0f} s')
    report.check(acknowledged > done, 'records were acknowledged')
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
