#!/usr/bin/env python3
"""1% poison among 20,000 events, given to loyalty: all of it in dead letters with cause, position and trace, the rest on
time and in order, and after a fix redriving leaves nothing behind. The operator's commands, on a running stack.

redrive_test.py BUILD_FOLDER [EVENTS]; FANFARE_TEST_ROUNDS=N (./dev test redrive --rounds N): N times as many
"""
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from report import Report, skip
from stack import Fanfare, free_port_base, wait_for

TOPIC, TYPE = 'fanfare.commerce.order', 'fanfare.commerce.order.placed.v1'
EVENTS = 20000
EACH, POISON = 10, 100  # events of a customer; one of so many is poison
PER_SECOND = 1000       # events as they are sent
ON_TIME_S, PATIENCE_S = 5, 90
POISON_TRIGGER = ("CREATE TRIGGER poison BEFORE INSERT ON orders WHEN NEW.order_id LIKE 'ord_poison%' "
                  "BEGIN SELECT RAISE(ABORT, 'the reaction is broken'); END")


def trace_of(n):
    return f'{n + 1:032x}'


class Redrive:
    def __init__(self, report, stack, n):
        self.report, self.stack, self.n = report, stack, n
        self.poisoned = set(random.Random(7).sample(range(n), n // POISON))
        self.database = os.path.join(stack.data, 'loyalty', 'loyalty.db')
        self.patience = PATIENCE_S + n / 500

    def is_poison(self, n):
        return n in self.poisoned

    def order_id(self, n):
        return f'ord_poison-{n}' if self.is_poison(n) else f'ord_good-{n}'

    def customer(self, n):
        return f'prf_{n % (self.n // EACH)}'

    def event(self, n, customer=None, data=None):
        """The value of a record, in structured mode: kcat gives all records the same headers."""
        data = data or {'order_id': self.order_id(n), 'customer_id': customer or self.customer(n),
                        'lines': [{'product_id': 'prd_1', 'quantity': 1, 'amount': {'amount': 100, 'currency': 'EUR'}}],
                        'total': {'amount': 100 * (1 + n % 7), 'currency': 'EUR'}, 'placed_at': '2026-01-01T00:00:00Z'}
        return json.dumps({'specversion': '1.0', 'id': f'evt-{n}', 'type': TYPE, 'source': '/fanfare/commerce',
                           'subject': self.order_id(n), 'time': '2026-01-01T00:00:00Z',
                           'traceparent': f'00-{trace_of(n)}-00000000000000ab-01', 'data': data})

    def produce(self, lines):
        """In steps of a hundred, PER_SECOND of them; self.sent tells how many went out."""
        begun = time.monotonic()
        kcat = subprocess.Popen(['kcat', '-P', '-b', f'127.0.0.1:{self.stack.ports["broker"]}', '-t', TOPIC, '-K', '\t',
                                 '-H', 'content-type=application/cloudevents+json'], stdin=subprocess.PIPE, text=True)
        self.sent = 0
        for line in lines:
            kcat.stdin.write(line + '\n')
            self.sent += 1
            if self.sent % 100 == 0:
                kcat.stdin.flush()
                time.sleep(max(0, begun + self.sent / PER_SECOND - time.monotonic()))
        kcat.stdin.close()
        self.report.equal(kcat.wait(), 0, 'kcat')

    def watch(self, ended, delays):
        """How long it takes until what has nothing to do with the poison is handled, now and then while all are sent."""
        poisoned = {self.customer(n) for n in self.poisoned}
        while not ended.is_set():
            n = next(n for n in range(self.sent, self.n) if self.customer(n) not in poisoned) if self.sent < self.n else None
            while n is not None and self.sent <= n and not ended.is_set():
                time.sleep(0.01)
            if n is None or ended.is_set():
                return
            begun = time.monotonic()
            wait_for(lambda: self.ask('SELECT 1 FROM orders WHERE order_id = ?', self.order_id(n)), PATIENCE_S)
            delays.append(time.monotonic() - begun)
            time.sleep(0.3)

    def ask(self, text, *values):
        connection = sqlite3.connect(self.database, timeout=20)
        try:
            return connection.execute(text, values).fetchall()
        finally:
            connection.close()

    def change(self, text):
        connection = sqlite3.connect(self.database, timeout=20)
        connection.execute(text)
        connection.commit()
        connection.close()

    def entries(self):
        return self.ask('SELECT count(*) FROM entries')[0][0]

    def lines(self, *arguments):
        """The objects that a command prints."""
        done = self.stack.run(*arguments, '--json')
        self.report.equal(done.returncode, 0, f'fanfare {" ".join(arguments)}: {done.stderr}')
        return [json.loads(line) for line in done.stdout.splitlines()]

    # ---- the parts ----

    def poison(self):
        """One in a hundred is rejected; what is of the same customer later waits."""
        expect = self.report.equal
        self.change(POISON_TRIGGER)
        begun, ended, delays, self.sent = time.monotonic(), threading.Event(), [], 0
        watcher = threading.Thread(target=self.watch, args=(ended, delays))
        watcher.start()
        try:
            self.produce(f'{self.customer(n)}\t{self.event(n)}' for n in range(self.n))
        finally:
            ended.set()
            watcher.join()
        delays.sort()
        self.report.check(delays and delays[len(delays) * 99 // 100] < ON_TIME_S, f'99% on time beside the poison: {delays[-3:]}')
        print(f'# {len(delays)} watched: half within {delays[len(delays) // 2]:.3f} s, all within {delays[-1]:.3f} s', flush=True)
        first = {}
        for n in sorted(self.poisoned):
            first.setdefault(self.customer(n), n)
        behind = [n for n in range(self.n) if self.customer(n) in first and n > first[self.customer(n)]]
        good = self.n - len(first) - len(behind)
        wait_for(lambda: self.entries() >= good, self.patience)
        print(f'# {self.n} events, {good} handled in {time.monotonic() - begun:.1f} s', flush=True)
        expect(self.entries(), good, 'entries while the poison is in')
        wait_for(lambda: self.ask('SELECT count(*) FROM platform_outbox')[0][0] == 0, self.patience)
        rows = self.lines('dlq', 'list', 'loyalty')
        dead = [row for row in rows if row['state'] == 'dead']
        expect(len(dead), len(first), 'dead letters')
        expect(len(rows) - len(dead), len(behind), 'events that wait behind them')
        expect(sum(1 for row in rows if row['first']), len(first), 'the first of their keys')
        numbers = {row['id']: row for row in dead}
        for n in first.values():
            row = numbers.get(f'evt-{n}', {})
            expect((row.get('code'), row.get('topic'), row.get('key')), ('CONFLICT', TOPIC, self.customer(n)), f'event {n}')
            if not self.report.check(len(row.get('trace_id', '')) == 32 and row.get('event_trace_id') == trace_of(n),
                                     f'the traces of the dead letter of {n}: {row}'):
                break
        on_log = self.lines('events', 'count', '--topic', 'fanfare.loyalty.dead-letters')
        expect(sum(one['events'] for one in on_log), len(first), 'dead letters on the log')
        self.first, self.rows = first, rows

    def on_time(self):
        """What has nothing to do with the poison is handled at once."""
        begun = time.monotonic()
        self.produce([f'prf_fresh\t{self.event(self.n + 1, "prf_fresh")}'])
        done = wait_for(lambda: self.ask("SELECT 1 FROM entries WHERE customer_id = 'prf_fresh'"), PATIENCE_S)
        self.report.check(done and time.monotonic() - begun < ON_TIME_S, 'another customer is on time')

    def look(self):
        """By id, by place, by trace; with the record."""
        n = next(iter(self.first.values()))
        shown = self.lines('dlq', 'show', 'loyalty', f'evt-{n}')
        self.report.equal([one.get('code', one['type']) for one in shown], ['CONFLICT', TYPE], 'show: the letter, the event')
        place = f'{TOPIC}/{shown[0]["partition"]}@{shown[0]["offset"]}'
        event = self.lines('events', 'show', place)[0]
        self.report.equal((event['id'], event['trace_id'], event['data']['order_id']),
                          (f'evt-{n}', trace_of(n), self.order_id(n)), 'events show by place')
        self.report.equal([one['id'] for one in self.lines('events', 'show', f'evt-{n}')], [f'evt-{n}'], 'by id')
        traced = self.lines('events', 'tail', '--no-follow', '--trace', trace_of(n))
        self.report.equal([one['id'] for one in traced], [f'evt-{n}'], 'events of a trace')
        some = self.lines('events', 'tail', '--no-follow', '--type', 'fanfare.commerce.*', '--since', '1h', '--limit', '7')
        self.report.equal(len(some), 7, 'a type, a time, a limit')
        self.report.equal(self.lines('events', 'count', '--until', '1h'), [], 'nothing is that old')
        self.report.equal(self.lines('events', 'count', '--subject', self.order_id(n))[0]['events'], 1, 'of one subject')
        self.report.check(self.stack.run('events', 'show', 'evt-none').returncode == 1, 'an id that is not there')

    def still_broken(self):
        """Redriven without a fix: rejected again, and nothing is lost or out of order."""
        n = next(iter(self.first.values()))
        before = self.entries()
        done = self.stack.run('dlq', 'redrive', 'loyalty', f'evt-{n}')
        self.report.equal((done.returncode, '1 rejected again' in done.stdout), (1, True), f'redriven too early: {done}')
        self.report.equal(self.entries(), before, 'entries')
        self.report.equal(len(self.lines('dlq', 'list', 'loyalty')), len(self.rows), 'set aside')

    def denied(self):
        for path in ('/dlq/redrive', '/dlq/drop', '/events/replay'):
            status, _, _ = self.stack.admin('loyalty', 'POST', path, {'places': []}, scopes='orders:read')
            self.report.equal(status, 403, f'{path} without the scope')
        self.report.equal(self.stack.admin('loyalty', 'POST', '/dlq/drop', {'places': [{}]}, scopes='dlq')[0], 422, 'no place')
        self.report.equal(self.stack.run('dlq', 'redrive', 'loyalty').returncode, 1, 'redrive must be told what')

    def fixed(self):
        """All of it, in the order of its keys."""
        begun = time.monotonic()
        self.change('DROP TRIGGER poison')
        done = self.stack.run('dlq', 'redrive', 'loyalty', '--all')
        print(f'# {done.stdout.strip()} in {time.monotonic() - begun:.1f} s', flush=True)
        self.report.equal(done.returncode, 0, f'redrive --all: {done.stdout} {done.stderr}')
        self.report.equal(self.lines('dlq', 'list', 'loyalty'), [], 'left behind')
        self.report.equal(self.entries(), self.n + 1, 'entries: each event once')
        order = {}
        for customer, order_id in self.ask('SELECT customer_id, order_id FROM entries ORDER BY rowid'):
            order.setdefault(customer, []).append(int(order_id.rsplit('-', 1)[1]))
        wrong = [customer for customer, numbers in order.items() if numbers != sorted(numbers)]
        self.report.equal(wrong, [], 'customers whose orders came in another order')
        self.produce([f'{self.customer(self.n)}\t{self.event(self.n)}'])
        self.report.check(wait_for(lambda: self.entries() == self.n + 2, PATIENCE_S), 'a key that waited goes on as ever')

    def replayed(self):
        """Once more to the same service: dropped by their ids; by force, the reactions tell for themselves."""
        entries = self.entries()
        done = self.stack.run('events', 'replay', 'loyalty', '--topic', TOPIC, '--limit', '3000')
        self.report.check(done.stdout.startswith('0 done, 3000 duplicate'), f'replayed: {done}')
        done = self.stack.run('events', 'replay', 'loyalty', '--topic', TOPIC, '--subject', self.order_id(7), '--force')
        self.report.check(done.stdout.startswith('1 done, 0 duplicate'), f'replayed by force: {done}')
        self.report.equal(self.entries(), entries, 'entries: an order earns once')
        done = self.stack.run('events', 'replay', 'loyalty', '--topic', 'fanfare.content.entry')
        self.report.check(done.returncode == 0 or 'reads nothing' in done.stderr, f'a topic it does not read: {done}')
        self.report.equal(self.stack.run('events', 'replay', 'loyalty').returncode, 1, 'a topic must be named')

    def given_up(self):
        """What can never be handled is dropped, and what waits behind it goes on."""
        entries, n = self.entries(), self.n + 2
        self.produce([f'prf_lost\t{self.event(n, data={"order_id": 5})}',
                      f'prf_lost\t{self.event(n + 1, "prf_lost")}'])
        rows = wait_for(lambda: [row for row in self.lines('dlq', 'list', 'loyalty')][1:], PATIENCE_S)
        self.report.equal(len(rows), 1, 'one waits behind the dead one')
        self.report.equal(self.stack.run('dlq', 'redrive', 'loyalty', f'evt-{n}').returncode, 1, 'it cannot be handled')
        dropped = self.stack.run('dlq', 'drop', 'loyalty', f'evt-{n}')
        self.report.check('1 handled, 1 dropped' in dropped.stdout, f'dropped: {dropped}')
        self.report.equal(self.lines('dlq', 'list', 'loyalty'), [], 'left behind')
        self.report.equal(self.entries(), entries + 1, 'what waited is handled')

    def no_event(self):
        """What is no event at all has no key that others could wait behind."""
        subprocess.run(['kcat', '-P', '-b', f'127.0.0.1:{self.stack.ports["broker"]}', '-t', TOPIC, '-K', '\t'],
                       input='prf_x\trubbish\n', text=True, check=True)
        rows = wait_for(lambda: self.lines('dlq', 'list', 'loyalty'), PATIENCE_S)
        self.report.equal([(row['state'], row['code'], row['id']) for row in rows], [('dead', 'INVALID', '')], 'rubbish')
        place = f'{TOPIC}/{rows[0]["partition"]}@{rows[0]["offset"]}'
        self.report.equal(self.stack.run('dlq', 'drop', 'loyalty', place).returncode, 0, 'dropped by its place')
        self.report.equal(self.lines('dlq', 'list', 'loyalty'), [], 'left behind')


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    if not shutil.which('kcat'):
        skip('kcat is not installed')
    report, folder = Report(), tempfile.mkdtemp(prefix='fanfare-redrive-')
    stack = Fanfare(folder, free_port_base(), sys.argv[1])
    try:
        stack.up()
        for service in ('gateway', 'analytics', 'personalization', 'crm', 'content', 'commerce'):
            stack.fanfare('stop', service)
        test = Redrive(report, stack, (int(sys.argv[2]) if len(sys.argv) == 3 else EVENTS) * int(os.environ.get('FANFARE_TEST_ROUNDS', 1)))
        report.run(test.poison, test.on_time, test.look, test.denied, test.still_broken, test.fixed, test.replayed, test.given_up,
                   test.no_event)
    finally:
        stack.run('down')
        shutil.rmtree(folder, ignore_errors=True)
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
