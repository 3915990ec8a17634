#!/usr/bin/env python3
"""Email's starter templates, as they arrive: imported with `fanfare import starters`, which leaves alone what is there, asked for over email's API, handed over
to the catcher, and judged there. python3-dkim verifies each with what GET /v1/domains says the DNS is to show, for every
sender; SpamAssassin (without the network) gives a newsletter no points; each is good to read without HTML.

starters_test.py BUILD_FOLDER
"""
import email
import email.policy
import html.parser
import os
import re
import shutil
import subprocess
import sys

from report import Report
from stack import Stack, wait_for

MARKETING = ('welcome', 'newsletter', 'abandoned_cart', 'win_back')
SERVICE = ('order_confirmation', 'notice', 'double-opt-in')
MOST_HTML = 102 * 1024  # Gmail shows no more of it
SENDERS = {'snd_one': 'one.shop.example', 'snd_two': 'two.shop.example', 'snd_plain': 'plain.example'}
LINES = [{'product_id': 'prd_1', 'name': 'Chair <oak> & more', 'quantity': 2, 'amount': {'amount': 25990, 'currency': 'EUR'}},
         {'product_id': 'prd_2', 'quantity': 1, 'amount': {'amount': 999, 'currency': 'EUR'}}]
DATA = {'order_id': 'ord_4711', 'placed_at': '2026-11-24T09:30:00Z', 'lines': LINES, 'total': {'amount': 26989, 'currency': 'EUR'},
        'code': 'BACK10', 'stories': [{'title': 'A new chair', 'text': 'Made of oak.', 'url': 'https://shop.example/chair'}]}


class Reading(html.parser.HTMLParser):
    """What of HTML a mail program may not show, or cannot read out."""

    def __init__(self, text):
        super().__init__()
        self.links, self.wrong, self.text, self.open = [], [], '', None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ('script', 'form', 'iframe', 'video', 'link'):
            self.wrong.append(tag)
        if tag == 'img' and (attrs.get('alt') is None or attrs.get('width') != '1'):
            self.wrong.append('a picture')  # but that of tracking
        if tag == 'table' and attrs.get('role') != 'presentation':
            self.wrong.append('a table that is read out as one')
        if tag == 'a':
            self.links.append(attrs.get('href', ''))
            self.open = ''

    def handle_endtag(self, tag):
        if tag == 'a':
            if not self.open.strip():
                self.wrong.append('a link without a text')
            self.open = None

    def handle_data(self, data):
        self.text += data
        if self.open is not None:
            self.open += data


class Starters:
    def __init__(self, report, stack, build):
        self.report, self.stack, self.build = report, stack, build
        self.mails = {}  # (template, sender) -> bytes as they were handed over

    def must(self, method, path, body=None, expect=None):
        return self.stack.call('email', method, path, body, expect=expect)[2]

    # ---- before ----

    def prepare(self):
        self.stack.start('broker')
        self.stack.start('content', 'crm')
        self.stack.start('email', catcher_port=self.stack.port('catcher'), public_url='https://mail.shop.example')
        self.imported()
        for sender, domain in SENDERS.items():
            self.must('PUT', f'/v1/senders/{sender}', {'name': 'Your Shöp', 'address': f'news@{domain}'}, 200)
        self.sign('one.shop.example')
        self.sign('two.shop.example')
        self.sign('two.shop.example', '/rotation')  # the keys before stay published
        self.stack.must('crm', 'PUT', '/v1/profiles/prf_ann', {'name': 'Änne Example', 'email': 'anne@reader.example', 'locale': 'de'})
        self.stack.must('crm', 'POST', '/v1/profiles/prf_ann/consents', {
            'purpose': 'marketing', 'channel': 'email', 'state': 'granted', 'source': 'form', 'wording': 'Yes'})
        reached = wait_for(lambda: self.must('GET', '/v1/contacts/prf_ann')['marketing'])
        self.report.check(reached, 'Anne may be written to')
        for slug in MARKETING + SERVICE:
            wait_for(lambda: self.stack.call('email', 'POST', '/v1/messages', {
                'address': 'nobody@reader.example', 'template': slug, 'message_key': f'probe/{slug}',
                'send_at': '2099-01-01T00:00:00Z'})[0] == 202)

    def sign(self, domain, path=None):
        if path:
            self.must('POST', f'/v1/domains/{domain}{path}', {}, 200)
        else:
            self.must('PUT', f'/v1/domains/{domain}', {}, 200)
        self.must('POST', f'/v1/domains/{domain}/activation', None, 200)

    def run_import(self, wanted):
        """What became of each, and the exit status that is wanted."""
        done = subprocess.run([os.path.join(self.build, 'cli', 'fanfare'), 'import', 'starters', '--data', self.stack.folder,
                               '--url', f'http://127.0.0.1:{self.stack.port("content")}'], capture_output=True, text=True, check=False)
        self.report.equal(done.returncode, wanted, f'the import ends so: {done.stdout}{done.stderr}')
        return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())

    def imported(self):
        """Into a content where somebody has a template of that slug; again, after another one was changed; and once more."""
        own, entries = {'kind': 'email_template', 'slug': 'notice', 'document': {'subject': 'Mine', 'html': '<p>Mine.</p>'}}, '/v1/entries/'
        ask = lambda method, path, body=None: self.stack.call('content', method, path, body)
        self.report.equal(ask('PUT', entries + 'ent_mine', own)[0], 200, 'a template of one\'s own')
        first = self.run_import(0)
        self.report.equal(sorted(slug for slug, what in first.items() if what == 'published'),
                          sorted(set(MARKETING + SERVICE) - {'notice'}), 'those that are published')
        self.report.equal(ask('GET', entries + 'ent_starter_notice')[0], 404, 'the entry whose slug was taken')
        welcome = ask('GET', entries + 'ent_starter_welcome')[2]
        changed = {'kind': 'email_template', 'slug': 'welcome', 'document': {**welcome['document'], 'subject': 'Changed by hand'}}
        ask('PUT', entries + 'ent_starter_welcome', changed)
        self.stack.call('content', 'DELETE', entries + 'ent_mine', headers={'If-Match': '*'}, expect=204)
        again = self.run_import(0)
        self.report.equal([slug for slug, what in again.items() if what == 'published'], ['notice'], 'those that are published then')
        kept = ask('GET', entries + 'ent_starter_welcome')[2]
        self.report.equal((kept['document']['subject'], kept['version']), ('Changed by hand', 2), 'what was changed')
        ask('PUT', entries + 'ent_starter_welcome', {'kind': 'email_template', 'slug': 'welcome', 'document': welcome['document']})
        ask('POST', entries + 'ent_starter_welcome/publish', {})
        versions = lambda: {slug: ask('GET', f'{entries}ent_starter_{slug}')[2]['version'] for slug in MARKETING + SERVICE}
        before = versions()
        self.report.equal([what for what in self.run_import(0).values() if what == 'published'], [], 'the third time')
        self.report.equal(versions(), before, 'the versions after it')

    # ---- on their way ----

    def send(self):
        wanted = {}
        for sender in SENDERS:
            for slug in MARKETING + SERVICE:
                sent = self.must('POST', '/v1/messages', {
                    'person_id': 'prf_ann', 'template': slug, 'sender_id': sender, 'data': DATA,
                    'purpose': 'marketing' if slug in MARKETING else 'service', 'campaign_id': 'cmp_starters'}, 202)
                wanted[sent['message_id']] = slug, sender
        all_there = wait_for(lambda: len(self.caught()) >= len(wanted))
        self.report.check(all_there, f'{len(self.caught())} of {len(wanted)} mails arrived')
        for caught in self.caught():
            raw = self.stack.text('email', 'GET', f'/v1/caught/{caught["caught_id"]}/source', '*', {})[2]
            mail = raw.split(b'\r\n', 2)[2]  # behind the envelope's two lines
            message_id = re.search(rb'^Message-ID: <([^@]+)@', mail, re.MULTILINE)[1].decode()
            self.mails[wanted[message_id]] = mail

    def caught(self):
        return self.must('GET', '/v1/caught?limit=200')['items']

    # ---- and there ----

    def signatures(self):
        try:
            import dkim
        except ImportError:
            self.report.skip('python3-dkim is not installed: no signature was verified')
            return
        dns = {}
        for domain in ('one.shop.example', 'two.shop.example'):
            for record in self.must('GET', f'/v1/domains/{domain}')['records']:
                dns[record['name'].encode() + b'.'] = record['value'].encode()
        for (slug, sender), mail in self.mails.items():
            n = len(re.findall(rb'^DKIM-Signature:', mail, re.MULTILINE))
            self.report.equal(n, 0 if sender == 'snd_plain' else 2, f'signatures of {slug} from {sender}')
            for i in range(n):
                good = dkim.DKIM(mail).verify(idx=i, dnsfunc=lambda name, timeout=5: dns.get(name))
                self.report.check(good, f'signature {i} of {slug} from {sender} holds')
                bad = mail.replace(b'Subject: ', b'Subject: x', 1)
                self.report.check(not verified(dkim, bad, i, dns), f'and not for another subject ({slug})')

    def parts(self):
        for (slug, sender), raw in self.mails.items():
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            text, page = mail.get_body(('plain',)).get_content(), mail.get_body(('html',)).get_content()
            reading = Reading(page)
            self.report.equal(reading.wrong, [], f'what is wrong with the HTML of {slug}')
            self.report.check(len(page) < MOST_HTML, f'{slug} has {len(page)} bytes of HTML')
            self.report.check('max-width:600px' in page and 'prefers-color-scheme' in page, f'{slug}: narrow, and dark')
            for part in (text, reading.text):
                self.report.check('Änne' in part and '{{' not in part and '{%' not in part, f'{slug} is written to Änne: {part[:300]}')
            self.report.check('/preferences/' in page and '/preferences/' in text, f'{slug} leads to the preferences')
            marketing = slug in MARKETING
            self.report.equal('/unsubscribe/' in page and '/unsubscribe/' in text, marketing, f'{slug} leads out')
            self.report.equal(mail['List-Unsubscribe-Post'] is not None, marketing, f'{slug} by one click')
            self.report.check(max(len(line) for line in raw.split(b'\r\n')) <= 998, f'lines of {slug}')
            self.report.check(mail['Subject'] and '\n' not in mail['Subject'], f'subject of {slug}')
        order = email.message_from_bytes(self.mails['order_confirmation', 'snd_one'], policy=email.policy.default)
        page = order.get_body(('html',)).get_content()
        self.report.check('Chair &lt;oak&gt; &amp; more' in page and '269,89' in page, 'the order is in its confirmation')
        self.report.equal(order['Subject'], 'Your order ord_4711', 'its subject')

    def spam(self):
        if not shutil.which('spamassassin'):
            self.report.skip('spamassassin is not installed: no mail was judged by it')
            return
        for slug in MARKETING + SERVICE:
            judged = subprocess.run(['spamassassin', '-L', '-t'], input=self.mails[slug, 'snd_one'], capture_output=True, check=True)
            points = float(re.search(rb'score=(-?[0-9.]+)', judged.stdout)[1])
            why = re.search(rb'tests=(.*?) autolearn', judged.stdout, re.DOTALL)[1].decode()
            print(f'SpamAssassin: {slug} {points} ({" ".join(why.split())})', flush=True)
            self.report.check(points <= 0, f'{slug} has {points} points: {why}')


def verified(dkim, mail, i, dns):
    try:
        return dkim.DKIM(mail).verify(idx=i, dnsfunc=lambda name, timeout=5: dns.get(name))
    except dkim.DKIMException:
        return False


def main():
    report = Report()
    with Stack(sys.argv[1]) as stack:
        starters = Starters(report, stack, os.path.abspath(sys.argv[1]))
        report.run(starters.prepare, starters.send, starters.signatures, starters.parts, starters.spam)
        keep = os.environ.get('FANFARE_KEEP_MAIL')
        for (slug, sender), mail in starters.mails.items() if keep else ():
            with open(os.path.join(keep, f'{slug}.{sender}.eml'), 'wb') as file:
                file.write(mail)
        for one in stack.stop():
            report.check(False, one)
    sys.exit(report.end())


if __name__ == '__main__':
    main()
