#!/usr/bin/env python3
"""Two instances of loyalty on one PostgreSQL, while orders come: partitions move between them as they come and go, one is
stopped (SIGSTOP) for longer than the group waits for it and continued, one is killed. Every order is counted once.

loyalty_two_test.py BUILD_FOLDER
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import postgresql
from report import Report, skip
from stack import Stack, wait_for

PRICE, RATE, CUSTOMERS = 1234, 70, 40  # cents, orders per second
STOPPED_S = 9  # the group gives a member up after 6 s
PATIENCE_S = 40


class Orders:
    """Places orders at a steady rate until it is told to end. Knows what was accepted."""

    def __init__(self, stack):
        self.stack, self.placed, self.trouble = stack, {}, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.place)

    def place(self):
        due = time.monotonic()
        while not self.over.is_set():
            n = len(self.placed)
            order = {'order_id': f'ord_two-{n}', 'customer_id': f'prf_two-{n * 7 % CUSTOMERS}',
                     'lines': [{'product_id': 'prd_two', 'quantity': 1 + n % 5}]}
            try:
                status, _, answer = self.stack.call('commerce', 'POST', '/v1/orders', order)
            except OSError as error:
                status, answer = 0, error
            if status != 201:
                self.trouble.append(f'{status}: {answer}')
                return
            self.placed[order['order_id']] = (order['customer_id'], answer['total']['amount'] // 100)
            due = max(due + 1 / RATE, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Two:
    def __init__(self, report, stack, database):
        self.report, self.stack, self.database = report, stack, database
        self.handled, self.placed = {}, {}

    def begin(self):
        self.stack.start('broker', 'commerce')
        self.stack.must('commerce', 'PUT', '/v1/products/prd_two',
                        {'name': 'Two', 'price': {'amount': PRICE, 'currency': 'USD'}})
        for label in ('first', 'second'):
            self.stack.add('loyalty', label, database=self.database.url, faults='true')

    def slow(self, label):
        """It is before a commit most of the time: there it will be stopped."""
        self.stack[label].wait_ready()
        status, _, told = self.stack.admin(label, 'POST', '/faults', {'point': 'events.consumer.commit', 'kind': 'delay',
                                                                     'delay_ms': 15})
        self.report.equal(status, 200, f'a fault for {label}: {told}')

    def count(self, label):
        """What this process has counted so far, before it is gone."""
        self.handled[label] = self.handled.get(label, 0) + self.count_now(label)

    def count_now(self, label):
        return self.stack.metric(label, 'messaging_process_duration_seconds_count', 'order.placed', 'outcome="done"') or 0

    def has_some(self, label):
        """Waits until this one counts: partitions have moved to it."""
        before = self.count_now(label)
        moved = wait_for(lambda: self.count_now(label) > before, PATIENCE_S)
        self.report.check(moved, f'{label} gets partitions')

    def story(self):
        first, second = self.stack['first'], self.stack['second']
        with Orders(self.stack) as orders:
            first.start()
            self.slow('first')
            self.has_some('first')
            second.start()
            self.has_some('second')
            first.signal(signal.SIGSTOP)
            time.sleep(STOPPED_S)
            before = self.count_now('second')
            self.report.check(wait_for(lambda: self.count_now('second') > before + RATE, 10),
                              'the second goes on alone while the first is stopped')
            first.signal(signal.SIGCONT)
            self.has_some('first')
            self.count('second')
            self.report.equal(second.stop(), 0, 'the second leaves')
            self.has_some('first')
            second.start()
            self.has_some('second')
            self.count('first')
            first.kill()
            first.start()
            self.has_some('first')
        self.report.equal(orders.trouble, [], 'orders that were refused')
        self.placed = orders.placed
        self.ends_equal()

    def ends_equal(self):
        placed = self.placed
        wait_for(lambda: self.totals('second')['orders'] >= len(placed), PATIENCE_S)
        points = sum(points for _, points in placed.values())
        print(f'{len(placed)} orders, {points} points', flush=True)
        self.report.check(len(placed) > 1000, f'enough orders: {len(placed)}')
        for label in ('first', 'second'):
            totals = self.totals(label)
            self.report.equal(totals['orders'], len(placed), f'orders, as {label} tells')
            self.report.equal(totals['points'], points, f'points by the rule, as {label} tells')
            self.report.equal(totals['customers'], CUSTOMERS, f'customers, as {label} tells')
            self.count(label)
            self.report.check(self.handled[label] > 100, f'{label} had a part in it: {self.handled}')
        ledger = self.database.rows("SELECT order_id, customer_id, points FROM loyalty.entries WHERE reason = 'order'")
        self.report.equal(len(ledger), len(placed), 'entries of the ledger')
        self.report.equal({order: (customer, int(points)) for order, customer, points in ledger}, placed,
                          'one entry for each order, with its points')
        self.report.equal(self.database.rows('SELECT count(*) FROM loyalty.platform_parked'), [['0']], 'dead letters')

    def totals(self, label):
        return self.stack.must(label, 'GET', '/v1/totals')

    def events(self):
        """What follows from an order is told once in effect: points earned that are told again have the same id."""
        self.report.check(wait_for(lambda: self.database.rows('SELECT count(*) FROM loyalty.platform_outbox') == [['0']],
                                   PATIENCE_S), 'the outbox runs empty')
        kcat = shutil.which('kcat')
        if not kcat:
            print('  no kcat here: what loyalty told is not read')
            return
        told = subprocess.run([kcat, '-C', '-q', '-e', '-b', f'127.0.0.1:{self.stack.port("broker")}', '-o', 'beginning',
                               '-t', 'fanfare.loyalty.points', '-f', '%h\t%s\n'], capture_output=True, text=True, check=True)
        earned = {}
        for line in told.stdout.splitlines():
            headers, data = line.split('\t')
            headers = dict(one.split('=', 1) for one in headers.split(','))
            earned[headers['ce_id']] = json.loads(data)
        self.report.equal(sorted(one['order_id'] for one in earned.values()), sorted(self.placed),
                          'events by their ids: one for each order')
        self.report.check(all(one['points'] == self.placed[one['order_id']][1] for one in earned.values()),
                          'with its points')


def main(build):
    report = Report()
    try:
        with postgresql.PostgreSQL() as database, Stack(build) as stack:
            two = Two(report, stack, database)
            report.run(two.begin, two.story, two.events)
            report.equal(stack.stop(), [], 'those that did not end well')
    except postgresql.Absent as why:
        skip(why)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
