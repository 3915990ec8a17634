#!/usr/bin/env python3
"""The demo shop in a browser (headless Chromium): a stranger, a returning customer and a top spender see different heroes;
a checkout is an order at commerce; with personalization stopped all see the default, at the same speed.

shop_test.py BUILD_FOLDER
"""
import os
import signal
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'demo'))
import browser  # noqa: E402
import shop  # noqa: E402
from report import Report, skip  # noqa: E402
from stack import Stack, free_ports, slowness, wait_for  # noqa: E402

PRODUCTS = ['prd_TEC-1', 'prd_FUR-2', 'prd_OFF-3']
CUSTOMERS = 30  # who have bought before, each for more than the one before
TOP = f'prf_c-{CUSTOMERS}'
TIMES = 15
BUDGET_MS = 50
HEADLINES = {'default': 'Welcome to Superstore', 'returning': 'Good to see you again', 'vip': 'For our best customers'}


def prepare(stack):
    for number, product in enumerate(PRODUCTS):
        stack.must('commerce', 'PUT', f'/v1/products/{product}', {
            'name': f'Chair & table {number}', 'price': {'amount': 1000 + number, 'currency': 'USD'}})
    for number in range(1, CUSTOMERS + 1):
        stack.must('commerce', 'POST', '/v1/orders', {'customer_id': f'prf_c-{number}', 'lines': [
            {'product_id': PRODUCTS[0], 'quantity': number}]})
    shop.furnish(stack, PRODUCTS)


class Shopping:
    def __init__(self, stack, site, chromium, report, slow):
        self.stack, self.site, self.browser, self.report, self.slow = stack, site, chromium, report, slow
        self.visitors = {}

    def hero(self, page):
        page.go(self.site.url)
        return page.js('document.querySelector("#hero").dataset.variant'), page.text('#hero h1')

    def sees(self, who, variant):
        page = self.visitors[who]
        wait_for(lambda: self.hero(page)[0] == variant, 20, 0.2)
        self.report.equal(self.hero(page), (variant, HEADLINES[variant]), f'{who} sees')

    def stranger_buys(self):
        page = self.visitors['a customer who comes back'] = self.browser.visitor()
        self.report.equal(self.hero(page), ('default', HEADLINES['default']), 'a stranger sees')
        self.report.equal(page.js('document.querySelectorAll("li[data-product] .price").length'), len(PRODUCTS), 'prices')
        self.report.equal(page.text('li[data-product] a'), 'Chair & table 0', 'names are escaped once')
        page.click('li[data-product] a')
        self.report.check(page.js('location.pathname') == '/products/prd_tec-1' and '$10.00' in page.text('.price'), 'a product page')
        page.click('form button')
        self.report.equal(page.js('location.pathname'), '/cart', 'the cart')
        page.click('#checkout')
        self.report.equal(page.js('location.pathname'), '/thanks', 'thanks')
        order = page.js('new URLSearchParams(location.search).get("order")')
        placed = self.stack.must('commerce', 'GET', f'/v1/orders/{order}')
        self.report.equal((placed['total'], placed['lines'][0]['product_id']),
                          ({'amount': 1000, 'currency': 'USD'}, PRODUCTS[0]), 'the order, as commerce has it')
        page.go(f'{self.site.url}cart')
        self.report.equal(page.text('#cart'), 'It is empty.', 'the cart, after that')

    def top_signs_in(self):
        page = self.visitors['the top spender'] = self.browser.visitor()
        page.go(f'{self.site.url}account')
        page.js(f'document.querySelector("input[name=customer]").value = "{TOP}"')
        page.click('form button')
        self.report.equal(page.text('#who'), f'Signed in as {TOP}.', 'who it is')

    def heroes(self):
        self.sees('the top spender', 'vip')
        self.sees('a customer who comes back', 'returning')
        self.visitors['a stranger'] = self.browser.visitor()
        self.report.equal(self.hero(self.visitors['a stranger'])[0], 'default', 'a stranger sees')

    def times(self):
        """Milliseconds of pages for each of the visitors, in turn."""
        took = []
        for _ in range(TIMES):
            for page in self.visitors.values():
                page.go(self.site.url)
                took.append(page.took_ms())
        return statistics.median(took)

    def without_personalization(self):
        before = self.times()
        self.stack['personalization'].signal(signal.SIGSTOP)
        try:
            for who, page in self.visitors.items():
                self.report.equal(self.hero(page), ('default', HEADLINES['default']), f'{who} sees, with personalization stopped')
                self.report.equal(page.js('document.body.dataset.defaults'), 'personalization', 'and the page says so')
            after = self.times()
        finally:
            self.stack['personalization'].signal(signal.SIGCONT)
        print(f'pages took {before:.1f} ms with personalization and {after:.1f} ms with it stopped (medians, in the browser)')
        self.report.check(after <= before + BUDGET_MS * self.slow, f'at the same speed: {before:.1f} ms, then {after:.1f} ms')
        self.sees('the top spender', 'vip')

    def sees_an_ad(self):
        page = self.visitors['a stranger']
        self.report.equal(page.js('document.querySelectorAll(".ad").length'), 0, 'no ad, no place for one')
        shop.advertise(self.stack, 'sale', f'{self.site.url}cart', 'Sale', 'All chairs')
        shown = wait_for(lambda: self.hero(page) and page.js('document.querySelectorAll(".ad").length') == 1, 20)
        self.report.check(shown and page.text('.ad strong') == 'Sale', 'an ad is shown')
        page.click('.ad a')
        self.report.equal(page.js('location.pathname'), '/cart', 'it leads to where it should')
        counted = wait_for(lambda: (lambda one: one['clicks'] == 1 and one['impressions'] >= 1)(
            self.stack.must('ads', 'GET', '/v1/activations/lch_sale')), 10)
        self.report.check(counted, 'it was seen and followed')

    def moved_and_missing(self):
        self.stack.must('content', 'PUT', '/v1/entries/ent_prd_OFF-3', {'kind': 'page', 'slug': 'sale', 'title': 'Sale', 'document': {
            'blocks': [{'id': 'text', 'kind': 'text', 'content': {'headline': 'Sale', 'text': '<b>all</b>'}}]}})
        self.stack.must('content', 'POST', '/v1/entries/ent_prd_OFF-3/publish', {})
        page = self.visitors['a stranger']

        def follows():
            page.go(f'{self.site.url}products/prd_off-3')
            return page.js('location.pathname') == '/sale'
        self.report.check(wait_for(follows, 20), 'an old address leads to the new one')
        self.report.equal(page.text('#text p'), '<b>all</b>', 'what an editor writes is text')
        page.go(f'{self.site.url}nothing')
        self.report.equal(page.text('h1'), 'There is no such page', 'what is not there')

    def forged(self):
        page = self.browser.visitor()
        page.go(f'{self.site.url}account')
        page.js(f'document.cookie = "customer={TOP}.0123"')
        page.go(f'{self.site.url}account')
        self.report.equal(page.text('#who'), 'Not signed in.', 'a cookie that nobody signed')


def main(build):
    if not browser.program():
        skip('no chromium is installed (apt-get install chromium)')
    report = Report()
    with Stack(build) as stack:
        stack.start('broker', 'content', 'personalization', 'commerce', 'ads', 'gateway')
        prepare(stack)
        site = shop.Shop(stack, free_ports(1)[0]).start()
        wait_for(lambda: site.page('cart', None, 'vis_first')[0] == 200 and all(  # made by each of its layouts
            piece in site.page('home', None, 'vis_first')[2] for piece in (b'>Superstore</a>', b'class="hero"', b'class="price"')))
        with browser.Browser() as chromium:
            shopping = Shopping(stack, site, chromium, report, slowness(build))
            report.run(shopping.stranger_buys, shopping.top_signs_in, shopping.heroes, shopping.sees_an_ad, shopping.without_personalization,
                       shopping.moved_and_missing, shopping.forged)
        site.stop()
        for sentence in stack.stop():
            report.check(False, sentence)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
