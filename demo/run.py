#!/usr/bin/env python3
"""The stack on real data: four years of orders, a personalised page, campaigns, and what happens when parts are broken.

    ./dev demo [--keep] [--data DIR] [--port-base PORT]

Starts the whole stack on an empty folder, imports the Superstore data set through the public APIs, publishes a page, asks
for it as different people, places orders, and breaks services while it does. Every number is checked; any mismatch ends
it with a non-zero exit status.
"""
import argparse
import collections
import datetime
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'tests'))
import campaigns  # noqa: E402
import shop  # noqa: E402
import superstore  # noqa: E402
from stack import ROOT, Fanfare, wait_for  # noqa: E402

SOURCE = os.path.join(ROOT, 'deps', 'superstore', 'superstore.csv')
REVENUE_CENTS = 229720065  # the sum of all line amounts of the file, rounded half to even
BUDGET_MS = 50
PRICED = ['prd_TEC-CO-10004722', 'prd_OFF-BI-10003527', 'prd_TEC-MA-10002412']  # the three best sellers by revenue


class Demo:
    def __init__(self, stack, folder):
        self.stack, self.folder = stack, folder
        self.mismatches, self.priced = 0, PRICED
        self.placed = collections.defaultdict(list)  # customer -> totals of its orders
        self.n_orders = 0

    # ---- telling ----

    @staticmethod
    def chapter(title):
        print(f'\n== {title}', flush=True)

    def check(self, what, got, wanted):
        good = got == wanted
        self.mismatches += not good
        print(f'  {"ok" if good else "NO":3} {what:58} {got!s:>16}{"" if good else f"  wanted {wanted}"}', flush=True)

    def check_most(self, what, got, most, unit=''):
        good = got <= most
        self.mismatches += not good
        print(f'  {"ok" if good else "NO":3} {what:58} {got:>12.1f} {unit:3}  (at most {most} {unit})', flush=True)

    # ---- what must be true at any time ----

    def expect(self, customer, total):
        self.placed[customer].append(total)
        self.n_orders += 1

    def revenue(self):
        return sum(sum(totals) for totals in self.placed.values())

    def points(self):
        return sum(total // 100 for totals in self.placed.values() for total in totals)

    def sums(self, title):
        """Waits until every reader has heard of all orders, and compares."""
        ask, n = self.stack.must, self.n_orders
        commerce = ask('commerce', 'GET', '/v1/revenue')['items'][0]
        wait_for(lambda: ask('loyalty', 'GET', '/v1/totals')['orders'] >= n)
        wait_for(lambda: (ask('analytics', 'GET', '/v1/reports/revenue')['items'] or [{'orders': 0}])[0]['orders'] >= n)
        wait_for(lambda: (ask('crm', 'GET', '/v1/totals')['revenue'] or [{'orders': 0}])[0]['orders'] >= n)
        loyalty = ask('loyalty', 'GET', '/v1/totals')
        analytics = ask('analytics', 'GET', '/v1/reports/revenue')['items'][0]
        crm = ask('crm', 'GET', '/v1/totals')
        self.chapter(title)
        self.check('orders, as commerce has them', commerce['orders'], n)
        self.check('orders, as analytics has them', analytics['orders'], n)
        self.check('orders, as loyalty has them', loyalty['orders'], n)
        self.check('orders, as crm has them', crm['revenue'][0]['orders'], n)
        self.check('revenue in cents, as commerce has it', commerce['revenue'], self.revenue())
        self.check('revenue in cents, as analytics has it', analytics['revenue'], self.revenue())
        self.check('revenue in cents, as crm has it', crm['revenue'][0]['spent'], self.revenue())
        self.check('points, equal to the rule applied to the orders', loyalty['points'], self.points())

    # ---- the parts ----

    def start(self):
        self.chapter('Start: all services, an empty folder')
        took = self.stack.up()
        self.check_most('all services ready after', took * 1000, 2000, 'ms')

    def load(self):
        self.chapter('Import: four years of orders through the public APIs')
        made = superstore.prepare(SOURCE, self.folder, datetime.datetime.now(datetime.timezone.utc).date())
        for kind in ('products', 'customers', 'orders'):
            self.stack.fanfare('import', kind, os.path.join(self.folder, f'{kind}.jsonl'))
        for order in made['orders']:
            self.expect(order['customer_id'], superstore.total(order))
        self.check('products in the file', len(made['products']), 1862)
        self.check('customers in the file', len(made['customers']), 793)
        self.check('orders in the file', len(made['orders']), 5009)
        self.check('revenue of the file in cents', self.revenue(), REVENUE_CENTS)
        self.check('profiles, as crm has them', self.stack.must('crm', 'GET', '/v1/totals')['profiles'], 793)
        self.sums('The same sums everywhere')

    def publish(self):
        self.chapter('Publish: a shop, its home page with a personalised slot and a price block')
        shop.furnish(self.stack, PRICED + shop.product_ids(self.stack, 9))
        shown = wait_for(lambda: self.page('?visitor_id=vis_nobody')[0] == 200, 10)
        self.check('the page is served', bool(shown), True)

    def search(self):
        self.chapter('Search: as it is typed, with mistakes, filtered')
        find = lambda query: self.stack.must('search', 'GET', f'/v1/search?{query}')
        wait_for(lambda: find('filter=type:product')['total'] >= 1862, 20)
        self.check('products that can be found', find('filter=type:product')['total'], 1862)
        begun = time.perf_counter()
        typed = find('q=bush+somerst+bokcase&facets=subcategory')
        print(f'      {(time.perf_counter() - begun) * 1000:.1f} ms, at the client')
        self.check('"bush somerst bokcase" finds first', typed['items'][0]['title'], 'Bush Somerset Collection Bookcase')
        self.check('it is corrected to', [one['instead'][0] for one in typed['corrections']], ['somerset', 'bookcase'])
        chairs = find('q=c&filter=category:Furniture&facets=subcategory')
        self.check('"c" in furniture: hits as the facet counts them', sum(one['count'] for one in chairs['facets'][0]['values']),
                   chairs['total'])

    def page(self, query=''):
        """(status, page, milliseconds)."""
        begun = time.perf_counter()
        status, _, page = self.stack.call('gateway', 'GET', f'/v1/pages/home{query}')
        return status, page, (time.perf_counter() - begun) * 1000

    def hero(self, query):
        return self.page(query)[1]['blocks'][0]['variant']

    def people(self):
        self.chapter('The page, for each kind of person')
        spent = sorted(self.placed, key=lambda customer: sum(self.placed[customer]))
        top, usual = spent[-1], spent[len(spent) // 2]
        wait_for(lambda: self.hero(f'?customer_id={top}') == 'vip', 20)
        self.check('a stranger sees', self.hero('?visitor_id=vis_first'), 'default')
        wait_for(lambda: self.hero('?visitor_id=vis_first') == 'returning', 10)
        self.check('the stranger, coming back, sees', self.hero('?visitor_id=vis_first'), 'returning')
        self.check('a usual customer sees', self.hero(f'?customer_id={usual}'), 'returning')
        self.check('the top spender sees', self.hero(f'?customer_id={top}'), 'vip')
        cut = len(spent) - len(spent) // 10
        seen = [self.hero(f'?customer_id={customer}') for customer in (spent[cut - 40], spent[cut + 40])]
        self.check('40 below and above the top tenth\'s border see', seen, ['returning', 'vip'])
        prices = self.page()[1]['blocks'][2]['prices']
        self.check('prices in the block', len(prices), len(PRICED) + 9)
        self.check('any of it by default', self.page()[1]['defaults'], [])

    def pages_timed(self):
        """(all, inside the budget), as the gateway has counted pages so far."""
        name, route = 'http_server_request_duration_seconds', 'http_route="/v1/pages/{slug}"'
        return (self.stack.metric('gateway', f'{name}_count', route) or 0,
                self.stack.metric('gateway', f'{name}_bucket', route, 'le="0.05"') or 0)

    def latencies(self, title, n, wanted_defaults):
        times, statuses, defaults = [], collections.Counter(), collections.Counter()
        before = self.pages_timed()
        for i in range(n):
            status, page, ms = self.page(f'?visitor_id=vis_{title}-{i}')
            statuses[status] += 1
            defaults[tuple(page['defaults'])] += 1
            times.append(ms)
        times.sort()
        after = self.pages_timed()
        late = 100 - 100 * (after[1] - before[1]) / max(after[0] - before[0], 1)
        self.check(f'{n} pages answered with 200', statuses[200], n)
        print(f'      p50 {times[n // 2]:.1f} ms, p99 {times[n * 99 // 100]:.1f} ms, slowest {times[-1]:.1f} ms, at the client')
        self.check_most(f'pages over the budget of {BUDGET_MS} ms, at the gateway', late, 1, '%')
        if wanted_defaults:
            self.check('pages whose defaults are as they should be', defaults[tuple(wanted_defaults)], n)
        else:
            self.check_most('pages with a default in them', 100 - 100 * defaults[()] / n, 1, '%')

    def order(self, customer, product, quantity):
        placed = self.stack.must('commerce', 'POST', '/v1/orders', {'customer_id': customer, 'lines': [
            {'product_id': product, 'quantity': quantity}]})
        self.expect(customer, placed['total']['amount'])
        return placed

    def orders(self, n):
        customers = sorted(self.placed)
        for i in range(n):
            self.order(customers[i * 7 % len(customers)], PRICED[i % 3], 1 + i % 3)

    def buy(self):
        self.chapter('Buy: new orders over HTTP')
        self.orders(20)
        again = {'order_id': 'ord_demo-twice', 'customer_id': 'prf_CG-12520', 'lines': [{'product_id': PRICED[0], 'quantity': 1}]}
        first = self.stack.must('commerce', 'POST', '/v1/orders', again)
        second = self.stack.must('commerce', 'POST', '/v1/orders', again)
        self.expect('prf_CG-12520', first['total']['amount'])
        self.check('the same order sent twice is one order', first == second, True)
        self.sums('The same sums everywhere, with the new orders')

    def starters(self):
        self.chapter('Templates to begin with: an order is confirmed by a mail')
        said = self.stack.fanfare('import', 'starters').splitlines()
        print('\n'.join(f'      {line}' for line in said), flush=True)
        self.check('starter templates that are published', sum(line.endswith('published') for line in said), len(said))
        again = self.stack.fanfare('import', 'starters').splitlines()
        self.check('and the second time', sum(line.endswith('published') for line in again), 0)
        confirmed = lambda: sum(one['subject'].startswith('Your order ') for one in self.stack.must('email', 'GET', '/v1/caught?limit=200')['items'])
        self.orders(1)
        self.check('the next order is confirmed by a mail', bool(wait_for(confirmed, 20)), True)

    def without_loyalty(self):
        self.chapter('Stop loyalty, place 200 orders, start it')
        self.stack.fanfare('stop', 'loyalty')
        self.orders(200)
        self.check('orders placed while loyalty was away', 200, 200)
        self.stack.fanfare('start', 'loyalty')
        self.sums('The sums are equal again')

    def breaker(self):
        return self.stack.metric('gateway', 'fanfare_client_breaker_state', 'personalization')

    def hung_personalization(self):
        self.chapter('Hang personalization: pages come inside the budget, as defaults')
        pid = self.stack.pid('personalization')
        os.kill(pid, signal.SIGSTOP)
        try:
            self.latencies('hung', 200, ['personalization'])
            self.check('the breaker is open (1)', self.breaker(), 1.0)
        finally:
            os.kill(pid, signal.SIGCONT)
        back = wait_for(lambda: not self.page()[1]['defaults'], 30)
        self.check('it answers again, and so do pages', bool(back), True)
        wait_for(lambda: self.page() and self.breaker() == 0.0, 30)
        self.check('the breaker is closed (0)', self.breaker(), 0.0)

    def without_content(self):
        self.chapter('Stop content and restart the gateway: pages come from its own disk')
        self.stack.fanfare('stop', 'content')
        self.stack.fanfare('stop', 'gateway')
        self.stack.fanfare('start', 'gateway')
        self.latencies('edge', 100, [])
        self.stack.fanfare('start', 'content')

    def footprint(self):
        self.chapter('What it costs to have it idle')
        time.sleep(8)
        services = self.stack.status()
        for one in services:
            print(f'      {one["name"]:16} {one["pss_kib"] / 1024:7.1f} MiB')
        self.check_most('memory (PSS in sum)', sum(one['pss_kib'] for one in services) / 1024, 150, 'MiB')
        cpu = [sum(one['cpu_percent'] for one in self.stack.status()) for _ in range(5)]
        self.check_most('CPU of one core (median of 5)', sorted(cpu)[2], 5, '%')


def serve_shop(folder, port_base):
    """Leaves the shop running beside the stack; where it is."""
    port = port_base + 99 if port_base else shop.PORT
    process = subprocess.Popen([sys.executable, shop.__file__, '--data', folder, '--port', str(port)], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    return process.stdout.readline().strip().removeprefix('The shop is at ')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keep', action='store_true', help='leave the stack running, and its data')
    parser.add_argument('--data', help='an empty folder for it (default: a temporary one)')
    parser.add_argument('--port-base', type=int, default=0, help='ports from here on, instead of the usual ones')
    options = parser.parse_args()
    folder = options.data or tempfile.mkdtemp(prefix='fanfare-demo-')
    os.makedirs(folder, exist_ok=True)
    if os.path.exists(os.path.join(folder, 'run.json')):
        raise SystemExit(f'{folder} already holds a stack: the demo begins with an empty folder')
    demo = Demo(Fanfare(folder, options.port_base), folder)
    begun = time.monotonic()
    demo.start()
    try:
        for part in (demo.load, demo.footprint, demo.publish, demo.people, demo.search):
            part()
        demo.chapter('How fast pages come')
        demo.latencies('quick', 500, [])
        reaching = campaigns.Campaigns(demo)
        for part in (demo.buy, reaching.reached, reaching.refused, demo.starters, demo.without_loyalty, demo.hung_personalization, demo.without_content):
            part()
    finally:
        if not options.keep:
            demo.stack.down()
            if not options.data:
                shutil.rmtree(folder)
    print(f'\n{"All as it should be" if not demo.mismatches else f"{demo.mismatches} MISMATCHES"}'
          f', after {time.monotonic() - begun:.0f} s.')
    if options.keep:
        print(f'It runs on. Look around:\n  {serve_shop(folder, options.port_base)}    the shop; it ends with the stack\n'
              f'  build/cli/fanfare status --data {folder}\n'
              f'  build/cli/fanfare token --scopes "*" --data {folder}\n  build/cli/fanfare down --data {folder}')
    return 1 if demo.mismatches else 0


if __name__ == '__main__':
    sys.exit(main())
