#!/usr/bin/env python3
"""Consent, with the real services: a person is asked by mail and confirms by its link, of which a scanner that follows it
makes nothing; from then on they may be written to. Who unsubscribes by the link of a mail, or has complained, is known to
have said no by email, crm and personalization within a second; who says yes again, too.

consent_test.py BUILD_FOLDER
"""
import re
import sys
import time

from report import Report
from stack import Stack, free_ports, request, slowness, wait_for

SERVICES = 'content', 'crm', 'email', 'personalization'
PATIENCE_S = 30
PERSON = 'prf_reader'


class Consent:
    def __init__(self, report, stack, within_s):
        self.report, self.stack, self.within_s = report, stack, within_s

    def prepare(self):
        self.stack.must('content', 'PUT', '/v1/entries/ent_asks', {'kind': 'email_template', 'slug': 'double-opt-in', 'document': {
            'subject': 'Please confirm', 'html': '<p>{{ data.wording }}: <a data-untracked href="{{ data.confirm_url }}">yes</a></p>'}})
        self.stack.must('content', 'POST', '/v1/entries/ent_asks/publish', {})
        self.stack.must('crm', 'PUT', f'/v1/profiles/{PERSON}', {'email': 'reader@example.com', 'name': 'Reader'})
        self.report.check(wait_for(self.contact, PATIENCE_S), 'email has heard of the person')
        time.sleep(1)  # a template that is published is taken within a second

    # ---- what each says ----

    def contact(self):
        status, _, contact = self.stack.call('email', 'GET', f'/v1/contacts/{PERSON}')
        return contact if status == 200 and 'address' in contact else None

    def states(self):
        """May they be written to, as email, crm and personalization have it?"""
        held = {(one['purpose'], one['channel']): one['state']
                for one in self.stack.must('crm', 'GET', f'/v1/profiles/{PERSON}/consents')['items']}
        features = self.stack.call('personalization', 'GET', f'/v1/people/{PERSON}/features')[2]['features']
        return self.contact()['marketing'], held.get(('marketing', 'email')) == 'granted', \
            features.get('consent', {}).get('marketing', {}).get('email') is True

    def all_say(self, wanted, what):
        begun, late = time.monotonic(), []
        said = wait_for(lambda: late.append(self.states()) or late[-1] == (wanted,) * 3, PATIENCE_S, 0.01)
        took = time.monotonic() - begun
        self.report.check(said and took <= self.within_s, f'{what}: all know after {took:.2f} s: {sorted(set(late), key=late.index)}')

    # ---- asked for by a mail ----

    def link_in_mail(self, count):
        mails = lambda: [one for one in self.stack.must('email', 'GET', '/v1/caught')['items'] if one['subject'] == 'Please confirm']
        self.report.check(wait_for(lambda: len(mails()) == count, PATIENCE_S), f'{count} mails are caught')
        self.mail = self.stack.must('email', 'GET', f'/v1/caught/{mails()[0]["caught_id"]}')
        return re.search(r'href="(http[^"]*/v1/confirm/[^"]+)"', self.mail['html'])[1]

    def browse(self, method, url):
        return request(self.stack.port('crm'), method, re.sub(r'^https?://[^/]+', '', url), b'' if method == 'POST' else None)

    def confirmed_by_mail(self):
        self.stack.must('crm', 'POST', f'/v1/profiles/{PERSON}/confirmations',
                        {'purpose': 'marketing', 'source': 'sign-up', 'wording': 'News by mail'})
        url = self.link_in_mail(1)
        for method in ('GET', 'HEAD', 'GET'):  # as scanners do
            self.report.equal(self.browse(method, url)[0], 200, f'{method} of the link')
        self.report.equal(self.states(), (False, False, False), 'nothing is granted by looking')
        self.report.equal(self.browse('POST', url)[0], 200, 'the button')
        self.all_say(True, 'confirmed')
        self.report.equal(self.browse('POST', url)[0], 200, 'the button again')
        history = self.stack.must('crm', 'GET', f'/v1/profiles/{PERSON}/consents/history')['items']
        self.report.equal([(one['state'], one['actor'], one['wording']) for one in history], [('granted', 'person', 'News by mail')],
                          'the history')

    # ---- taken back ----

    def message_id(self):
        source = self.stack.text('email', 'GET', f'/v1/caught/{self.mail["caught_id"]}/source', '*', {})[2].decode()
        return re.search(r'^Message-ID:\s*<([^@>]+)@', source, re.M | re.I)[1]

    def unsubscribed_and_back(self):
        links = self.stack.must('email', 'GET', f'/v1/messages/{self.message_id()}/links')
        unsubscribe, preferences = links['unsubscribe']['token'], links['preferences']['token']
        form = {'Content-Type': 'application/x-www-form-urlencoded'}
        for path, body, wanted, what in ((f'/v1/unsubscribe/{unsubscribe}', b'List-Unsubscribe=One-Click', False, 'unsubscribed'),
                                         (f'/v1/preferences/{preferences}', b'marketing=on', True, 'wanted again'),
                                         (f'/v1/unsubscribe/{unsubscribe}', b'List-Unsubscribe=One-Click', False, 'unsubscribed again')):
            self.report.equal(request(self.stack.port('email'), 'POST', path, body, form)[0], 200, what)
            self.all_say(wanted, what)

    def complained(self):
        self.stack.must('crm', 'POST', f'/v1/profiles/{PERSON}/consents',
                        {'purpose': 'marketing', 'channel': 'email', 'state': 'granted', 'source': 'desk'})
        self.all_say(True, 'granted at the desk')
        self.stack.must('email', 'POST', '/v1/suppressions', {'person_id': PERSON, 'reason': 'complained'})
        self.all_say(False, 'complained')

    def all_end_well(self):
        self.report.equal(self.stack.stop(), [], 'those that did not end well')


def main():
    report = Report()
    with Stack(sys.argv[1]) as stack:
        stack.start('broker', *[name for name in SERVICES if name != 'email'])
        stack.start('email', catcher_port=free_ports(1)[0])  # free now, and taken at once
        consent = Consent(report, stack, slowness(sys.argv[1]))
        report.run(consent.prepare, consent.confirmed_by_mail, consent.unsubscribed_and_back, consent.complained,
                   consent.all_end_well)
    sys.exit(report.end())


if __name__ == '__main__':
    main()
