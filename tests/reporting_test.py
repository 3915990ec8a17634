#!/usr/bin/env python3
"""Reporting as a program: what it counts is what a slow and obvious count of the log gives, its read model made again three
times while it serves gives the same bytes, and hung, killed or wrong it touches no order, no page and no mail.

reporting_test.py BUILD_FOLDER
"""
import collections
import json
import re
import signal
import subprocess
import sys

from faulty import Faulty
from report import Report
from stack import Stack, free_ports, wait_for

PATIENCE_S = 30
ORDERS, REBUILDS = 30, 3
MAILS, REFUNDED = 9, 4
HOME = {'blocks': [{'id': 'hero', 'kind': 'hero', 'slot': 'home-hero', 'content': {'headline': 'Welcome'}, 'variants': {}},
                   {'id': 'offers', 'kind': 'products', 'content': {}, 'products': ['prd_rep']}]}
COUNTED = ('fanfare.commerce.order', 'fanfare.email.message', 'fanfare.gateway.page')


class Reporting:
    def __init__(self, report, stack):
        self.report, self.stack = report, stack

    def order(self, number):
        status, _, answer = self.stack.call('commerce', 'POST', '/v1/orders', {
            'order_id': f'ord_rep_{number}', 'customer_id': f'prf_{number % 7}', 'lines': [{'product_id': 'prd_rep', 'quantity': 1}]})
        self.report.equal(status, 201, f'order {number} is taken: {answer}')

    def figures(self):
        return self.stack.must('reporting', 'GET', '/v1/dashboard')['figures']

    def counts(self, wanted, what):
        self.report.check(wait_for(lambda: self.figures()['orders'] == wanted, PATIENCE_S), f'{what}: {self.figures()["orders"]}')

    def start(self):
        self.stack.add('email', catcher_port=free_ports(1)[0])
        self.stack.start('broker', 'commerce', 'content', 'personalization', 'email', 'gateway', 'reporting')
        self.stack.must('commerce', 'PUT', '/v1/products/prd_rep', {'name': 'Chair', 'price': {'amount': 1000, 'currency': 'USD'}})
        self.stack.must('content', 'PUT', '/v1/entries/ent_home', {'kind': 'page', 'slug': 'home', 'document': HOME})
        self.stack.must('content', 'POST', '/v1/entries/ent_home/publish', {})
        self.report.check(wait_for(self.page_is_whole, PATIENCE_S), 'pages come')
        for number in range(ORDERS):
            self.order(number)
        for number in range(REFUNDED):
            self.stack.must('commerce', 'POST', f'/v1/orders/ord_rep_{number}/transitions', {'to': 'paid'})
            self.stack.must('commerce', 'POST', f'/v1/orders/ord_rep_{number}/refunds', {'amount': {'amount': 100 + number, 'currency': 'USD'}})
        for number in range(MAILS):
            self.mail(number)
        self.counts(ORDERS, 'all orders are counted')

    def page_is_whole(self):
        status, _, page = self.stack.call('gateway', 'GET', '/v1/pages/home?visitor_id=vis_rep')
        return status == 200 and page['defaults'] == []

    def mail(self, number):
        """Asked for, and caught."""
        to = f'reader{number}@example.com'
        status, _, answer = self.stack.call('email', 'POST', '/v1/messages', {'address': to, 'subject': 'Hello', 'text': 'Hello.'})
        self.report.equal(status, 202, f'mail {number} is taken: {answer}')
        there = lambda: any(one['recipients'] == to for one in self.stack.must('email', 'GET', '/v1/caught?limit=200')['items'])
        self.report.check(wait_for(there, PATIENCE_S), f'mail {number} arrives')

    # ---- counted again ----

    def log(self, topic):
        """(type, data) of each event."""
        lines = subprocess.run(['kcat', '-C', '-b', f'127.0.0.1:{self.stack.port("broker")}', '-t', topic, '-e', '-q',
                                '-f', '%h\x01%s\x02'], capture_output=True, check=True, text=True).stdout.split('\x02')
        for line in filter(None, lines):
            headers, data = line.split('\x01')
            kind = next(one[8:] for one in headers.split(',') if one.startswith('ce_type='))
            yield kind.rsplit('.', 1)[0], json.loads(data)

    def counted(self):
        figures, visitors = collections.Counter(), set()
        for kind, data in (event for topic in COUNTED for event in self.log(topic)):
            if kind == 'fanfare.commerce.order.placed':
                figures['orders'] += 1
                figures['revenue'] += data['total']['amount']
            elif kind == 'fanfare.commerce.order.refunded':
                figures['refunded'] += data['refund']['amount']
            elif kind == 'fanfare.email.message.sent':
                figures['sent'] += 1
            elif kind == 'fanfare.gateway.page.viewed':
                visitors.add((data['person_id'], data['viewed_at'][:10]))
        figures['net_revenue'] = figures['revenue'] - figures['refunded']
        figures['visitors'] = len(visitors)
        figures['distinct_visitors'] = len({person for person, _ in visitors})
        return dict(figures)

    def counted_again(self):
        mine = self.counted()
        theirs = lambda: {name: self.figures()[name] for name in mine}
        wait_for(lambda: theirs() == mine, PATIENCE_S)
        self.report.equal(theirs(), mine, 'a count of the log by hand')
        self.report.equal((mine['orders'], mine['sent'], mine['refunded']),
                          (ORDERS, MAILS, sum(100 + number for number in range(REFUNDED))), 'and it is of all that there was')

    def rebuilt(self):
        pages = ('/v1/dashboard', '/v1/days', '/v1/channels', '/v1/campaigns', '/v1/freshness')
        # `behind` is of the log, not of the figures: it is told again once the log is read again
        told = lambda: [self.stack.must('reporting', 'GET', page) for page in pages]
        ask = lambda: re.sub(r'"behind": \d+', '', json.dumps(told())).replace(', ,', ',').replace(', }', '}')
        self.report.check(wait_for(lambda: told()[0].get('behind') == 0, PATIENCE_S), 'nothing waits to be counted')
        before = ask()
        for number in range(1, REBUILDS + 1):
            self.report.check(self.rebuild(), f'made again, time {number}')
            self.report.check(ask() == before, f'the figures are the same after {number} times')

    def rebuild(self):
        status, _, _ = self.stack.admin('reporting', 'POST', '/rebuild', {}, scopes='rebuild')
        return status < 300 and wait_for(
            lambda: self.stack.admin('reporting', 'GET', '/rebuild', scopes='rebuild')[2]['phase'] == 'done', PATIENCE_S)

    def touches_nothing(self, how, number):
        self.order(number)
        self.report.check(self.page_is_whole(), f'{how}: a page comes, without a default')
        self.mail(number)

    def gone(self):
        process, port = self.stack['reporting'], self.stack.port('reporting')
        process.signal(signal.SIGSTOP)
        self.touches_nothing('hung', ORDERS)
        process.signal(signal.SIGCONT)
        process.kill()
        self.touches_nothing('killed', ORDERS + 1)
        wrong = Faulty(port, self.stack.port('commerce'))
        wrong.tell('garbage')
        self.touches_nothing('wrong', ORDERS + 2)
        wrong.stop()
        process.start()
        self.counts(ORDERS + 3, 'what was placed meanwhile is counted')
        self.report.equal(self.counted()['sent'], MAILS + 3, 'mails, by a count of the log')
        self.report.check(wait_for(lambda: self.figures()['sent'] == MAILS + 3, PATIENCE_S), f'and by reporting: {self.figures()}')


def main(build):
    report = Report()
    with Stack(build) as stack:
        reporting = Reporting(report, stack)
        report.run(reporting.start, reporting.counted_again, reporting.rebuilt, reporting.gone)
        report.equal(stack.stop(), [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
