#!/usr/bin/env python3
"""An experiment from pages to results, on services that run: people see what they are given, some of them buy, and the
results are what the pages and the shop said.

experiment_test.py BUILD_FOLDER
"""
import sys
from collections import Counter

from report import Report
from stack import Stack, wait_for

PEOPLE = 150
PAGE = {'kind': 'page', 'slug': 'home', 'title': 'Home', 'document': {'blocks': [
    {'id': 'hero', 'kind': 'hero', 'slot': 'home-hero', 'content': {'headline': 'Welcome'},
     'variants': {'bold': {'headline': 'WELCOME'}}}]}}
EXPERIMENT = {'slot': 'home-hero', 'name': 'How loud', 'status': 'active', 'holdout': 2000, 'goals': ['orders'],
              'variants': [{'variant': 'default', 'weight': 5000}, {'variant': 'bold', 'weight': 5000}]}
PRICE = {'amount': 1000, 'currency': 'USD'}


class Shop:
    def __init__(self, stack, report):
        self.stack, self.report = stack, report
        self.seen, self.bought = {}, set()  # person -> variant

    def person(self, number):
        return f'prf_{number}'

    def hero(self, who):
        return self.stack.must('gateway', 'GET', f'/v1/pages/home?customer_id={who}')['blocks'][0]

    def set_up(self):
        self.stack.must('content', 'PUT', '/v1/entries/ent_home', PAGE)
        self.stack.must('content', 'POST', '/v1/entries/ent_home/publish', {})
        self.stack.must('commerce', 'PUT', '/v1/products/prd_a', {'name': 'Chair', 'price': PRICE, 'active': True})
        self.stack.must('personalization', 'PUT', '/v1/experiments/exm_loud', EXPERIMENT)
        asked = {'customer_id': 'prf_nobody', 'slots': ['home-hero']}
        running = wait_for(lambda: self.stack.must('personalization', 'POST', '/v1/decisions', asked)['decisions'][0].get('experience_id'))
        self.report.equal(running, 'exm_loud', 'decisions follow the experiment')

    def pages(self):
        """Everybody sees the same twice, and what is shown is what was chosen."""
        for who in map(self.person, range(PEOPLE)):
            first, again = self.hero(who), self.hero(who)
            self.seen[who] = first['variant']
            self.report.equal(first['variant'], again['variant'], f'{who} sees the same again')
            self.report.equal(first.get('experience_id'), 'exm_loud', f'{who} is counted')
            headline = 'WELCOME' if first['variant'] == 'bold' else 'Welcome'
            self.report.equal(first['content']['headline'], headline, f'{who} sees {first["variant"]}')
        self.report.equal(set(self.seen.values()), {'default', 'bold', 'holdout'}, 'variants')

    def orders(self):
        for number in range(0, PEOPLE + 20, 5):  # some have never been here
            who = self.person(number)
            order = {'order_id': f'ord_{number}', 'customer_id': who, 'lines': [{'product_id': 'prd_a', 'quantity': 1}]}
            self.stack.must('commerce', 'POST', '/v1/orders', order)
            self.bought.add(who)

    def results(self):
        shown = Counter(self.seen.values())
        bought = Counter(variant for who, variant in self.seen.items() if who in self.bought)

        def told():
            results = self.stack.must('personalization', 'GET', '/v1/experiments/exm_loud/results')
            figures = {one['variant']: (one['exposed'], one['goals'][0]['converted']) for one in results['variants']}
            return results if figures == {name: (shown[name], bought[name]) for name in shown} else None

        results = wait_for(told)
        if not self.report.check(results, f'the results are {shown} and {bought}'):
            return
        arms = [shown[name] for name in ('default', 'bold')]
        off = (arms[0] - arms[1]) ** 2 / sum(arms)  # Pearson's, of two equal shares
        self.report.check(abs(results['sample_ratio']['chi_square'] - off) < 1e-9, f'{results["sample_ratio"]}, wanted {off}')
        self.report.equal(results['sample_ratio']['mismatch'], False, 'a mismatch')
        best = [goal['probability_best'] for one in results['variants'] if one['variant'] != 'holdout' for goal in one['goals']]
        self.report.check(abs(sum(best) - 1) < 1e-3, f'one of them is best: {best}')

    def ended(self):
        """What has ended shows what is published, and keeps its results."""
        self.stack.must('personalization', 'PUT', '/v1/experiments/exm_loud', {**EXPERIMENT, 'status': 'ended'})
        gone = wait_for(lambda: 'experience_id' not in self.hero(self.person(0)))
        self.report.check(gone, 'nobody takes part any more')
        results = self.stack.must('personalization', 'GET', '/v1/experiments/exm_loud/results')
        self.report.equal((results['exposed'], results['status']), (PEOPLE, 'ended'), 'results that stay')


def main():
    report = Report()
    with Stack(sys.argv[1]) as stack:
        stack.start('broker')
        stack.start('content', 'commerce', 'personalization', 'gateway')
        shop = Shop(stack, report)
        report.run(shop.set_up, shop.pages, shop.orders, shop.results, shop.ended)
        report.equal(stack.stop(), [], 'all ended well')
    sys.exit(report.end())


if __name__ == '__main__':
    main()
