"""The demo's campaigns: one that is launched over four services and reaches everybody who wants it, once; and one that ads
refuses, of which nothing stays."""
import datetime
import email
import email.policy
import re
import time
import urllib.parse

import shop
from stack import wait_for

PATIENCE_S = 60
REFUSING = 10  # every so many-th of the customers has refused to get mail (superstore.py)
BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
SOON_S = 3  # who follows a link within this time of the mail is taken for a scanner
OPENING, CLICKING, BUYING = 40, 15, 5
TEMPLATE = {'subject': 'Spring at Superstore, {{ person.name | split: " " | first }}', 'preheader': 'Chairs for the first warm days.',
            'html': '<h1>It is spring, {{ person.name }}</h1><p><a href="https://superstore.example.com/spring">To the chairs</a></p>'
                    '<p><a href="{{ unsubscribe_url }}">No more of this</a></p>'}
ENDS = ('launched', 'completed', 'failed')


def link_of(message, path):
    """The path of the first link of that kind in the mail's HTML."""
    html = message.get_body(('html',)).get_content()
    found = re.search(rf'"(https?://[^"]*{path}[^"]*)"', html)
    return urllib.parse.urlsplit(found[1].replace('&amp;', '&')).path if found else None


def in_a_week():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=7)).strftime('%Y-%m-%dT%H:%M:%SZ')


class Campaigns:
    def __init__(self, demo):
        self.demo, self.stack = demo, demo.stack
        self.check, self.ask = demo.check, demo.stack.must

    # ---- what a campaign needs ----

    def prepare(self):
        shop.publish(self.stack, 'ent_spring-mail', {'kind': 'email_template', 'slug': 'spring', 'title': 'Spring', 'document': TEMPLATE})
        self.ask('personalization', 'PUT', '/v1/segments/seg_customers', {'name': 'Customers', 'rule': {'>': [{'var': 'orders.count'}, 0]}})
        customers = sorted(self.demo.placed)
        size = lambda: self.ask('personalization', 'GET', '/v1/segments/seg_customers')['size']
        wait_for(lambda: size() == len(customers), PATIENCE_S)
        self.check('customers in the segment', size(), len(customers))
        known = lambda customer: 'seg_customers' in self.ask('email', 'GET', f'/v1/contacts/{customer}')['segments']
        wait_for(lambda: all(known(customer) for customer in customers), PATIENCE_S)
        self.wanted = {contact['address'] for contact in (self.ask('email', 'GET', f'/v1/contacts/{customer}') for customer in customers)
                       if contact['marketing']}
        self.check('of them want mail: nine in ten', len(self.wanted), len(customers) - len(customers) // REFUSING)

    def plan(self, name, ad, budget):
        """A campaign with a page, a mail and an ad, approved by another person than who made it."""
        self.ask('content', 'PUT', f'/v1/entries/ent_{name}', {'kind': 'page', 'slug': name, 'title': name.title(), 'document': {
            'blocks': [{'id': 'hero', 'kind': 'hero', 'content': {'headline': name.title(), 'text': 'Chairs for the first warm days.'}}]}})
        self.ask('campaign', 'PUT', f'/v1/campaigns/cmp_{name}', {
            'name': name.title(), 'goal': {'text': 'Orders', 'event': 'orders'}, 'audience': {'segments': ['seg_customers']},
            'entries': [f'ent_{name}'], 'email': {'template': 'spring'},
            'ads': {'ads': [ad], 'budget': {'amount': budget, 'currency': 'USD'}}, 'ends_at': in_a_week()})
        other = self.stack.fanfare('token', '--scopes', '*', '--subject', 'approver').strip()
        self.ask('campaign', 'POST', f'/v1/campaigns/cmp_{name}/approve', scopes=None, headers={'Authorization': f'Bearer {other}'})

    def launch(self, name):
        """Launches it and shows the steps as they come."""
        begun, seen = time.monotonic(), set()
        self.ask('campaign', 'POST', f'/v1/campaigns/cmp_{name}/launch')
        while True:
            launch = self.ask('campaign', 'GET', f'/v1/campaigns/cmp_{name}/launch')
            for step in launch['steps']:
                news = (step['step'], step['state'])
                if news not in seen and step['state'] != 'waiting':
                    print(f'      {(time.monotonic() - begun) * 1000:7.0f} ms  {step["step"]:10} {step["state"]:10} '
                          f'{step.get("reason", "")}', flush=True)
                    seen.add(news)
            if launch['state'] in ENDS:
                print(f'      {(time.monotonic() - begun) * 1000:7.0f} ms  {launch["state"]}', flush=True)
                return launch
            if time.monotonic() - begun > PATIENCE_S:
                raise SystemExit(f'the launch of {name} does not come to its end: {launch}')
            time.sleep(0.02)

    # ---- what was caught ----

    def caught(self):
        found, cursor = [], ''
        while cursor is not None:
            answer = self.ask('email', 'GET', f'/v1/caught?limit=200{cursor}')
            found += answer['items']
            cursor = f'&cursor={answer["next_cursor"]}' if answer.get('next_cursor') else None
        return found

    def mails(self):
        """The mails as they came, parsed."""
        for one in self.caught():
            source = self.stack.text('email', 'GET', f'/v1/caught/{one["caught_id"]}/source', 'caught:read', {})[2]
            yield email.message_from_bytes(source, policy=email.policy.default)

    def status(self, name):
        return self.ask('campaign', 'GET', f'/v1/campaigns/cmp_{name}/status')['figures']

    def visit(self, path, method='GET', body=None):
        headers = {'User-Agent': BROWSER, **({'Content-Type': 'application/x-www-form-urlencoded'} if body else {})}
        return self.stack.call('email', method, path, body, headers=headers, scopes=None)[0]

    # ---- the two ----

    def reached(self):
        self.demo.chapter('A campaign: launched over four services, and mail to everybody who wants it')
        self.prepare()
        ad = shop.house_ad(self.stack, 'spring', 'https://superstore.example.com/spring', 'Spring', 'Chairs for the first warm days')
        self.plan('spring', ad, 50000)
        begun = time.monotonic()
        launch = self.launch('spring')
        self.check('steps', [step['state'] for step in launch['steps']], ['done'] * 4)
        wait_for(lambda: self.status('spring')['sent'] >= len(self.wanted), PATIENCE_S)
        took = time.monotonic() - begun
        print(f'      {len(self.wanted)} mails sent {took:.1f} s after the launch was asked for')
        wait_for(lambda: len(self.caught()) >= len(self.wanted), PATIENCE_S)
        mails = list(self.mails())
        self.check('mails in the catcher', len(mails), len(self.wanted))
        self.check('Message-IDs that are there twice', len(mails) - len({mail['Message-ID'] for mail in mails}), 0)
        self.check('each to somebody who wants it', {mail['To'].addresses[0].addr_spec for mail in mails} == self.wanted, True)
        self.check('with a link to unsubscribe', sum(bool(link_of(mail, '/v1/unsubscribe/')) for mail in mails), len(mails))
        customer = sorted(self.demo.placed)[0]
        banner = lambda: [block for block in self.demo.page(f'?customer_id={customer}')[1]['blocks'] if block['kind'] == 'ad'][0]
        self.check('the home page shows a customer its ad', bool(wait_for(lambda: 'ad' in banner(), 10)), True)
        self.answered(mails)
        self.shown()

    def answered(self, mails):
        """People open, click, unsubscribe and buy; a scanner looks, too."""
        time.sleep(SOON_S)
        for mail in mails[:OPENING]:
            self.visit(link_of(mail, '/v1/opens/'))
        for mail in mails[:CLICKING]:
            self.visit(link_of(mail, '/v1/clicks/'))
        self.stack.call('email', 'GET', link_of(mails[-1], '/v1/opens/'), headers={'User-Agent': 'Barracuda'}, scopes=None)
        link = link_of(mails[0], '/v1/unsubscribe/')
        self.check('one click, and no more mail', self.visit(link, 'POST', b'List-Unsubscribe=One-Click'), 200)
        by_address = {self.ask('email', 'GET', f'/v1/contacts/{customer}').get('address'): customer for customer in self.demo.placed}
        buyers = [by_address[mail['To'].addresses[0].addr_spec] for mail in mails[1:1 + BUYING]]
        wait_for(lambda: self.dashboard()['figures']['clicked'] >= CLICKING, PATIENCE_S)
        self.bought = sum(self.demo.order(customer, self.demo.priced[0], 1)['total']['amount'] for customer in buyers)
        self.unsubscribed = mails[0]['To'].addresses[0].addr_spec

    def dashboard(self):
        return self.ask('reporting', 'GET', '/v1/campaigns/cmp_spring')

    def shown(self):
        self.demo.chapter('Its results, in the dashboard')
        wait_for(lambda: self.dashboard()['figures']['orders'] >= BUYING and self.dashboard()['figures']['opened'] >= OPENING, PATIENCE_S)
        board = self.dashboard()
        figures = board['figures']
        self.check('mails sent', figures['sent'], len(self.wanted))
        self.check('opened by persons (a scanner is none)', figures['opened'], OPENING)
        self.check('followed by persons', figures['clicked'], CLICKING)
        self.check('unsubscribed', figures['unsubscribed'], 1)
        self.check('orders after a click', figures['orders'], BUYING)
        self.check('revenue of these in cents', figures['revenue'], self.bought)
        self.check('complete, in percent', round(100 * board['completion']), 100)
        accepted = board['time_to_inbox']['accepted']
        print(f'      from due to accepted: half within {accepted["p50_s"]:.2f} s, 95% within {accepted["p95_s"]:.2f} s')

    def refused(self):
        self.demo.chapter('Another, which ads refuses: everything is undone')
        before = len(self.caught())
        self.ask('ads', 'PUT', '/v1/ads/ad_unapproved', {
            'name': 'Nobody approved it', 'placement_id': 'plc_home-banner', 'content': {'headline': 'Summer'}, 'model': 'click',
            'target_url': 'https://superstore.example.com/summer', 'price': {'amount': 10, 'currency': 'USD'}})
        self.plan('summer', 'ad_unapproved', 50000)
        launch = self.launch('summer')
        self.check('the launch', launch['state'], 'failed')
        print(f'      {launch["failed_step"]}: {launch["reason"]}')
        self.check('steps that stand', [step['step'] for step in launch['steps'] if step['state'] == 'done'], [])
        self.check('its page is not shown', self.stack.call('content', 'GET', '/v1/entries/ent_summer/published')[0], 404)
        self.check('mails of it', len(self.caught()) - before, 0)
        self.check('recipients of it', self.status('summer')['recipients'], 0)
