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
    orders come from one thread, one after another. `instances`: those of commerce that are asked in turn; where one does
    not answer, the next is."""

    def __init__(self, stack, threads=3, pause_s=0.004, instances=('commerce',)):
        self.stack, self.pause_s, self.instances = stack, pause_s, instances
        self.placed = {}  # order -> (customer, total in cents)
        self.refused, self.tries, self.slowest_s = [], 0, 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.place, args=(i, threads)) for i in range(threads)]

    def prepare(self, crm=None):
        """What is ordered; and who orders, where there is a crm."""
        self.stack.must(self.instances[0], 'PUT', '/v1/products/prd_crash',
                        {'name': 'Crash', 'price': {'amount': PRICE, 'currency': 'USD'}})
        for customer in range(CUSTOMERS if crm else 0):
            self.stack.must(crm, 'PUT', f'/v1/profiles/prf_crash-{customer}', {'name': f'Customer {customer}'})

    def place(self, thread, step):
        n = 0
        while not self.over.is_set():
            customer = thread + step * (n % (CUSTOMERS // step))
            if not self.place_one(f'ord_crash-{thread}-{n}', customer, 1 + (n * 31 + thread * 7) % 97, thread + n):
                return
            n += 1
            time.sleep(self.pause_s)

    def place_some(self, n):
        """So many, one after another."""
        for i in range(len(self.placed), len(self.placed) + n):
            self.place_one(f'ord_crash-{i}', i % CUSTOMERS, 1 + i * 31 % 97, i)

    def place_one(self, order_id, customer, quantity, turn):
        """False when it is not taken; why is noted."""
        order = {'order_id': order_id, 'customer_id': f'prf_crash-{customer}',
                 'lines': [{'product_id': 'prd_crash', 'quantity': quantity}]}
        begun = time.monotonic()
        total = self.send(order, turn)
        if total is not None:
            self.placed[order_id] = order['customer_id'], total
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        return total is not None

    def send(self, order, turn):
        """Its total, once it is acknowledged."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.tries += 1
            instance, turn = self.instances[turn % len(self.instances)], turn + 1
            try:
                status, _, answer = self.stack.call(instance, 'POST', '/v1/orders', order, timeout=5)
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

    def check_commerce(self, report, at='commerce'):
        orders, cents, _ = self.sums()
        report.equal(self.refused, [], 'orders that were refused')
        revenue = (self.stack.must(at, 'GET', '/v1/revenue')['items'] or [{'orders': 0, 'revenue': 0}])[0]
        report.equal((revenue['orders'], revenue['revenue']), (orders, cents), f'orders and cents, as {at} has them')

    def check_log(self, report):
        """One event for each order, and each customer's in the order in which they were acknowledged."""
        self.check_told(report, 'fanfare.commerce.order', {order: total for order, (_, total) in self.placed.items()},
                        lambda event: event['total']['amount'])

    def check_points_told(self, report):
        """What follows from the orders, likewise."""
        self.check_told(report, 'fanfare.loyalty.points',
                        {order: total // 100 for order, (_, total) in self.placed.items() if total >= 100},
                        lambda event: event['points'])

    def check_told(self, report, topic, wanted, amount):
        """`wanted`: order -> what the topic's event about it says. Told again, an event has the same id and says the
        same."""
        if not shutil.which('kcat'):
            report.skip(f'{topic} is not read: no kcat here (Debian: kcat)')
            return
        told = subprocess.run([shutil.which('kcat'), '-C', '-q', '-e', '-b', f'127.0.0.1:{self.stack.port("broker")}', '-o',
                               'beginning', '-t', topic, '-f', '%k\t%h\t%s\n'], capture_output=True, text=True, check=True)
        ids, sequence, changed, amounts = {}, collections.defaultdict(list), [], {}
        for line in told.stdout.splitlines():
            key, headers, data = line.split('\t')
            event = dict(one.split('=', 1) for one in headers.split(','))['ce_id']
            order = json.loads(data)['order_id']
            if event not in ids:
                ids[event] = data
                sequence[key].append(order)
                amounts[order] = amount(json.loads(data))
            elif ids[event] != data:
                changed.append(order)
        in_order = collections.defaultdict(list)
        for order in wanted:
            in_order[self.placed[order][0]].append(order)
        report.equal(changed, [], f'events of {topic} that were told again, and not the same')
        report.check(sequence == in_order, f'events of {topic}: one for each order, in the order of each customer')
        report.check(amounts == wanted, f'events of {topic}, with what they say')
        print(f'  {len(told.stdout.splitlines())} events on {topic} for {len(wanted)} orders', flush=True)

    def check_loyalty(self, report, at='loyalty'):
        orders, _, points = self.sums()
        wait_for(lambda: self.stack.must(at, 'GET', '/v1/totals')['orders'] >= orders, PATIENCE_S)
        totals = self.stack.must(at, 'GET', '/v1/totals')
        report.equal((totals['orders'], totals['points']), (orders, points), f'orders and points, as {at} has them')
        entries = self.pages(at, '/v1/balances/{}/entries')
        earned = sorted((one['order_id'], one['points']) for one in entries if one['reason'] == 'order')
        report.check(earned == sorted((order, total // 100) for order, (_, total) in self.placed.items()),
                     f'one entry of the ledger for each order, with its points, as {at} has it')

    def check_crm(self, report, at='crm'):
        orders, cents, _ = self.sums()

        def revenue():
            return (self.stack.must(at, 'GET', '/v1/totals')['revenue'] or [{'orders': 0, 'spent': 0}])[0]
        wait_for(lambda: revenue()['orders'] >= orders, PATIENCE_S)
        report.equal((revenue()['orders'], revenue()['spent']), (orders, cents), f'orders and cents, as {at} has them')
        entries = self.pages(at, '/v1/profiles/{}/timeline')
        told = sorted((one['reference'], one['amount']['amount']) for one in entries if one['kind'] == 'order')
        report.check(told == sorted((order, total) for order, (_, total) in self.placed.items()),
                     f'one entry of a timeline for each order, as {at} has it')

    def check_analytics(self, report, at='analytics'):
        orders, cents, _ = self.sums()

        def revenue():
            return (self.stack.must(at, 'GET', '/v1/reports/revenue')['items'] or [{'orders': 0, 'revenue': 0}])[0]
        wait_for(lambda: revenue()['orders'] >= orders, PATIENCE_S)
        report.equal((revenue()['orders'], revenue()['revenue']), (orders, cents), f'orders and cents, as {at} has them')

    def check_people(self, report, at='personalization'):
        """What rules read of each customer."""
        wanted = collections.defaultdict(lambda: [0, 0])
        for customer, total in self.placed.values():
            wanted[customer][0] += 1
            wanted[customer][1] += total

        def heard():
            found = {}
            for customer in wanted:
                orders = self.stack.must(at, 'GET', f'/v1/people/{customer}/features')['features'].get('orders', {})
                found[customer] = [orders.get('count'), orders.get('total')]
            return found
        wait_for(lambda: heard() == wanted, PATIENCE_S, 0.5)
        report.check(heard() == wanted, f'orders and cents of each customer, as {at} has them')

    def pages(self, service, path):
        found = []
        for customer in sorted({customer for customer, _ in self.placed.values()}):
            cursor = ''
            while cursor is not None:
                page = self.stack.must(service, 'GET', f'{path.format(customer)}?limit=200{cursor and "&cursor=" + cursor}')
                found += page['items']
                cursor = page.get('next_cursor')
        return found
