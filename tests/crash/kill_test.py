#!/usr/bin/env python3
"""The broker, who tells (commerce, content) and every consumer (loyalty, crm, analytics, personalization, search, the gateway)
are killed (SIGKILL) at random under load, singly and together, in the middle of starts, and at the places where it hurts most:
between what the log took and what the relay forgot, before and after a consumer's commit. What was acknowledged is there, in
order, with one effect everywhere.

kill_test.py BUILD_FOLDER [--rounds N] [--seed N]
"""
import argparse
import http.client
import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from machine import LogClient, Refused  # noqa: E402
from orders import Orders  # noqa: E402
from report import Report  # noqa: E402
from stack import START_S, Stack, wait_for  # noqa: E402

ROUNDS = 50
ROUNDS_A_LIFE = 100  # then an empty folder, so that one check reads little
RELAYS = ('commerce', 'content', 'loyalty', 'gateway')
CONSUMERS = ('loyalty', 'crm', 'analytics', 'personalization', 'search', 'gateway')
SERVICES = ('broker', 'commerce', 'content', *CONSUMERS)
POINTS = {name: ('events.relay.published',) * (name in RELAYS) +
          ('events.consumer.commit', 'events.consumer.committed') * (name in CONSUMERS) for name in SERVICES[1:]}
PAGE = {'blocks': [{'id': 'offers', 'kind': 'products', 'content': {}, 'products': ['prd_crash']}]}
CHECK_EVERY = 10
POINT_S, AT_POINT = 1.5, 137  # how long to wait for it to come by; the status of one that ended there


class Page:
    """A page that is published again and again while it is read. Knows which version was acknowledged last."""

    def __init__(self, stack):
        self.stack, self.version, self.answered, self.trouble = stack, 0, 0, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.edit)

    def edit(self):
        while not self.over.is_set():
            self.publish()
            self.answered += self.ask('gateway', 'GET', '/v1/pages/crash') == 200
            time.sleep(0.02)

    def publish(self):
        """The next version; it stays the next one until that is acknowledged."""
        entry = {'kind': 'page', 'slug': 'crash', 'title': f'Version {self.version + 1}', 'document': PAGE}
        published = self.ask('content', 'PUT', '/v1/entries/ent_crash', entry) == 200 and \
            self.ask('content', 'POST', '/v1/entries/ent_crash/publish', {}) == 200
        self.version += published
        return published

    def ask(self, *what):
        """The status, 0 when nobody answers."""
        try:
            status = self.stack.call(*what, timeout=5)[0]
        except (OSError, http.client.HTTPException):
            return 0
        if status != 404 and 400 <= status < 500:
            self.trouble.append(f'{what}: {status}')
        return status

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def check(self, report):
        def shown():
            return self.stack.call('gateway', 'GET', '/v1/pages/crash')[2].get('title')
        report.check(wait_for(self.publish, START_S), 'the page can be published in the end')
        wanted = f'Version {self.version}'
        wait_for(lambda: shown() == wanted, START_S)
        report.equal(self.trouble, [], 'pages and edits that were refused')
        report.equal(shown(), wanted, 'the page, as the gateway has it')
        found = lambda: [one['title'] for one in self.stack.must('search', 'GET', '/v1/search?q=version')['items']]
        wait_for(lambda: found() == [wanted], START_S)
        report.equal(found(), [wanted], 'the page, as search finds it')
        report.check(self.answered > self.version / 2, f'pages were read: {self.answered}, {self.version} versions')


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
    kills, orders, page = Kills(stack), Orders(stack), Page(stack)
    kills.start()
    orders.prepare(crm='crm')
    client.ask('topic kills 3')
    client.ask('begin')
    with orders, page:
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
          f' {len(orders.placed)} orders in {orders.tries} tries, {client.acknowledged} records, {page.version} versions of'
          f' a page', flush=True)
    for check in (orders.check_commerce, orders.check_loyalty, orders.check_crm, orders.check_analytics,
                  orders.check_people, page.check, orders.check_log, orders.check_points_told):
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
    report, left = Report(), options.rounds
    while left > 0:
        with Stack(options.build) as stack:
            client = LogClient(os.path.join(os.path.abspath(options.build), 'tests', 'crash', 'log_client'),
                               stack.port('broker'))
            try:
                tell(report, stack, min(left, ROUNDS_A_LIFE), client)
            except (Refused, SystemExit) as why:
                report.check(False, why)
            client.end()
        left -= ROUNDS_A_LIFE
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
