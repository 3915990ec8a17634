#!/usr/bin/env python3
"""Canaries and blue and green with real versions of personalization, each a process: the slow and the failing are taken
back, the equal is promoted, too few calls say nothing, and a switch under load loses no page.

routes_flow.py BUILD_FOLDER
"""
import itertools
import math
import os
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from faulty import Faulty  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, free_ports, wait_for  # noqa: E402

THREADS = 24
SAMPLE = 250  # 500 unless said: what 2% of errors need to be found at the first look, nearly always
STABLE_MS = 50  # what each version takes, so that a third more is the version's, and a tenth is not the machine's
LIMIT_S = 90
PAGE = {'blocks': [{'id': 'hero', 'kind': 'hero', 'slot': 'home-hero', 'content': {'headline': 'Welcome'}}]}
ROUTE = '/v1/routes/personalization'


class Load:
    """Pages for visitors who are each new, from many threads, until it is stopped."""

    def __init__(self, stack):
        self.stack, self.going, self.numbers = stack, True, itertools.count()
        self.lock, self.bad, self.pages = threading.Lock(), [], 0
        self.threads = [threading.Thread(target=self.run) for _ in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        for thread in self.threads:
            thread.join()

    def run(self):
        while self.going:
            status, answer = page(self.stack, f'vis_{os.getpid()}-{id(self)}-{next(self.numbers)}')
            with self.lock:
                self.pages += 1
                if status != 200 or answer['defaults']:
                    self.bad.append((status, answer))


def page(stack, visitor):
    status, _, answer = stack.call('gateway', 'GET', f'/v1/pages/home?visitor_id={visitor}')
    return status, answer


class Routes:
    def __init__(self, stack, report):
        self.stack, self.report = stack, report
        self.old, self.new = (Faulty(port, stack.port(label)) for port, label in
                              zip(free_ports(2), ('personalization', 'next')))

    def slow(self, new_ms):
        self.old.tell('slow', STABLE_MS)
        self.new.tell('slow', new_ms)

    def stop(self):
        self.old.stop()
        self.new.stop()

    def route(self):
        return self.stack.must('gateway', 'GET', ROUTE)

    def changes(self):
        return self.stack.must('gateway', 'GET', f'{ROUTE}/changes')['items']

    def canary(self, address, **plan):
        self.stack.must('gateway', 'PUT', f'{ROUTE}/canary', {
            'address': f'http://127.0.0.1:{address.port}', 'hold_s': 0, 'sample': SAMPLE, **plan})
        time.sleep(1)  # calls follow within a second

    def switch(self, to):
        return self.stack.must('gateway', 'POST', f'{ROUTE}/switch', {'to': to})

    def ended(self):
        return wait_for(lambda: 'canary' not in self.route(), LIMIT_S, 0.1)

    # ---- what must hold ----

    def too_few(self):
        self.canary(self.new, sample=100000)
        for i in range(300):
            page(self.stack, f'vis_few-{i}')
        canary = self.route()['canary']
        self.report.equal(canary['judged']['verdict'], 'none', 'too few calls give no verdict')
        self.report.equal(canary['share'], 5, 'nor another share')
        self.report.check(0 < canary['canary_calls'] < 40, f'some of 300 met it: {canary["canary_calls"]}')

    def sticky(self):
        """The same visitors meet it again, and nobody else."""
        met = []
        for _ in range(2):
            before = self.new.count()
            found = set()
            for i in range(200):
                page(self.stack, f'vis_few-{i}')
                now = self.new.count()
                found |= {i} if now > before else set()
                before = now
            met.append(found)
        self.report.equal(met[0], met[1], 'a visitor stays on one side')
        self.report.check(met[0], 'and some are on the side of the canary')
        self.switch('blue')
        self.report.equal(self.changes()[0]['what'], 'rolled_back', 'taken back by hand')

    def rolled_back(self, what, measures, sample):
        """A bad one goes by itself, at its first share, and no more of the visitors have met it."""
        before, calls = self.new.count(), 0
        self.canary(self.new, sample=sample)
        with Load(self.stack) as load:
            self.report.check(self.ended(), f'{what}: it is taken back')
            touched = self.new.count() - before
            calls = load.pages
            time.sleep(1)
            settled = self.new.count()
            time.sleep(0.5)
            self.report.equal(self.new.count(), settled, f'{what}: nobody meets it any more')
        self.new.tell('well')
        change = self.changes()[0]
        self.report.equal((change['what'], change['share'], change['who'], change['live']),
                          ('rolled_back', 5, 'svc:gateway', 'blue'), f'{what}: the change')
        worse = {one['measure'] for one in change['judged']['measures'] if one['worse']}
        self.report.check(worse and worse <= measures, f'{what}: because of {measures}, was {worse}: {change["judged"]}')
        most = 0.05 * calls + 4 * math.sqrt(0.05 * calls)
        self.report.check(touched <= most, f'{what}: {touched} of {calls} visitors met it, at most {most:.0f}')

    def slower(self):
        self.slow(STABLE_MS * 1.3)
        self.rolled_back('30% slower', {'median', 'p99'}, SAMPLE)

    def failing(self):
        self.old.tell('well')
        self.new.tell('fail', 20)
        self.rolled_back('2% fail', {'errors'}, 500)

    def equal(self):
        self.slow(STABLE_MS)
        self.canary(self.new, step=20, most=40)
        with Load(self.stack) as load:
            self.report.check(self.ended(), 'an equal one comes to its end')
            self.report.check(not load.bad, f'and no page suffers: {load.bad[:3]}')
        changes = self.changes()[:3]
        self.report.equal([(one['what'], one['share']) for one in changes],
                          [('promoted', 100), ('share_raised', 40), ('canary_started', 20)],
                          f'step by step, by {changes[0]["judged"]}')
        self.report.equal(self.route()['live'], 'green', 'it is live')

    def by_hand(self):
        """What waits for a hand is not promoted without one."""
        self.canary(self.old, step=40, most=40, by_itself=False)
        with Load(self.stack):
            good = wait_for(lambda: self.route()['canary']['judged']['verdict'] == 'good', LIMIT_S, 0.02)
            self.report.check(good, 'it is found good')
            time.sleep(1)
        self.report.equal(self.route()['canary']['share'], 40, 'and waits')
        self.switch('blue')
        self.report.equal((self.changes()[0]['what'], self.changes()[0]['live']), ('promoted', 'blue'), 'promoted by hand')
        self.switch('green')

    def restart(self):
        self.canary(self.old, sample=100000, step=7)
        self.stack['gateway'].stop()
        self.stack['gateway'].start()
        route = self.route()
        self.report.equal((route['live'], route['canary']['share']), ('green', 7), 'a restart keeps the route')
        before = self.old.count()
        for i in range(200):
            page(self.stack, f'vis_again-{i}')
        self.report.check(0 < self.old.count() - before < 40, 'and its shares')
        self.switch('green')

    def blue_green(self):
        """There and back under load; the side that is left can be ended."""
        self.old.tell('well')
        self.new.tell('well')
        with Load(self.stack) as load:
            for to, idle in (('blue', self.new), ('green', self.old), ('blue', self.new)):
                time.sleep(0.7)
                self.switch(to)
                time.sleep(1)
                before = idle.count()
                time.sleep(0.3)
                self.report.equal(idle.count(), before, f'all calls go to {to}')
            self.stack.stop('next')
            time.sleep(0.5)
        self.report.check(load.pages > 500 and not load.bad, f'of {load.pages} pages failed: {load.bad[:3]}')
        self.report.equal({one['who'] for one in self.changes()[:3]}, {'test'}, 'who switched')

    def refusals(self):
        def status(method, path, body):
            return self.stack.call('gateway', method, path, body)[0]
        self.report.equal(status('PUT', f'{ROUTE}/canary', {'address': 'file:///etc/passwd'}), 422, 'no address')
        self.report.equal(status('PUT', f'{ROUTE}/canary', {'address': f'http://127.0.0.1:{self.old.port}'}), 422,
                          'what is live is no canary')
        self.report.equal(status('PUT', f'{ROUTE}/canary', {'address': 'http://127.0.0.1:9', 'step': 20, 'most': 10}), 422,
                          'a step beyond the most')
        self.report.equal(status('POST', f'{ROUTE}/switch', {'to': 'blue', 'address': 'http://127.0.0.1:9'}), 422,
                          'another address for what is live')
        self.report.equal(status('POST', '/v1/routes/nobody/switch', {'to': 'blue'}), 404, 'no neighbour')


def main(build):
    report = Report()
    with Stack(build) as stack:
        stack.add('personalization')
        stack.add('personalization', label='next', data=os.path.join(stack.folder, 'next'))
        routes = Routes(stack, report)
        stack.add('gateway', personalization_url=f'http://127.0.0.1:{routes.old.port}', page_budget='1s',
                  pool_threads=THREADS)
        stack.start('broker', 'content', 'personalization', 'next', 'gateway')
        stack.must('content', 'PUT', '/v1/entries/ent_home', {'kind': 'page', 'slug': 'home', 'title': 'Home', 'document': PAGE})
        stack.must('content', 'POST', '/v1/entries/ent_home/publish', {})
        wait_for(lambda: page(stack, 'vis_first')[0] == 200)
        report.run(routes.too_few, routes.sticky, routes.slower, routes.failing, routes.equal, routes.by_hand, routes.restart,
                   routes.blue_green, routes.refusals)
        routes.stop()
        for sentence in stack.stop():
            report.check(False, sentence)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
