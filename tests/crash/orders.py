"""Orders as load, with a ledger of what was acknowledged; and what must be true of it everywhere in the end."""
import collections
import http.client
import json
import shutil
import subprocess
import threading
import time

from stack import wait_for

PRICE, CUSTOMERS = 137, 24
PATIENCE_S = 60


class Orders:
    """Places orders from some threads. Each order is sent until it is acknowledged, and not once more; each customer's
    orders come from one thread, one after another."""

    def __init__(self, stack, threads=3, pause_s=0.004):
        self.stack, self.pause_s = stack, pause_s
        self.placed = {}  # order -> (customer, total in cents)
        self.refused, self.tries = [], 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.place, args=(i, threads)) for i in range(threads)]

    def prepare(self):
        self.stack.must('commerce', 'PUT', '/v1/products/prd_crash',
                        {'name': 'Crash', 'price': {'amount': PRICE, 'currency': 'USD'}})

    def place(self, thread, step):
        n = 0
        while not self.over.is_set():
            customer = thread + step * (n % (CUSTOMERS // step))
            order = {'order_id': f'ord_crash-{thread}-{n}', 'customer_id': f'prf_crash-{customer}',
                     'lines': [{'product_id': 'prd_crash', 'quantity': 1 + (n * 31 + thread * 7) % 97}]}
            total = self.place_one(order)
            if total is None:
                return
            self.placed[order['order_id']] = order['customer_id'], total
            n += 1
            time.sleep(self.pause_s)

    def place_one(self, order):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.tries += 1
            try:
                status, _, answer = self.stack.call('commerce', 'POST', '/v1/orders', order, timeout=5)
            except (OSError, http.client.HTTPException):
                status = 0
            if status in (200, 201):
                return answer['total']['amount']
            if status and status < 500:
                self.refused.append(f'{status}: {answer}')
                return None
            time.sleep(0.01)
        self.refused.append(f'{order["order_id"]} was not taken in {PATIENCE_S} s')
        return None

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    # ---- what must be true in the end ----

    def sums(self):
        return (len(self.placed), sum(total for _, total in self.placed.values()),
                sum(total // 100 for _, total in self.placed.values()))

    def check_commerce(self, report):
        orders, cents, _ = self.sums()
        report.equal(self.refused, [], 'orders that were refused')
        revenue = (self.stack.must('commerce', 'GET', '/v1/revenue')['items'] or [{'orders': 0, 'revenue': 0}])[0]
        report.equal((revenue['orders'], revenue['revenue']), (orders, cents), 'orders and cents, as commerce has them')

    def check_log(self, report):
        """One event for each order, and each customer's in the order in which they were acknowledged."""
        kcat = shutil.which('kcat')
        if not kcat:
            print('  no kcat here: what commerce told is not read')
            return
        told = subprocess.run([kcat, '-C', '-q', '-e', '-b', f'127.0.0.1:{self.stack.port("broker")}', '-o', 'beginning',
                               '-t', 'fanfare.commerce.order', '-f', '%k\t%h\t%s\n'], capture_output=True, text=True,
                              check=True)
        ids, sequence, changed = {}, collections.defaultdict(list), []
        for line in told.stdout.splitlines():
            key, headers, data = line.split('\t')
            event = dict(one.split('=', 1) for one in headers.split(','))['ce_id']
            order = json.loads(data)['order_id']
            if event not in ids:
                ids[event] = data
                sequence[key].append(order)
            elif ids[event] != data:
                changed.append(order)
        wanted = collections.defaultdict(list)
        for order, (customer, _) in self.placed.items():
            wanted[customer].append(order)
        report.equal(changed, [], 'events that were told again, and not the same')
        report.check(sequence == wanted, 'events on the log: one for each order, in the order of each customer')
        print(f'  {len(told.stdout.splitlines())} events on the log for {len(self.placed)} orders', flush=True)

    def check_loyalty(self, report):
        orders, _, points = self.sums()
        wait_for(lambda: self.stack.must('loyalty', 'GET', '/v1/totals')['orders'] >= orders, PATIENCE_S)
        totals = self.stack.must('loyalty', 'GET', '/v1/totals')
        report.equal((totals['orders'], totals['points']), (orders, points), 'orders and points, as loyalty has them')
        entries = self.pages('loyalty', '/v1/balances/{}/entries')
        earned = sorted((one['order_id'], one['points']) for one in entries if one['reason'] == 'order')
        report.check(earned == sorted((order, total // 100) for order, (_, total) in self.placed.items()),
                     'one entry of the ledger for each order, with its points')

    def check_crm(self, report):
        orders, cents, _ = self.sums()

        def revenue():
            return (self.stack.must('crm', 'GET', '/v1/totals')['revenue'] or [{'orders': 0, 'spent': 0}])[0]
        wait_for(lambda: revenue()['orders'] >= orders, PATIENCE_S)
        report.equal((revenue()['orders'], revenue()['spent']), (orders, cents), 'orders and cents, as crm has them')

    def check_analytics(self, report):
        orders, cents, _ = self.sums()

        def revenue():
            return (self.stack.must('analytics', 'GET', '/v1/reports/revenue')['items'] or [{'orders': 0, 'revenue': 0}])[0]
        wait_for(lambda: revenue()['orders'] >= orders, PATIENCE_S)
        report.equal((revenue()['orders'], revenue()['revenue']), (orders, cents), 'orders and cents, as analytics has them')

    def pages(self, service, path):
        found = []
        for customer in sorted({customer for customer, _ in self.placed.values()}):
            cursor = ''
            while cursor is not None:
                page = self.stack.must(service, 'GET', f'{path.format(customer)}?limit=200{cursor and "&cursor=" + cursor}')
                found += page['items']
                cursor = page.get('next_cursor')
        return found
