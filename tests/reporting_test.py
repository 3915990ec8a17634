#!/usr/bin/env python3
"""Reporting as a program: it counts what commerce tells, its read model made again three times while it serves gives the
same bytes, and killed or hung it keeps no order from being placed.

reporting_test.py BUILD_FOLDER
"""
import json
import re
import signal
import sys

from report import Report
from stack import Stack, wait_for

PATIENCE_S = 30
ORDERS, REBUILDS = 30, 3


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
        self.stack.start('broker', 'commerce', 'reporting')
        self.stack.must('commerce', 'PUT', '/v1/products/prd_rep', {'name': 'Chair', 'price': {'amount': 1000, 'currency': 'USD'}})
        for number in range(ORDERS):
            self.order(number)
        self.counts(ORDERS, 'all orders are counted')
        self.report.equal(self.figures()['revenue'], ORDERS * 1000, 'their revenue')

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

    def gone(self):
        process = self.stack['reporting']
        process.signal(signal.SIGSTOP)
        self.order(ORDERS)
        process.signal(signal.SIGCONT)
        process.kill()
        self.order(ORDERS + 1)
        process.start()
        self.counts(ORDERS + 2, 'what was placed meanwhile is counted')


def main(build):
    report = Report()
    with Stack(build) as stack:
        reporting = Reporting(report, stack)
        report.run(reporting.start, reporting.rebuilt, reporting.gone)
        report.equal(stack.stop(), [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
