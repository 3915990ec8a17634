#!/usr/bin/env python3
"""Read models made again from the log on a running stack, by the operator's command: personalization's people and the
gateway's edge (LMDB), the warehouse of analytics (DuckDB). What was wrong is as a recount of the events says; the old one
answers all the time; killed at any moment the old or the new one is whole; nothing is published again.

rebuild_test.py BUILD_FOLDER [EVENTS]
"""
import glob
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from report import Report, skip
from stack import Fanfare, free_port_base, slowness, wait_for

PEOPLE, PAGES, PRODUCTS, SPOILED = 200, 20, 40, 300
PATIENCE_S, P99_LIMIT_S, P99_MOST_TIMES = 90, 0.05, 4
ORDER, VIEW, RECORDED = 'fanfare.commerce.order', 'fanfare.gateway.page', 'fanfare.analytics.event'
CONSENT, ENTRY, PRODUCT = 'fanfare.crm.consent', 'fanfare.content.entry', 'fanfare.commerce.product'
TIME = '2026-01-01T00:00:00Z'
EUR = 'EUR'


def money(amount):
    return {'amount': amount, 'currency': EUR}


def person(n):
    return f'prf_{n % PEOPLE}'


class Recount:
    """What read models must say, counted from the events themselves, the slow way."""

    def __init__(self):
        self.people, self.revenue, self.orders, self.views = {}, 0, 0, {}

    def of(self, who):
        return self.people.setdefault(who, {'visits': 0, 'orders': 0, 'total': 0, 'opened': 0, 'consent': None})

    def placed(self, who, amount):
        self.of(who)['orders'] += 1
        self.of(who)['total'] += amount
        self.orders, self.revenue = self.orders + 1, self.revenue + amount

    def viewed(self, who, slug):
        self.of(who)['visits'] += 1
        self.views[slug] = self.views.get(slug, 0) + 1


class Rebuild:
    def __init__(self, report, stack, n, build):
        self.report, self.stack, self.n, self.slow = report, stack, n, slowness(build)
        self.recount, self.made, self.right = Recount(), 0, {}

    # ---- events ----

    def record(self, kind, key, data):
        self.made += 1
        return key + '\t' + json.dumps({'specversion': '1.0', 'id': f'evt-{self.made}', 'type': kind, 'source': '/fanfare/x',
                                        'subject': key, 'time': TIME, 'data': data})

    def produce(self, topic, lines):
        subprocess.run(['kcat', '-P', '-b', f'127.0.0.1:{self.stack.ports["broker"]}', '-t', topic, '-K', '\t',
                        '-H', 'content-type=application/cloudevents+json'],
                       input='\n'.join(lines) + '\n', text=True, check=True)

    def order(self, n, who=None):
        who, amount = who or person(n), 100 + n % 900
        self.recount.placed(who, amount)
        return self.record('fanfare.commerce.order.placed.v1', who,
                           {'order_id': f'ord_{n}', 'customer_id': who, 'total': money(amount), 'placed_at': TIME,
                            'lines': [{'product_id': 'prd_1', 'quantity': 1, 'amount': money(amount)}]})

    def view(self, n, who=None):
        who, slug = who or person(n * 7), f'page-{n % PAGES}'
        self.recount.viewed(who, slug)
        return self.record('fanfare.gateway.page.viewed.v1', who,
                           {'view_id': f'viw_{n}', 'person_id': who, 'slug': slug, 'viewed_at': TIME})

    def opened(self, n):
        who = person(n * 3)
        self.recount.of(who)['opened'] += 1
        return self.record('fanfare.analytics.event.recorded.v1', who,
                           {'message_id': f'm-{n}', 'kind': 'track', 'name': 'opened', 'person_id': who, 'source': 'site',
                            'occurred_at': TIME, 'received_at': TIME})

    def consent(self, n):
        who, state = person(n), 'granted' if n % 3 else 'withdrawn'
        self.recount.of(who)['consent'] = state == 'granted'
        return self.record('fanfare.crm.consent.changed.v1', who,
                           {'profile_id': who, 'purpose': 'marketing', 'channel': 'email', 'state': state, 'changed_at': TIME})

    def page(self, n, version):
        blocks = [{'id': 'hero', 'kind': 'hero', 'content': {'headline': f'The headline of page {n:04d}'}}]
        return self.record('fanfare.content.entry.published.v1', f'ent_{n}',
                           {'entry_id': f'ent_{n}', 'kind': 'page', 'slug': f'page-{n}', 'title': f'Page {n}', 'version': version,
                            'document': {'blocks': blocks}, 'published_at': f'2026-01-0{version}T00:00:00Z'})

    def product(self, n):
        return self.record('fanfare.commerce.product.upserted.v1', f'prd_{n}',
                           {'product_id': f'prd_{n}', 'name': f'Product {n}', 'price': money(n), 'active': True, 'version': 1,
                            'updated_at': TIME})

    # ---- what the services say ----

    def person(self, who):
        features = self.stack.must('personalization', 'GET', f'/v1/people/{who}/features')['features']
        return {'visits': features['visits'], 'orders': features['orders']['count'], 'total': features['orders']['total'],
                'opened': features['events'].get('opened', {}).get('count', 0),
                'consent': features['consent'].get('marketing', {}).get('email')}

    def people(self):
        return {person(n): self.person(person(n)) for n in range(PEOPLE)}

    def warehouse(self):
        told = self.stack.must('analytics', 'GET', '/v1/reports/revenue')['items']
        pages = self.stack.must('analytics', 'GET', '/v1/reports/pages')['items']
        return ([(one['orders'], one['revenue']) for one in told], {one['slug']: one['views'] for one in pages})

    def warehouse_wanted(self):
        return [(self.recount.orders, self.recount.revenue)], self.recount.views

    def headline(self, n):
        """None while the page is not known; a page that somebody is served is a view."""
        status, _, page = self.stack.call('gateway', 'GET', f'/v1/pages/page-{n}?visitor_id=vis_looks')
        if status != 200:
            return None
        slug = f'page-{n}'
        self.recount.views[slug] = self.recount.views.get(slug, 0) + 1
        return page['blocks'][0]['content']['headline']

    def headlines(self):
        return [self.headline(n) for n in range(PAGES)]

    def on_log(self, *but):
        """How many records each topic holds."""
        counted = {}
        for line in self.stack.fanfare('events', 'count', '--json').splitlines():
            one = json.loads(line)
            if one['topic'] not in but:
                counted[one['topic']] = counted.get(one['topic'], 0) + one['events']
        return counted

    def on_log_at_rest(self, *but):
        """The same, once nothing comes any more from an outbox."""
        seen = []
        still = wait_for(lambda: seen.append(self.on_log(*but)) or seen[-3:] == [seen[-1]] * 3, PATIENCE_S, 0.5)
        self.report.check(still, f'the log is at rest: {seen[-3:]}')
        return seen[-1]

    def rebuild(self, service, *options, wanted=0):
        done = self.stack.run('events', 'rebuild', service, *options)
        self.report.equal(done.returncode, wanted, f'events rebuild {service} {options}: {done.stdout} {done.stderr}')
        return done.stdout + done.stderr

    def refused(self, says, *arguments):
        done = self.stack.run(*arguments)
        self.report.check(done.returncode == 1 and says in done.stderr and done.stderr.count('\n') == 1,
                          f'fanfare {" ".join(arguments)} is refused with one sentence, {says!r}: {done}')

    def fault(self, service, point, kind, peer='', **more):
        wait_for(lambda: self.stack.is_ready(service), PATIENCE_S)
        status, _, told = self.stack.admin(service, 'POST', '/faults', {'point': point, 'kind': kind, 'peer': peer, **more})
        self.report.equal(status, 200, f'fault {point} at {service}: {told}')

    def state(self, service):
        return json.loads(self.stack.run('events', 'rebuild', service, '--status').stdout)

    # ---- the parts ----

    def fill(self):
        self.produce(ORDER, [self.order(n) for n in range(self.n)])
        self.produce(VIEW, [self.view(n) for n in range(self.n)])
        self.produce(RECORDED, [self.opened(n) for n in range(self.n // 2)])
        self.produce(CONSENT, [self.consent(n) for n in range(PEOPLE)])
        self.produce(ENTRY, [self.page(n, version) for version in (1, 2) for n in range(PAGES)])
        self.produce(PRODUCT, [self.product(n) for n in range(PRODUCTS)])
        self.right = self.recount.people
        self.report.check(wait_for(lambda: all(self.headlines()), PATIENCE_S, 0.5), 'pages')
        # What cannot be read, and one that waits behind it, stay set aside; in analytics nothing waits.
        self.produce(VIEW, ['prf_poison\t{"no": "event"}', self.record('fanfare.gateway.page.viewed.v1', 'prf_parked', {'slug': 5}),
                            self.view(self.n, 'prf_parked')])
        self.recount.people.pop('prf_parked')
        self.report.check(wait_for(lambda: len(self.set_aside()) == 3, PATIENCE_S), f'set aside: {self.set_aside()}')
        self.report.check(wait_for(lambda: [one[0] for one in self.set_aside('analytics')] == ['dead', 'dead'], PATIENCE_S),
                          f'set aside by analytics: {self.set_aside("analytics")}')
        self.report.check(wait_for(lambda: self.people() == self.right, PATIENCE_S, 0.5), 'people are as recounted')
        self.report.check(wait_for(lambda: self.warehouse() == self.warehouse_wanted(), PATIENCE_S, 0.5),
                          f'the warehouse is as recounted: {self.warehouse()} {self.warehouse_wanted()}')

    def set_aside(self, service='personalization'):
        told = self.stack.run('dlq', 'list', service, '--json').stdout
        return sorted((row['state'], row['offset'], row['partition']) for row in map(json.loads, told.splitlines()))

    def spoil(self, *services):
        """Some orders are counted twice, by force."""
        for service in services:
            self.stack.fanfare('events', 'replay', service, '--topic', ORDER, '--limit', str(SPOILED), '--force')
            self.report.check(self.people() != self.right if service == 'personalization' else
                              self.warehouse() != self.warehouse_wanted(), f'{service} is spoiled')

    def mended(self):
        """Wrong before, as recounted after; three times the same; and nothing is published meanwhile."""
        self.spoil('personalization', 'analytics')
        before, aside = self.on_log_at_rest(), self.set_aside()
        for generation in (2, 3, 4):
            for service in ('personalization', 'analytics'):
                said = self.rebuild(service)
                self.report.check(f'generation {generation}' in said, f'{service} says which: {said}')
            self.report.equal(self.people() == self.right, True, f'people, generation {generation}')
            self.report.equal(self.warehouse(), self.warehouse_wanted(), f'the warehouse, generation {generation}')
        self.report.equal(self.on_log(), before, 'records on the log')
        self.report.equal(self.set_aside(), aside, 'set aside')
        left = sorted(os.path.basename(one) for one in glob.glob(os.path.join(self.stack.data, '*', '*~*'))
                      if not one.endswith('.wal'))
        self.report.equal(left, ['features~4', 'features~now', 'warehouse.duckdb~4', 'warehouse.duckdb~now'], 'on the disk')

    def edge_spoiled(self):
        """A page that says something else than it was told: in the file of the store itself."""
        self.stack.fanfare('stop', 'gateway')
        path = glob.glob(os.path.join(self.stack.data, 'gateway', 'edge*', 'data.mdb'))[0]
        with open(path, 'r+b') as file:
            bent = file.read().replace(b'The headline of page 0007', b'Not to be seen by anyone!')
            file.seek(0)
            file.write(bent)
        self.stack.fanfare('start', 'gateway')

    def edge(self):
        right = self.headlines()
        self.edge_spoiled()
        self.report.equal(self.headline(7), 'Not to be seen by anyone!', 'the page that is spoiled')
        before = self.on_log_at_rest(VIEW)
        self.rebuild('gateway')
        self.report.equal(self.headlines(), right, 'pages')
        self.report.equal(self.on_log(VIEW), before, 'records on the log, but for the views of these pages')

    # ---- while it is asked ----

    def ask_on(self, stop, answers, times, errors):
        some = random.Random(5)
        while not stop.is_set():
            who, begun = person(some.randrange(PEOPLE)), time.monotonic()
            try:
                answers.append((who, self.person(who)))
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
            times.append(time.monotonic() - begun)

    def asked(self, what):
        """What people say in the course of it: answers, 99th percentile in seconds, errors."""
        stop, answers, times, errors = threading.Event(), [], [], []
        threads = [threading.Thread(target=self.ask_on, args=(stop, answers, times, errors)) for _ in range(2)]
        for one in threads:
            one.start()
        try:
            what()
        finally:
            stop.set()
            for one in threads:
                one.join()
        return answers, statistics.quantiles(times, n=100)[98], errors

    def busy(self):
        """The old one answers until the new one does, as if nothing was."""
        self.spoil('personalization')
        old = self.people()
        _, quiet_s, _ = self.asked(lambda: time.sleep(2))
        answers, p99_s, errors = self.asked(lambda: self.rebuild('personalization'))
        print(f'# {len(answers)} answers during a rebuild, p99 {p99_s * 1000:.1f} ms; without {quiet_s * 1000:.1f} ms', flush=True)
        self.report.equal(errors, [], 'errors')
        self.report.equal([one for one in answers if one[1] not in (old[one[0]], self.right[one[0]])][:3], [],
                          'answers that are neither the old nor the new')
        self.report.check(any(one == old[who] for who, one in answers), 'the old one was asked')
        self.report.check(p99_s < max(P99_LIMIT_S * self.slow, P99_MOST_TIMES * quiet_s), f'p99: {p99_s:.3f}, without {quiet_s:.3f} s')
        self.report.equal(self.people() == self.right, True, 'people')

    def beside(self):
        """It follows what comes; a second one, redriving and replaying wait; it can be given up."""
        self.fault('personalization', 'events.consumer.commit', 'delay', 'personalization.rebuild', delay_ms=300)
        self.rebuild('personalization', '--detach')
        self.refused('is being made again', 'events', 'rebuild', 'personalization')
        self.refused('is being made again', 'dlq', 'redrive', 'personalization', '--all')
        self.refused('is being made again', 'events', 'replay', 'personalization', '--topic', ORDER, '--limit', '1')
        begun = time.monotonic()
        self.produce(ORDER, [self.order(self.n + 2, person(3))])
        self.report.check(wait_for(lambda: self.person(person(3)) == self.right[person(3)], PATIENCE_S),
                          'an order is seen while it is made again')
        told = self.state('personalization')
        self.report.check(told['phase'] == 'reading' and told['read'] < told['of'], f'still at it: {told}')
        print(f'# an order is seen after {time.monotonic() - begun:.2f} s, with {told["read"]} of {told["of"]} read', flush=True)
        self.rebuild('personalization', '--cancel')
        self.report.equal(self.state('personalization')['phase'], 'cancelled', 'phase')
        self.refused('nothing is being made again', 'events', 'rebuild', 'personalization', '--cancel')
        self.stack.admin('personalization', 'DELETE', '/faults')
        self.report.equal(self.people() == self.right, True, 'people')
        self.rebuild('personalization')
        self.report.equal(self.people() == self.right, True, 'people, made again')

    # ---- killed ----

    def killed(self):
        """In the middle of the reading, and before and after the moment of the swap."""
        self.report.check(wait_for(lambda: self.warehouse() == self.warehouse_wanted(), PATIENCE_S, 0.5), 'the warehouse')
        for service, look, right in (('personalization', self.people, self.right),
                                     ('analytics', self.warehouse, self.warehouse_wanted())):
            for where in ('reading', 'events.rebuild.swap', 'events.rebuild.swapped'):
                self.killed_at(service, where, look, right)

    def killed_at(self, service, where, look, right):
        self.spoil(service)
        old, before = look(), self.state(service)['generation']
        if where == 'reading':
            self.fault(service, 'events.consumer.commit', 'delay', f'{service}.rebuild', delay_ms=200)
        else:
            self.fault(service, where, 'exit', times=1)
        pid = self.stack.pid(service)
        self.stack.run('events', 'rebuild', service, '--detach')
        if where == 'reading':
            wait_for(lambda: self.state(service)['read'], PATIENCE_S)
            os.kill(pid, signal.SIGKILL)
        started = wait_for(lambda: self.stack.pid(service) != pid and self.stack.is_ready(service), PATIENCE_S)
        self.report.check(started, f'{service} is started again')
        swapped = where == 'events.rebuild.swapped'
        self.report.check(wait_for(lambda: look() == (right if swapped else old), PATIENCE_S, 0.5),
                          f'{service} killed at {where} has the {"new" if swapped else "old"} one whole')
        self.report.equal(self.state(service)['generation'], before + swapped, f'{service} killed at {where}: generation')
        self.rebuild(service)
        self.report.check(look() == right, f'{service}, made again after that')

    def given_up(self):
        """What was dropped is on no list any more: it is rejected again, and whoever asks must say that it may be missing."""
        dropped = self.stack.run('dlq', 'drop', 'analytics', '--all')
        self.report.check('2 dropped' in dropped.stdout, f'dropped: {dropped}')
        said = self.rebuild('analytics', wanted=1)
        self.report.check('is rejected' in said and '--partial' in said, f'what is rejected stops it: {said}')
        said = self.rebuild('analytics', '--partial')
        self.report.check('2 events were rejected' in said, f'how much is missing: {said}')
        self.report.equal(self.warehouse(), self.warehouse_wanted(), 'the warehouse')

    def refusals(self):
        for service in ('loyalty', 'crm', 'content', 'commerce'):
            self.refused('no read model that the log alone makes', 'events', 'rebuild', service)
        self.refused('reads nothing from the log', 'events', 'rebuild', 'registry')
        self.refused('broker keeps no read model', 'events', 'rebuild', 'broker')
        self.refused('no service nonesuch', 'events', 'rebuild', 'nonesuch')
        self.refused('which service', 'events', 'rebuild')
        for method in ('GET', 'POST', 'DELETE'):
            status = self.stack.admin('personalization', method, '/rebuild', {}, scopes='dlq')[0]
            self.report.equal(status, 403, f'{method} /rebuild without the scope')
        self.stack.fanfare('stop', 'analytics')
        self.refused('does not answer', 'events', 'rebuild', 'analytics')
        self.stack.fanfare('start', 'analytics')


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    if not shutil.which('kcat'):
        skip('kcat is not installed')
    report, folder = Report(), tempfile.mkdtemp(prefix='fanfare-rebuild-')
    stack = Fanfare(folder, free_port_base(), sys.argv[1])
    try:
        settings = {'FANFARE_PERSONALIZATION_FAULTS': 'true', 'FANFARE_ANALYTICS_FAULTS': 'true',
                    'FANFARE_PERSONALIZATION_CURRENCY': EUR}
        stack.up(env={**os.environ, **settings})
        test = Rebuild(report, stack, int(sys.argv[2]) if len(sys.argv) == 3 else 6000, sys.argv[1])
        report.run(test.fill, test.mended, test.edge, test.busy, test.beside, test.killed, test.given_up, test.refusals)
    finally:
        stack.run('down')
        shutil.rmtree(folder, ignore_errors=True)
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
