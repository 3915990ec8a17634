#!/usr/bin/env python3
"""The broker, commerce, loyalty, crm and analytics are killed (SIGKILL) at random under load, singly and together, in the
middle of starts, and at the places where it hurts most: between what the log took and what the relay forgot, before and
after a consumer's commit. What was acknowledged is there, in order, with one effect everywhere.

kill_test.py BUILD_FOLDER [--rounds N] [--seed N]
"""
import argparse
import http.client
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from machine import LogClient, Refused  # noqa: E402
from orders import Orders  # noqa: E402
from report import Report  # noqa: E402
from stack import START_S, Stack, wait_for  # noqa: E402

ROUNDS = 50
SERVICES = ('broker', 'commerce', 'loyalty', 'crm', 'analytics')
POINTS = {'commerce': ('events.relay.published',),
          'loyalty': ('events.relay.published', 'events.consumer.commit', 'events.consumer.committed'),
          'crm': ('events.consumer.commit', 'events.consumer.committed'),
          'analytics': ('events.consumer.commit', 'events.consumer.committed')}
CHECK_EVERY = 10
POINT_S, AT_POINT = 1.5, 137  # how long to wait for it to come by; the status of one that ended there


class Kills:
    def __init__(self, stack):
        self.stack, self.kills, self.at_points, self.trouble = stack, dict.fromkeys(SERVICES, 0), 0, []

    def start(self):
        self.stack.start('broker')
        for name in SERVICES[1:]:
            self.stack.add(name, faults='true').start(wait=False)
        for name in SERVICES[1:]:
            self.stack[name].wait_ready()

    def kill(self, name):
        service = self.stack[name]
        if not (name in POINTS and random.random() < 0.4 and self.kill_at_point(service, random.choice(POINTS[name]))):
            if not service.is_running() and service.process.returncode != AT_POINT:
                self.trouble.append(f'{name} ended by itself with {service.process.returncode}: {service.last_words()}')
            service.kill()
        self.kills[name] += 1

    def kill_at_point(self, service, point):
        """True when it was ended there; it may not come by."""
        try:
            status, _, _ = self.stack.admin(service.label, 'POST', '/faults', {'point': point, 'kind': 'exit'})
        except (OSError, ValueError, http.client.HTTPException):
            return False
        ended = status == 200 and wait_for(lambda: not service.is_running(), POINT_S, 0.01)
        self.at_points += bool(ended)
        return ended

    def round(self):
        time.sleep(random.random() * 0.7)
        victims = random.sample(SERVICES, random.choice((1, 1, 2, 3)))
        for name in victims:
            self.kill(name)
        time.sleep(random.random() * 0.2)
        for name in victims:
            self.stack[name].start(wait=False)
        if random.random() < 0.2:
            time.sleep(random.random() * 0.1)
            self.stack[victims[0]].kill()
            self.kills[victims[0]] += 1
            self.stack[victims[0]].start(wait=False)

    def wait_all(self):
        for name in SERVICES:
            if not wait_for(lambda name=name: self.stack.is_ready(name), START_S):
                self.trouble.append(f'{name} is not ready again: {self.stack[name].last_words()}')


def tell(report, stack, rounds, client):
    kills, orders = Kills(stack), Orders(stack)
    kills.start()
    orders.prepare()
    client.ask('topic kills 3')
    client.ask('begin')
    with orders:
        for i in range(rounds):
            kills.round()
            if i % CHECK_EVERY == CHECK_EVERY - 1:
                kills.wait_all()
                client.check()
    kills.wait_all()
    client.ask('flush')
    client.check()
    report.equal(kills.trouble, [], 'services that ended by themselves, or did not come again')
    print(f'  {rounds} rounds, kills: {kills.kills}, of them {kills.at_points} at fail points;'
          f' {len(orders.placed)} orders in {orders.tries} tries, {client.acknowledged} records', flush=True)
    for check in (orders.check_commerce, orders.check_loyalty, orders.check_crm, orders.check_analytics, orders.check_log):
        check(report)
    report.check(len(orders.placed) > rounds * 5, f'enough orders: {len(orders.placed)}')
    report.equal(stack.stop(), [], 'those that did not end well')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', ROUNDS)))
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    random.seed(options.seed)
    print(f'seed {options.seed}', flush=True)
    report = Report()
    with Stack(options.build) as stack:
        client = LogClient(os.path.join(os.path.abspath(options.build), 'tests', 'crash', 'log_client'),
                           stack.port('broker'))
        try:
            tell(report, stack, options.rounds, client)
        except (Refused, SystemExit) as why:
            report.check(False, why)
        client.end()
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
