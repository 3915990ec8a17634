#!/usr/bin/env python3
"""From a mail in the catcher to what follows from it, on services that run: its links lead on, unsubscribing by one click is honoured
everywhere within a second, so is wanting mail again, and a bounce by SMTP stops what would come next.

links_system_test.py BUILD_FOLDER
"""
import email
import email.policy
import os
import re
import smtplib
import sqlite3
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', 'tests'))
from mail import Told  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, free_ports, request, slowness, wait_for  # noqa: E402

PATIENCE_S = 30
PUBLIC = 'https://mail.shop.example'
DOMAIN = 'bounces.shop.example'
TARGET = 'https://shop.example/spring?a=1&b=2'
HTML = ('<html><body><p>Hello {{ person.name }}</p><a href="https://shop.example/spring?a=1&amp;b=2">Spring</a>'
        ' <a href="mailto:shop@shop.example">Write</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a></body></html>')
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}
BROWSER = {'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'}
REPORT = ('From: postmaster@mx.example.net\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n'
          '--b\r\n\r\nNobody is there.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n'
          'Final-Recipient: rfc822; somebody@shop.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n')


class Links:
    def __init__(self, build, report, stack):
        self.report, self.stack, self.told = report, stack, Told(stack)
        self.soon_s = slowness(build)
        self.catcher_port, self.return_port = free_ports(2)

    def start(self):
        self.stack.start('broker')
        self.stack.start('crm')
        self.stack.start('email', catcher_port=self.catcher_port, return_port=self.return_port, return_domain=DOMAIN, public_url=PUBLIC,
                         machine_within='0s')
        self.told.template('hello', html=HTML)
        for name in ('ann', 'bob'):
            self.stack.must('crm', 'PUT', f'/v1/profiles/prf_{name}', {'name': name, 'email': f'{name}@shop.example'})
            self.stack.must('crm', 'POST', f'/v1/profiles/prf_{name}/consents', {
                'purpose': 'marketing', 'channel': 'email', 'state': 'granted', 'source': 'form', 'wording': 'Yes'})
            self.report.check(wait_for(lambda: self.may_be_sent(f'prf_{name}'), PATIENCE_S), f'{name} may be written to')
        self.report.check(wait_for(self.templates, PATIENCE_S), 'email has heard of the template')

    # ---- what is known ----

    def contact(self, person):
        return self.stack.must('email', 'GET', f'/v1/contacts/{person}')

    def may_be_sent(self, person):
        return self.contact(person)['marketing']

    def consent(self, person):
        """The newest word on marketing by email, as crm has it."""
        words = self.stack.must('crm', 'GET', f'/v1/profiles/{person}/consents')['items']
        return next(word['state'] for word in words if word['purpose'] == 'marketing' and word['channel'] == 'email')

    def state(self, key):
        with sqlite3.connect(f'file:{self.stack.folder}/email/email.db?mode=ro', uri=True) as database:
            row = database.execute('SELECT state, status FROM messages WHERE asked LIKE ?', (f'%"message_key":"{key}"%',)).fetchone()
        return row or (None, None)

    def templates(self):
        with sqlite3.connect(f'file:{self.stack.folder}/email/email.db?mode=ro', uri=True) as database:
            return database.execute('SELECT count(*) FROM entries').fetchone()[0]

    def feedback(self, what):
        with sqlite3.connect(f'file:{self.stack.folder}/email/email.db?mode=ro', uri=True) as database:
            return database.execute('SELECT detail, machine FROM feedback WHERE what = ? AND told = 1', (what,)).fetchall()

    def within(self, what, since, text):
        """It is so within a second of that moment."""
        self.report.check(wait_for(what, PATIENCE_S, 0.01), text)
        took = time.monotonic() - since
        self.report.check(took < self.soon_s, f'{text}: after {took:.2f} s')

    # ---- mail ----

    def mail(self, key, person):
        """(envelope's return path, the mail) that is sent."""
        self.told.ask_message(key, person, 'marketing')
        sent = wait_for(lambda: self.state(key)[0] in ('sent', 'withheld', 'failed'), PATIENCE_S)
        self.report.equal(self.state(key)[0], 'sent', f'{key}: {sent}')
        newest = self.stack.must('email', 'GET', '/v1/caught')['items'][0]['caught_id']
        _, _, source = self.stack.text('email', 'GET', f'/v1/caught/{newest}/source', 'caught:read', {})
        return re.match(rb'Return-Path: <([^>]*)>', source)[1].decode(), email.message_from_bytes(source, policy=email.policy.default)

    def follow(self, method, url, body=None, headers=None):
        path = urllib.parse.urlsplit(url)._replace(scheme='', netloc='').geturl()
        return request(self.stack.ports['email'], method, path, body, headers or BROWSER)

    def links(self):
        _, mail = self.mail('first', 'prf_ann')
        html = mail.get_body(('html',)).get_content()
        hrefs = re.findall(r'href="([^"]*)"', html)
        self.report.equal(hrefs[1], 'mailto:shop@shop.example', 'a link to no page stays')
        status, headers, _ = self.follow('GET', hrefs[0])
        self.report.equal((status, headers['Location']), (302, TARGET), 'a link leads on')
        status, headers, picture = self.follow('GET', re.search(r'<img src="([^"]*/v1/opens/[^"]*)"', html)[1])
        self.report.equal((status, headers['Content-Type'], picture[:3]), (200, 'image/gif', b'GIF'), 'the picture')
        told = wait_for(lambda: self.feedback('clicked'), PATIENCE_S)
        self.report.equal(told, [('https://shop.example/spring', 0)], 'a click, a person\'s')
        self.report.equal(self.feedback('opened'), [('', 0)], 'an open, a person\'s')
        self.report.equal(mail['List-Unsubscribe-Post'], 'List-Unsubscribe=One-Click', 'the header of RFC 8058')
        return re.search(r'<([^>]+)>', mail['List-Unsubscribe'])[1], hrefs[2]

    def unsubscribe(self):
        url, in_html = self.links()
        self.report.equal(url, in_html, 'header and link')
        self.report.equal(self.follow('GET', url)[0], 200, 'the page')
        self.report.check(self.may_be_sent('prf_ann'), 'who looks is not unsubscribed')
        since = time.monotonic()
        status, headers, _ = self.follow('POST', url, 'List-Unsubscribe=One-Click', FORM)
        self.report.equal((status, headers['Location'], headers['Set-Cookie']), (200, None, None), 'one click')
        self.report.check(not self.may_be_sent('prf_ann'), 'email knows at once')
        self.within(lambda: self.consent('prf_ann') == 'refused', since, 'crm knows')
        self.told.ask_message('second', 'prf_ann', 'marketing')
        wait_for(lambda: self.state('second')[0] == 'withheld', PATIENCE_S)
        self.report.equal(self.state('second'), ('withheld', 'suppressed'), 'nothing more is sent')
        self.again(url)

    def again(self, url):
        _, _, page = self.follow('POST', url, '', FORM)
        preferences = re.search(rb'href="([^"]*/v1/preferences/[^"]*)"', page)[1].decode()
        since = time.monotonic()
        self.report.equal(self.follow('POST', preferences, 'marketing=on', FORM)[0], 200, 'marketing again')
        self.within(lambda: self.consent('prf_ann') == 'granted', since, 'crm knows that it is wanted again')
        self.report.check(self.may_be_sent('prf_ann'), 'email too')
        self.mail('third', 'prf_ann')
        self.report.equal(self.stack['email'].stop(), 0, 'it ends well')
        self.stack['email'].start()
        self.report.equal(self.follow('POST', url, '', FORM)[0], 200, 'a link is good after a restart')

    def bounce(self):
        path, _ = self.mail('bounced', 'prf_bob')
        self.report.check(path.endswith('@' + DOMAIN), f'the return path: {path}')
        with smtplib.SMTP('127.0.0.1', self.return_port, timeout=PATIENCE_S) as client:
            try:
                client.sendmail('', [f'bob@{DOMAIN}'], REPORT)
                self.report.check(False, 'an address that is none was taken')
            except smtplib.SMTPRecipientsRefused as refused:
                self.report.equal(list(refused.recipients.values())[0][0], 550, 'an address that is none')
            client.sendmail('', [path], REPORT)
            self.report.check(not self.contact('prf_bob')['service'], 'it is suppressed when it is answered')
        self.told.ask_message('after', 'prf_bob', 'service')
        wait_for(lambda: self.state('after')[0] == 'withheld', PATIENCE_S)
        self.report.equal(self.state('after'), ('withheld', 'suppressed'), 'nothing more is sent there')


def main(build):
    report = Report()
    with Stack(build) as stack:
        links = Links(build, report, stack)
        report.run(links.start, links.unsubscribe, links.bounce)
        report.equal(stack.stop(), [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
