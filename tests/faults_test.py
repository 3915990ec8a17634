#!/usr/bin/env python3
"""Pages while what they are made of is broken: content, personalization and commerce, each killed, stopped, 200 ms slow,
answering 5xx, answering garbage, and half closed. Every page comes, inside the budget, what is default is said to be, and
all is whole again at most 10 s after.

faults_test.py BUILD_FOLDER [--rounds N]    a fault lasts N times 1.5 s, and half a minute at most
"""
import argparse
import bisect
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faulty import Faulty  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, free_ports, slowness, wait_for  # noqa: E402

NAMES = ('personalization', 'commerce', 'content')
THREADS, PAUSE_S = 4, 0.01
BUDGET_S = 0.05
STUTTER_S = 0.3     # what a busy machine may add to a page, as its reader sees it
LATE_SHARE = 0.01   # of the pages, as the gateway measures them, may be over the budget, and what the machine makes late
NAP_S, STALL_S = 0.005, 0.008  # a nap that takes so much longer: the machine had no time for who was due
NOTICED_S = 0.3     # pages that were begun before are told by what had come
RECOVERED_S = 10
CLEAN = 20          # pages without a default in a row: then it has recovered
PAGES = 30
ROUTE = 'http_route="/v1/pages/{slug}"'

HOME = {'blocks': [
    {'id': 'hero', 'kind': 'hero', 'slot': 'home-hero', 'content': {'headline': 'Welcome'}, 'variants': {'all': {'headline': 'You'}}},
    {'id': 'offers', 'kind': 'products', 'content': {}, 'products': ['prd_a']}]}


class Readers:
    """Pages all the time: for each (begun, seconds, status, defaults, what they show)."""

    def __init__(self, stack):
        self.stack, self.going, self.lock, self.seen = stack, True, threading.Lock(), []
        self.threads = [threading.Thread(target=self.read, args=(i,)) for i in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        for thread in self.threads:
            thread.join()

    def read(self, number):
        while self.going:
            begun = time.monotonic()
            status, told, page = self.stack.call('gateway', 'GET', f'/v1/pages/home?visitor_id=vis_{number}')
            took = time.monotonic() - begun
            with self.lock:
                bisect.insort(self.seen, (begun, took, status, tuple((page or {}).get('defaults', ())), whole(page, told)))
            time.sleep(PAUSE_S)

    def between(self, begin, end=None):
        with self.lock:
            return [one for one in self.seen if begin <= one[0] and (end is None or one[0] < end)]


class Machine:
    """How often it does not run what is due, so that its lateness is not taken for the gateway's."""

    def __init__(self):
        self.naps, self.stalls = 0, 0
        threading.Thread(target=self.nap, daemon=True).start()

    def nap(self):
        while True:
            begun = time.monotonic()
            time.sleep(NAP_S)
            self.naps += 1
            self.stalls += time.monotonic() - begun > NAP_S + STALL_S

    def so_far(self):
        return self.naps, self.stalls


def whole(page, told):
    """Is each part as it must be: by default exactly where the page and its header say so?"""
    if not page or 'blocks' not in page:
        return False
    hero, offers = page['blocks']
    defaults = page['defaults']
    return (told.get('Fanfare-Defaults', '') == ', '.join(defaults) and
            hero['variant'] == ('default' if 'personalization' in defaults else 'all') and
            hero['default'] == ('personalization' in defaults) and
            offers['prices'][0]['price'] == {'amount': 1000, 'currency': 'EUR'} and  # the last known one, when it is default
            offers['prices'][0]['default'] == ('commerce' in defaults))


class Faults:
    def __init__(self, stack, report, readers, seconds, slow):
        self.stack, self.report, self.readers, self.seconds, self.slow = stack, report, readers, seconds, slow
        self.proxies = {name: Faulty(free_ports(1)[0], stack.port(name)) for name in NAMES}
        self.machine = Machine()
        self.lifted = {}  # name -> when its last fault ended, until it has recovered
        self.slowest = 0

    # ---- breaking and mending ----

    def signalled(self, name, on):
        self.stack[name].signal(signal.SIGSTOP if on else signal.SIGCONT)

    def killed(self, name, on):
        if on:
            self.stack[name].kill()
        else:
            self.stack[name].start()

    def told(self, *words):
        def do(name, on):
            self.proxies[name].tell(*(words if on else ('well',)))
        return do

    def by_proxy(self):
        """From here on calls go through what can be told to misbehave."""
        for name, proxy in self.proxies.items():
            self.stack.must('gateway', 'POST', f'/v1/routes/{name}/switch',
                            {'to': 'green', 'address': f'http://127.0.0.1:{proxy.port}'})
        time.sleep(1)

    # ---- what must hold ----

    def late(self):
        """(pages, of these over the budget), as the gateway has counted them."""
        name = 'http_server_request_duration_seconds'
        count = self.stack.metric('gateway', f'{name}_count', ROUTE) or 0
        return count, count - (self.stack.metric('gateway', f'{name}_bucket', ROUTE, 'le="0.05"') or 0)

    def recovered(self, name):
        """Waits until what was broken last of it has healed."""
        lifted = self.lifted.pop(name, None)
        if lifted is None:
            return
        def healed():
            after = self.readers.between(lifted)
            return len(after) >= CLEAN and not any(name in one[3] for one in after[-CLEAN:])
        good = wait_for(healed, RECOVERED_S * self.slow + 5)
        marked = [one[0] + one[1] for one in self.readers.between(lifted) if name in one[3]]
        took = max(marked) - lifted if marked else 0
        self.slowest = max(self.slowest, took)
        self.report.check(good and took <= RECOVERED_S * self.slow, f'{name} is whole again, {took:.1f} s after')

    def stranger(self, what):
        """A page that nobody has heard of: content would have to say, and the answer is not long in coming."""
        begun = time.monotonic()
        status, _, _ = self.stack.call('gateway', 'GET', f'/v1/pages/unknown-{time.monotonic_ns()}')
        took = time.monotonic() - begun
        self.report.check(status == 503 and took < BUDGET_S + STUTTER_S * self.slow,
                          f'{what}: a page that only content could know: {status} after {took * 1000:.0f} ms')

    def one(self, fault, name, break_):
        what = f'{name} {fault}'
        self.recovered(name)
        before, machine = self.late(), self.machine.so_far()
        begun = time.monotonic()
        break_(name, True)
        time.sleep(NOTICED_S)
        noticed = time.monotonic()
        if name == 'content':
            self.stranger(what)
        time.sleep(self.seconds)
        ended = time.monotonic()
        break_(name, False)
        self.lifted[name] = time.monotonic()
        pages, late = (now - then for now, then in zip(self.late(), before))
        naps, stalls = (now - then for now, then in zip(self.machine.so_far(), machine))
        seen = self.readers.between(begun, ended)
        during = [one for one in seen if one[0] >= noticed]
        self.report.check(len(during) > 10, f'{what}: pages were asked for: {len(during)}')
        self.report.equal([one for one in seen if one[2] != 200], [], f'{what}: pages that did not come')
        self.report.equal([one for one in seen if not one[4]], [], f'{what}: pages that say what is not so')
        if name != 'content':
            self.report.equal([one for one in during if name not in one[3]], [], f'{what}: pages that do not name it')
        self.report.equal([one for one in seen if one[1] > BUDGET_S + STUTTER_S * self.slow], [], f'{what}: pages that came late')
        self.report.check(late <= max(pages * (LATE_SHARE * self.slow + stalls / naps), 2),
                          f'{what}: {late:.0f} of {pages:.0f} over the budget, with {stalls} of {naps} naps too long')

    def all(self, fault, break_):
        for name in NAMES:
            self.one(fault, name, break_)

    def end(self):
        for name in NAMES:
            self.recovered(name)
        for proxy in self.proxies.values():
            proxy.stop()
        print(f'the longest recovery took {self.slowest:.1f} s')


def publish(stack, slug, document):
    stack.must('content', 'PUT', f'/v1/entries/ent_{slug}', {'kind': 'page', 'slug': slug, 'document': document})
    stack.must('content', 'POST', f'/v1/entries/ent_{slug}/publish', {})


def prepare(stack):
    stack.must('commerce', 'PUT', '/v1/products/prd_a', {'name': 'Chair', 'price': {'amount': 1000, 'currency': 'EUR'}})
    stack.must('personalization', 'PUT', '/v1/experiences/exp_hero', {'slot': 'home-hero', 'name': 'Hero',
                                                                      'variants': [{'variant': 'all'}]})
    publish(stack, 'home', HOME)

    def ready():
        page = stack.call('gateway', 'GET', '/v1/pages/home?visitor_id=vis_a')[2]
        return page.get('defaults') == [] and page['blocks'][0]['variant'] == 'all'
    wait_for(ready)
    stack['commerce'].signal(signal.SIGSTOP)  # has the gateway heard of the price?
    time.sleep(0.1)
    known = stack.call('gateway', 'GET', '/v1/pages/home')[2]['blocks'][1]['prices'][0]['available']
    stack['commerce'].signal(signal.SIGCONT)
    return known and wait_for(ready)


def restarted(stack, report):
    """Content is gone and the gateway starts anew: every published page is served."""
    for i in range(PAGES):
        publish(stack, f'page-{i}', {'blocks': [{'id': 'a', 'kind': 'text', 'content': {'number': i}}]})
    wait_for(lambda: all(stack.call('gateway', 'GET', f'/v1/pages/page-{i}')[0] == 200 for i in range(PAGES)))
    stack['content'].kill()
    stack['gateway'].kill()
    stack['gateway'].start()
    served = [stack.call('gateway', 'GET', f'/v1/pages/page-{i}') for i in range(PAGES)]
    report.equal([page['blocks'][0]['content']['number'] for status, _, page in served if status == 200], list(range(PAGES)),
                 'pages of a gateway that starts with content gone')
    stack['content'].start()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', 1)))
    options = parser.parse_args()
    report, slow = Report(), slowness(options.build)
    with Stack(options.build) as stack:
        stack.start('broker', *NAMES, 'gateway')
        report.check(wait_for(lambda: prepare(stack), 30, 0.5), 'the page is whole')
        with Readers(stack) as readers:
            faults = Faults(stack, report, readers, min(1.5 * options.rounds, 30), slow)

            def killed():
                faults.all('killed', faults.killed)

            def stopped():
                faults.all('stopped', faults.signalled)
                faults.by_proxy()

            def slow_200_ms():
                faults.all('slow', faults.told('slow', 200))

            def failing():
                faults.all('5xx', faults.told('fail', 1000))

            def garbage():
                faults.all('garbage', faults.told('garbage'))

            def half_closed():
                faults.all('half closed', faults.told('half'))

            report.run(killed, stopped, slow_200_ms, failing, garbage, half_closed, faults.end)

        def restart_without_content():
            restarted(stack, report)
        report.run(restart_without_content)
        for sentence in stack.stop():
            report.check(False, sentence)
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
