#!/usr/bin/env python3
"""The demo shop: a small site, rendered on the server, as one is built on Fanfare. Pages come from the gateway as HTML,
personalised for whoever looks; a checkout is an order at commerce. Nothing of it runs in the browser.

    ./dev shop [--data DIR] [--port PORT]      on a stack that runs (./dev up); makes its pages where they are missing

Whoever signs in is believed: it is a demo. The name is kept in a cookie that only this process can sign.
"""
import argparse
import hashlib
import hmac
import html
import http.cookies
import http.server
import os
import re
import secrets
import sys
import threading
import time
import urllib.parse
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'tests'))
from stack import Fanfare  # noqa: E402

PORT = 8090
A_YEAR_S = 365 * 86400
MOST_FORM_BYTES = 10000
MOST_PIECES, MOST_LINES = 99, 40  # what a cookie holds
PRODUCT = re.compile(r'prd_[A-Za-z0-9._-]{1,60}')
CUSTOMER = re.compile(r'prf_[A-Za-z0-9._-]{1,64}')
PASSED = ('Content-Type', 'Content-Security-Policy', 'X-Content-Type-Options', 'Referrer-Policy', 'Cache-Control',
          'Fanfare-Defaults')
LAYOUTS = ('layout', 'block-hero', 'block-products', 'block-ad')
HERO = {'slot': 'home-hero', 'name': 'Home hero', 'priority': 10, 'variants': [
    {'variant': 'vip', 'rule': {'>': [{'var': 'spend_percentile'}, 90]}},
    {'variant': 'returning', 'rule': {'or': [{'>': [{'var': 'orders.count'}, 0]}, {'>': [{'var': 'visits'}, 0]}]}}]}
HERO_BLOCK = {'id': 'hero', 'kind': 'hero', 'slot': 'home-hero',
              'content': {'headline': 'Welcome to Superstore', 'text': 'Furniture, paper and machines for every office.'},
              'variants': {'returning': {'headline': 'Good to see you again', 'text': 'Here is what others bought since.'},
                           'vip': {'headline': 'For our best customers', 'text': 'Express delivery is free for you.'}}}
AD_BLOCK = {'id': 'banner', 'kind': 'ad', 'slot': 'home-banner', 'content': {}}  # empty while no ad is to be shown
COUNTED = ('v1/impressions/', 'v1/clicks/')  # what ads leads to, by way of the gateway
PLAIN = {'cart': 'Your cart', 'thanks': 'Thank you', 'account': 'Account'}


# ---- what content has to have ----

def publish(asker, entry, body):
    asker.must('content', 'PUT', f'/v1/entries/{entry}', body)
    asker.must('content', 'POST', f'/v1/entries/{entry}/publish', {})


def slug_of(product):
    return f'products/{product.lower()}'


def furnish(asker, products):
    """Layouts, the home page with its hero, a page for each of these products."""
    asker.must('personalization', 'PUT', '/v1/experiences/exp_home', HERO)
    for name in LAYOUTS:
        with open(os.path.join(HERE, 'shop', f'{name}.liquid'), encoding='utf-8') as file:
            publish(asker, f'ent_{name}', {'kind': 'snippet', 'slug': name, 'document': {'liquid': file.read()}})
    publish(asker, 'ent_home', {'kind': 'page', 'slug': 'home', 'title': 'Home', 'document': {'blocks': [
        HERO_BLOCK, AD_BLOCK, {'id': 'best-sellers', 'kind': 'products', 'content': {'headline': 'Best sellers'}, 'products': products}]}})
    for slug, title in PLAIN.items():
        publish(asker, f'ent_{slug}', {'kind': 'page', 'slug': slug, 'title': title, 'document': {'blocks': []}})
    for product in products:
        publish(asker, f'ent_{product}', {'kind': 'page', 'slug': slug_of(product), 'title': product, 'document': {'blocks': [
            {'id': 'product', 'kind': 'products', 'content': {'headline': 'In stock'}, 'products': [product]}]}})


def house_ad(asker, name, target, headline, text):
    """An approved ad for the home page's banner: its id."""
    asker.must('ads', 'PUT', '/v1/placements/plc_home-banner', {'slot': AD_BLOCK['slot'], 'name': 'Banner of the home page'})
    asker.must('ads', 'PUT', f'/v1/ads/ad_{name}', {
        'name': headline, 'placement_id': 'plc_home-banner', 'content': {'headline': headline, 'text': text}, 'target_url': target,
        'model': 'click', 'price': {'amount': 10, 'currency': 'USD'}})
    asker.must('ads', 'PUT', f'/v1/ads/ad_{name}/review', {'state': 'approved'})
    return f'ad_{name}'


def advertise(asker, name, target, headline, text):
    """Shows such an ad, without a campaign."""
    asker.must('ads', 'PUT', f'/v1/activations/lch_{name}', {
        'campaign_id': f'cmp_{name}', 'ads': [house_ad(asker, name, target, headline, text)],
        'budget': {'amount': 10000, 'currency': 'USD'}})


# ---- the site ----

def cell(text):
    return html.escape(str(text))


class Shop:
    """Asks gateway and commerce by `asker`, and answers browsers on a port of the loopback."""

    def __init__(self, asker, port):
        self.asker, self.key = asker, secrets.token_bytes(32)
        shop = self

        class Handler(Visit):
            owner = shop
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}/'

    def start(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def sign(self, text):
        return f'{text}.{hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()}'

    def verified(self, signed):
        text = signed.rpartition('.')[0]
        return text if text and hmac.compare_digest(self.sign(text), signed) else None

    def page(self, slug, customer, visitor):
        """(status, headers, HTML) of the gateway."""
        query = urllib.parse.urlencode({'visitor_id': visitor, **({'customer_id': customer} if customer else {})})
        return self.asker.text('gateway', 'GET', f'/v1/pages/{urllib.parse.quote(slug, safe="")}?{query}', 'pages:read',
                               {'Accept': 'text/html'})


class Visit(http.server.BaseHTTPRequestHandler):
    """One connection of a browser."""
    protocol_version = 'HTTP/1.1'
    owner = None
    visitor = customer = None
    lines = {}  # product -> pieces

    # ---- who it is ----

    def recognise(self):
        self.set = []
        try:
            cookies = {key: one.value for key, one in http.cookies.SimpleCookie(self.headers.get('Cookie', '')).items()}
        except http.cookies.CookieError:
            cookies = {}
        self.visitor = cookies.get('visitor', '')
        if not self.visitor.startswith('vis_') or not self.visitor[4:].isalnum():
            self.visitor = f'vis_{uuid.uuid4().hex}'
            self.give('visitor', self.visitor)
        self.customer = self.owner.verified(cookies.get('customer', ''))
        self.lines = {}
        for part in cookies.get('cart', '').split('/'):
            product, _, pieces = part.partition(':')
            if PRODUCT.fullmatch(product) and pieces.isdigit() and len(self.lines) < MOST_LINES:
                self.lines[product] = min(int(pieces), MOST_PIECES)

    def give(self, name, value, seconds=A_YEAR_S):
        self.set.append(f'{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax')

    def keep_cart(self):
        self.give('cart', '/'.join(f'{product}:{pieces}' for product, pieces in self.lines.items()))

    def sign_in(self, customer):
        self.customer = customer
        self.give('customer', self.owner.sign(customer))

    # ---- answers ----

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        for cookie in self.set:
            self.send_header('Set-Cookie', cookie)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def go(self, to, status=303):
        self.answer(status, b'', [('Location', to)])

    def plainly(self, status, sentence):
        self.answer(status, f'<!doctype html><title>Superstore</title><h1>{cell(sentence)}</h1><a href="/">Home</a>'.encode(),
                    [('Content-Type', 'text/html; charset=utf-8'), ('Cache-Control', 'no-store')])

    def show(self, slug, fragment=''):
        """A page of the gateway, with what only the shop knows in its place."""
        status, told, text = self.owner.page(slug, self.customer, self.visitor)
        if status != 200:
            return self.plainly(404 if status == 404 else 503, 'There is no such page' if status == 404 else 'Please try again')
        moved = told.get('Content-Location')
        if moved:
            return self.go('/' + urllib.parse.unquote(moved.rsplit('/', 1)[1]), 301)
        body = text.replace(b'<!--shop-->', fragment.encode(), 1)
        return self.answer(200, body, [(name, told[name]) for name in PASSED if told.get(name)])

    # ---- pages ----

    def do_GET(self):
        self.recognise()
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).strip('/')
        if path.startswith(COUNTED):
            status, told, body = self.owner.asker.text('gateway', 'GET', f'/{urllib.parse.quote(path)}', 'pages:read', {})
            return self.answer(status, body, [(name, told[name]) for name in (*PASSED, 'Location') if told.get(name)])
        fragments = {'cart': self.cart_table, 'account': self.account_form, 'thanks': self.thanks_line}
        self.show(path or 'home', fragments[path]() if path in fragments else '')

    do_HEAD = do_GET

    def cart_table(self):
        if not self.lines:
            return '<p id="cart">It is empty.</p>'
        rows = ''.join(f'<tr><td>{cell(product)}</td><td>{pieces}</td></tr>' for product, pieces in self.lines.items())
        return (f'<table id="cart"><tr><th>Product</th><th>Pieces</th></tr>{rows}</table><form method="post" action="/checkout">'
                f'<input type="hidden" name="order" value="ord_shop-{uuid.uuid4().hex}"><button id="checkout">Order</button></form>')

    def account_form(self):
        who = f'Signed in as {cell(self.customer)}.' if self.customer else 'Not signed in.'
        return (f'<p id="who">{who}</p><form method="post" action="/account"><label>Customer id '
                '<input name="customer" value="prf_CG-12520"></label> <button>Sign in</button></form>'
                '<form method="post" action="/account"><input type="hidden" name="customer" value=""><button>Sign out</button></form>')

    def thanks_line(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        return f'<p id="order">Your order is {cell(query.get("order", [""])[0])}.</p>'

    # ---- forms ----

    def do_POST(self):
        self.recognise()
        length = self.headers.get('Content-Length', '')
        if not length.isdigit() or int(length) > MOST_FORM_BYTES:
            self.close_connection = True
            return self.plainly(413, 'That is too much')
        form = urllib.parse.parse_qs(self.rfile.read(int(length)).decode('utf-8', 'replace'), keep_blank_values=True)
        do = {'/cart': self.add, '/checkout': self.checkout, '/account': self.account}.get(self.path)
        return do(lambda name: form.get(name, [''])[0]) if do else self.plainly(404, 'There is no such page')

    def add(self, field):
        product = field('product')
        if not PRODUCT.fullmatch(product) or (product not in self.lines and len(self.lines) == MOST_LINES):
            return self.plainly(422, 'There is no such product')
        self.lines[product] = min(self.lines.get(product, 0) + 1, MOST_PIECES)
        self.keep_cart()
        return self.go('/cart')

    def checkout(self, field):
        """An order at commerce, once, however often the button is pressed. Who has no account has one from now on."""
        if not self.lines:
            return self.go('/cart')
        customer = self.customer or f'prf_{self.visitor[4:]}'
        status, _, answer = self.owner.asker.call('commerce', 'POST', '/v1/orders', {
            'order_id': field('order'), 'customer_id': customer,
            'lines': [{'product_id': product, 'quantity': pieces} for product, pieces in self.lines.items()]},
            scopes='orders:write')
        if status != 201:
            return self.plainly(503 if status >= 500 else 422, (answer or {}).get('detail') or 'The order was not taken')
        self.lines = {}
        self.keep_cart()
        self.sign_in(customer)
        return self.go(f'/thanks?order={urllib.parse.quote(answer["order_id"])}')

    def account(self, field):
        customer = field('customer').strip()
        if customer and not CUSTOMER.fullmatch(customer):
            return self.plainly(422, 'That is no customer')
        if customer:
            self.sign_in(customer)
        else:
            self.give('customer', '', 0)
        return self.go('/account')

    def log_message(self, *_):
        pass


# ---- on a stack of `fanfare up` ----

def product_ids(stack, most=12):
    return [one['product_id'] for one in stack.must('commerce', 'GET', f'/v1/products?limit={most}')['items'] if one['active']]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', default='.fanfare', help='the folder of the stack')
    parser.add_argument('--port', type=int, default=PORT)
    options = parser.parse_args()
    stack = Fanfare(options.data)
    if not stack.runs():
        raise SystemExit(f'no stack runs in {options.data}: ./dev up')
    stack.find()
    if stack.call('content', 'GET', '/v1/entries/ent_layout')[0] != 200:
        furnish(stack, product_ids(stack))
    shop = Shop(stack, options.port).start()
    print(f'The shop is at {shop.url}', flush=True)
    while stack.runs():
        time.sleep(1)
    shop.stop()


if __name__ == '__main__':
    sys.exit(main())
