#!/usr/bin/env python3
"""The broker, commerce and loyalty lose their power under load, singly and together: what SQLite and the log had not
synced is lost, torn or reordered (disk.py). Every order that was acknowledged is there, is told in order, and has its
points once. Writers through mmap (LMDB, in the gateway, personalization and search) cannot be played this way.

power_stores_test.py BUILD_FOLDER [--rounds N] [--seed N]
"""
import argparse
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from disk import Luck  # noqa: E402
from machine import Machine, Refused  # noqa: E402
from orders import Orders  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack  # noqa: E402

ROUNDS = 40
ROUNDS_A_LIFE = 20
NAMES = ('broker', 'commerce', 'loyalty')


class Life:
    def __init__(self, stack, build):
        shim = os.path.join(os.path.abspath(build), 'tests', 'crash', 'powerloss.so')
        self.machines = {'broker': Machine(stack, 'broker', shim, segment='256KB', log_level='warn')}
        for name in NAMES[1:]:
            self.machines[name] = Machine(stack, name, shim)
        self.orders = Orders(stack)

    def up(self, names, may_end=False):
        """Starts these; some will end in the middle of what they do."""
        for name in names:
            machine = self.machines[name]
            end_after = random.randrange(5, 400) if may_end and random.random() < 0.5 else 0
            while not machine.start(end_after):
                machine.lose_power()
                end_after = 0

    def round(self):
        time.sleep(random.random() * 0.25)
        victims = random.sample(NAMES, random.choice((1, 1, 2, 3)))
        dead = [name for name in NAMES if name not in victims and self.machines[name].is_dead()]
        for name in victims + dead:
            self.machines[name].lose_power()
        self.up(sorted(victims + dead), may_end=True)

    def run(self, report, rounds):
        self.up(NAMES)
        self.orders.prepare()
        for name in NAMES:  # what was ever acknowledged on a new disk stays: an order finds its product
            self.machines[name].lose_power(Luck(random, nothing=True))
        self.up(NAMES)
        with self.orders:
            try:
                for _ in range(rounds):
                    self.round()
                self.revive()
            except Refused:
                self.orders.over.set()
                raise
        self.revive()
        for check in (self.orders.check_commerce, self.orders.check_loyalty, self.orders.check_log):
            check(report)
        for name in reversed(NAMES):
            self.machines[name].stop()

    def revive(self):
        for name in NAMES:
            self.machines[name].revive()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', ROUNDS)))
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    random.seed(options.seed)
    report, left, losses, orders, begun = Report(), options.rounds, dict.fromkeys(NAMES, 0), 0, time.monotonic()
    while left > 0:
        with Stack(options.build) as stack:
            life = Life(stack, options.build)
            try:
                life.run(report, min(left, ROUNDS_A_LIFE))
            except (Refused, SystemExit) as why:
                report.check(False, f'seed {options.seed}: {why}')
            orders += len(life.orders.placed)
            for name, machine in life.machines.items():
                losses[name] += machine.losses
        left -= ROUNDS_A_LIFE
    print(f'{options.rounds} rounds, losses of power: {losses}, {orders} orders, seed {options.seed},'
          f' {time.monotonic() - begun:.0f} s')
    report.check(orders > options.rounds, f'enough orders: {orders}')
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
