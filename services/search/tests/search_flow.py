#!/usr/bin/env python3
"""Search with its real neighbours, each as a process: what is told is found within a second; killed (SIGKILL) while it hears,
in the middle of commits too, it finds afterwards what it should; made again from the log it goes on answering, and finds the
same; two instances find the same, and follow the same definitions.

search_flow.py BUILD_FOLDER
"""
import os
import random
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
import postgresql  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, slowness, wait_for  # noqa: E402

SOON_S, PATIENCE_S = 1, 30
KILLS, AT_POINT = 6, 137
WORDS = ('chair', 'table', 'phone', 'paper', 'binder', 'lamp', 'deluxe', 'wooden', 'wireless', 'blue')


class Flow:
    def __init__(self, report, stack):
        self.report, self.stack, self.random = report, stack, random.Random(3)
        self.slowness = slowness(stack.build)
        self.names = {}  # product -> name; None: not active

    def search(self, query, at='search'):
        return self.stack.must(at, 'GET', f'/v1/search?{query}')

    def total(self, query, at='search'):
        return self.search(query, at)['total']

    def put(self, product, name):
        body = {'name': name or 'Gone', 'price': {'amount': 100, 'currency': 'USD'}, 'active': name is not None}
        self.stack.must('commerce', 'PUT', f'/v1/products/{product}', body)
        self.names[product] = name

    def change(self, n):
        for _ in range(n):
            product = f'prd_{self.random.randrange(300)}'
            name = ' '.join(self.random.choice(WORDS) for _ in range(3))
            self.put(product, name if self.random.random() < 0.8 else None)

    def wanted(self, *words):
        return sum(name is not None and set(words) <= set(name.split()) for name in self.names.values())

    def wanted_phrase(self, phrase):
        return sum(name is not None and f' {phrase} ' in f' {name} ' for name in self.names.values())

    def right(self, at='search'):
        """As a slow, obvious count has it: all, each word, each two words, together and next to each other."""
        if self.total('filter=type:product', at) != self.wanted():
            return False
        return all(self.total(f'q={a}+{b}&filter=type:product', at) == self.wanted(a, b) and
                   self.total(f'q="{a}+{b}"'.replace('"', '%22'), at) == self.wanted_phrase(f'{a} {b}') for a in WORDS for b in WORDS)

    # ---- the parts ----

    def soon(self):
        for name in ('First', None):  # of every partition: the log is new
            for n in range(30):
                self.put(f'prd_first-{n}', name)
            self.report.check(wait_for(lambda: self.total('q=first') == self.wanted('First'), PATIENCE_S), 'the first products')
        self.publish()  # and of the page's
        self.report.check(wait_for(lambda: self.total('q=welcome') == 1, PATIENCE_S), 'the first page')
        self.unpublish()
        for what, tell, query in (
                ('a product', lambda: self.put('prd_soon', 'Soon Chair'), 'q=soon'),
                ('a page', self.publish, 'q=welcome'),
                ('a change of a product', lambda: self.put('prd_soon', 'Late Chair'), 'q=late')):
            tell()
            begun = time.monotonic()
            found = wait_for(lambda: self.total(query) == 1, PATIENCE_S, 0.01)
            took = time.monotonic() - begun
            self.report.check(found and took < SOON_S * self.slowness, f'{what} is found after {took:.2f} s')
        self.put('prd_soon', None)
        self.unpublish()

    def unpublish(self):
        self.stack.must('content', 'POST', '/v1/entries/ent_home/unpublish', {})
        self.report.check(wait_for(lambda: self.total('') == 0, PATIENCE_S), 'what is not shown is not found')

    def publish(self):
        page = {'blocks': [{'id': 'hero', 'kind': 'hero', 'content': {'headline': 'Welcome to all'}}]}
        self.stack.must('content', 'PUT', '/v1/entries/ent_home', {'kind': 'page', 'slug': 'home', 'title': 'Home', 'document': page})
        self.stack.must('content', 'POST', '/v1/entries/ent_home/publish', {})

    def killed(self):
        search = self.stack['search']
        for i in range(KILLS):
            point = (None, 'events.consumer.commit', 'events.consumer.committed')[i % 3]
            if point:
                self.stack.admin('search', 'POST', '/faults', {'point': point, 'kind': 'exit'})
            self.change(60)
            if point:
                self.report.equal(search.wait(PATIENCE_S), AT_POINT, f'how it ended at {point}')
            search.kill()
            search.start()
        self.report.check(wait_for(self.right, PATIENCE_S, 0.5), f'it finds what it should after {KILLS} kills')

    def rebuilt(self):
        stop, wrong, asked = threading.Event(), [], [0]

        def ask():
            while not stop.is_set():
                found = self.total('filter=type:product')
                asked[0] += 1
                if found != self.wanted():
                    wrong.append(found)
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            self.stack.admin('search', 'POST', '/rebuild', {}, scopes='rebuild')
            done = wait_for(lambda: self.rebuild_state().get('phase') in ('done', 'failed'), PATIENCE_S)
        finally:
            stop.set()
            thread.join()
        state = self.rebuild_state()
        self.report.check(done and state['phase'] == 'done', f'it is made again: {state}')
        self.report.check(asked[0] > 3 and not wrong, f'answers meanwhile: {asked[0]}, wrong ones: {wrong[:5]}')
        self.report.check(self.right(), 'it finds the same')

    def rebuild_state(self):
        return self.stack.admin('search', 'GET', '/rebuild', scopes='rebuild')[2]

    def two(self):
        """Two instances on one database, each with an index of its own."""
        try:
            with postgresql.PostgreSQL() as database:
                names = ('search-a', 'search-b')
                for name in names:
                    self.stack.add('search', label=name, data=os.path.join(self.stack.folder, name), database=database.url).start()
                self.together(names)
                self.report.equal(self.stack.stop(*names), [], 'those that did not end well')
        except postgresql.Absent as why:
            self.report.skip(f'two instances: {why}')

    def together(self, names):
        for name in names:
            self.report.check(wait_for(lambda: self.right(name), PATIENCE_S, 0.5), f'{name} finds the same')
        self.stack.must(names[0], 'PUT', '/v1/synonyms/syn_seat', {'words': ['seat', 'chair']})
        for name in names:
            found = wait_for(lambda: self.total('q=seat', name) == self.total('q=chair', name), PATIENCE_S, 0.02)
            self.report.check(found, f'{name} follows a definition')


def main(build):
    report = Report()
    with Stack(build) as stack:
        stack.start('broker', 'commerce', 'content')
        stack.start('search', faults='true')
        flow = Flow(report, stack)
        report.run(flow.soon, flow.killed, flow.rebuilt, flow.two)
        report.equal(stack.stop(), [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
