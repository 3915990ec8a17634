#!/usr/bin/env python3
"""After an erasure nothing in the data folder says who the person was. All services run; a person comes in by every way
there is; some services are down when the person is erased, and answer when they are back, before they take anything else;
the log is compacted; the certificate is signed; and then every byte of every file is searched for what the person is
called and where they live, also in hexadecimal, base64, UTF-16 and inside gzip. Other people's data are there.

erased_files_test.py BUILD_FOLDER
"""
import base64
import json
import os
import sys
import zlib

import tokens
from report import Report
from stack import Stack, free_ports, request, wait_for

ALL = ('registry', 'identity', 'commerce', 'content', 'crm', 'loyalty', 'personalization', 'analytics', 'search', 'email',
       'campaign', 'ads', 'reporting', 'gateway')
DOWN = ('loyalty', 'email')  # when the person is erased
ANSWERING = {'ads', 'analytics', 'campaign', 'commerce', 'crm', 'email', 'loyalty', 'personalization', 'reporting'}
ERASED, OTHER, LATE = 'prf_erased', 'prf_other', 'prf_late'
NAMES = {ERASED: 'Ada-Lovelace-Byron', OTHER: 'Charles-Babbage', LATE: 'Luigi-Menabrea'}
STREET = {ERASED: '12 Ockham Park', OTHER: '1 Dorset Street', LATE: '3 Via Torino'}
PATIENCE_S = 60


def address(profile, version='two'):
    return f'{NAMES[profile]}@{version}.example'


def disguises(text):
    """The text as it could lie in a file. Base64 of what surrounds it shifts it by 0, 1 or 2 bytes; the ends are cut."""
    plain = text.encode()
    found = {plain, text.lower().encode(), plain.hex().encode(), plain.hex().upper().encode(), text.encode('utf-16-le'),
             text.encode('utf-16-be'), text.replace(' ', '%20').encode(), text.replace(' ', '+').encode()}
    for shift in range(3):
        coded = base64.b64encode(b'\0' * shift + plain)
        found.add(coded[4 if shift else 0:-4])
        found.add(coded[4 if shift else 0:-4].translate(bytes.maketrans(b'+/', b'-_')))
    return found


def inflated(content):
    """What is in the gzip streams of a file."""
    at = content.find(b'\x1f\x8b\x08')
    while at >= 0:
        try:
            yield zlib.decompressobj(31).decompress(content[at:], 1 << 24)
        except zlib.error:
            pass
        at = content.find(b'\x1f\x8b\x08', at + 1)


def files_with(folder, *texts):
    """The files below the folder that hold one of the texts, in whatever disguise."""
    wanted = set().union(*(disguises(text) for text in texts))
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            try:
                with open(path, 'rb') as file:
                    content = file.read()
            except FileNotFoundError:
                continue
            if any(one in text for text in (content, *inflated(content)) for one in wanted):
                found.append(os.path.relpath(path, folder))
    return sorted(found)


class Erased:
    def __init__(self, report, stack):
        self.report, self.stack = report, stack
        self.log = os.path.join(stack.folder, 'broker')

    def arrives(self, what, question):
        self.report.check(wait_for(question, PATIENCE_S), what)

    # ---- they come ----

    def profile(self, profile):
        for version in ('one', 'two'):
            self.stack.must('crm', 'PUT', f'/v1/profiles/{profile}', {
                'email': address(profile, version), 'name': NAMES[profile], 'phone': '+44 20 7946 0000',
                'traits': {'firstName': NAMES[profile], 'plan': 'pro', 'address': {'street': STREET[profile], 'city': 'London'}}})
        for kind, value in (('anonymous', f'vis_{profile}'), ('external', f'customer-7-{profile}')):
            self.stack.must('crm', 'POST', f'/v1/profiles/{profile}/identities', {'kind': kind, 'value': value},
                            headers={'Idempotency-Key': f'{profile}-{kind}'})
        self.stack.must('crm', 'POST', f'/v1/profiles/{profile}/consents', {
            'purpose': 'marketing', 'channel': 'email', 'state': 'granted', 'source': 'form',
            'wording': f'{NAMES[profile]} may be written to'})

    def visits(self, profile):
        """As a site tells it: under the visitor's id first, then with the name."""
        traits = {'name': NAMES[profile], 'email': address(profile), 'address': {'street': STREET[profile]}}
        calls = [{'type': 'identify', 'messageId': f'{profile}-1', 'anonymousId': f'vis_{profile}', 'traits': traits},
                 {'type': 'track', 'messageId': f'{profile}-2', 'anonymousId': f'vis_{profile}', 'event': 'Product Viewed'},
                 {'type': 'identify', 'messageId': f'{profile}-3', 'anonymousId': f'vis_{profile}', 'userId': profile,
                  'traits': traits}]
        self.stack.must('analytics', 'POST', '/v1/batch', {'batch': calls, 'writeKey': self.stack.keys.write_key}, scopes=None)

    def order(self, order, profile):
        self.stack.must('commerce', 'POST', '/v1/orders', {
            'order_id': order, 'customer_id': profile, 'lines': [{'product_id': 'prd_loom', 'quantity': 1}]},
                        headers={'Idempotency-Key': order})

    def mail(self, profile):
        """Into the catcher, and a suppression that somebody brought."""
        text = f'From: shop@example.com\r\nTo: {address(profile)}\r\nSubject: Hello {NAMES[profile]}\r\n\r\nHello\r\n'
        self.stack.must('email', 'POST', '/v1/caught', text.encode(), headers={'Content-Type': 'message/rfc822'})
        self.stack.must('email', 'POST', '/v1/suppressions', {'address': address(profile), 'scope': 'marketing'},
                        headers={'Idempotency-Key': f'sup-{profile}'})

    def mail_is_sent(self, profile):
        """A mail that calls them by their name, by way of email's queue; and its words in the history of consent."""
        self.stack.must('crm', 'POST', f'/v1/profiles/{profile}/confirmations', {'purpose': 'marketing', 'source': 'form'},
                        headers={'Idempotency-Key': f'cnf-{profile}'})
        subject = f'Hello {NAMES[profile]}, please confirm'
        self.arrives(f'mail to {profile}', lambda: subject in [
            one['subject'] for one in self.stack.must('email', 'GET', '/v1/caught')['items']])

    def people_come(self):
        self.stack.must('commerce', 'PUT', '/v1/products/prd_loom',
                        {'name': 'Loom', 'price': {'amount': 1000, 'currency': 'USD'}})
        self.stack.must('content', 'PUT', '/v1/entries/ent_asks', {'kind': 'email_template', 'slug': 'double-opt-in', 'document': {
            'subject': 'Hello {{ person.name }}, please confirm', 'html': '<p>{{ person.name }}: {{ data.confirm_url }}</p>'}})
        self.stack.must('content', 'POST', '/v1/entries/ent_asks/publish', {})
        for profile in (ERASED, OTHER):
            self.profile(profile)
            self.visits(profile)
            self.order(f'ord_{profile}', profile)
            self.mail(profile)
            self.mail_is_sent(profile)
        self.profile(LATE)
        for profile in (ERASED, OTHER):
            self.arrives(f'email knows {profile}', lambda: self.stack.call(
                'email', 'GET', f'/v1/contacts/{profile}')[2].get('address') == address(profile))
            self.arrives(f'personalization knows {profile}', lambda: self.stack.call(
                'personalization', 'GET', f'/v1/people/{profile}/features')[2].get('known'))
            self.arrives(f'loyalty knows {profile}',
                         lambda: self.stack.call('loyalty', 'GET', f'/v1/balances/{profile}')[0] == 200)
            self.arrives(f'crm has heard what {profile} told', lambda: len(self.stack.must(
                'crm', 'GET', f'/v1/profiles/{profile}/timeline')['items']) >= 3)
        kept = files_with(self.stack.folder, NAMES[ERASED], STREET[ERASED])
        for part in ('broker/', 'crm/', 'email/'):
            self.report.check(any(one.startswith(part) for one in kept), f'the name is in {part}: {kept}')
        self.report.check(not any(one.startswith('personalization/') for one in kept),
                          f'personalization keeps nothing that names somebody: {kept}')

    # ---- one goes ----

    def erasure(self, request_id):
        return self.stack.must('crm', 'GET', f'/v1/erasures/{request_id}')

    def states(self, request_id):
        return {one['service']: one['state'] for one in self.erasure(request_id)['services']}

    def erase(self, profile):
        return self.stack.must('crm', 'DELETE', f'/v1/profiles/{profile}')['request_id']

    def one_is_erased(self):
        self.report.equal(self.stack.stop(*DOWN), [], 'those that did not end well')
        self.order('ord_late', LATE)  # which loyalty has not heard of
        self.request_id, self.late_id = self.erase(ERASED), self.erase(LATE)
        up = ANSWERING - set(DOWN) - {'crm'}
        self.arrives('all that are up have answered', lambda: all(
            self.states(self.request_id)[one] == 'answered' for one in up))
        self.report.equal((self.erasure(self.request_id)['state'], *[self.states(self.request_id)[one] for one in DOWN]),
                          ('open', 'open', 'open'), 'those that are down')
        self.report.equal(self.stack.call('crm', 'GET', f'/v1/erasures/{self.request_id}/certificate')[0], 404, 'no certificate yet')

    def those_that_were_down_answer(self):
        self.stack.start(*DOWN)
        for request_id in (self.request_id, self.late_id):
            self.arrives('the erasure is complete', lambda: self.erasure(request_id)['state'] == 'complete')
        self.report.equal(set(self.states(self.request_id)), ANSWERING, 'who has answered')
        self.report.equal({one['topic'] for one in self.erasure(self.request_id)['compacted']},
                          {'fanfare.crm.profile', 'fanfare.analytics.traits'}, 'what is compacted')
        self.report.equal(files_with_plain(self.log, 'points.earned', LATE), [],
                          'loyalty knew that they were erased before it took their order')

    def certificate_is_signed(self):
        told = self.stack.must('crm', 'GET', f'/v1/erasures/{self.request_id}/certificate')
        key = self.stack.must('crm', 'GET', '/v1/certificate-key')
        head, payload, signature = told['certificate'].split('.')
        self.report.check(tokens.is_signed(unbase64(key['x']), f'{head}.{payload}'.encode(), unbase64(signature)),
                          'its signature')
        self.report.check(not tokens.is_signed(unbase64(key['x']), f'{head}.{payload}x'.encode(), unbase64(signature)),
                          'which is of nothing else')
        statement = json.loads(unbase64(payload))
        self.report.equal(json.loads(unbase64(head)), {'alg': 'EdDSA', 'kid': key['kid']}, 'its head')
        self.report.equal(statement, self.erasure(self.request_id), 'what it says')

    def nothing_is_left(self):
        texts = NAMES[ERASED], STREET[ERASED], NAMES[LATE], STREET[LATE]
        self.arrives('no file names them', lambda: not files_with(self.stack.folder, *texts))
        self.report.equal(files_with(self.stack.folder, *texts), [], 'files that name the erased')
        kept = files_with(self.stack.folder, NAMES[OTHER])
        for part in ('broker/', 'crm/', 'email/'):
            self.report.check(any(one.startswith(part) for one in kept), f'who is not erased is in {part}')
        self.report.equal(self.stack.metric('broker', 'broker_compaction_unreadable_total'), 0, 'unreadable batches')

    def what_comes_later_is_not_taken(self):
        self.visits(ERASED)
        self.order('ord_after', ERASED)
        self.arrives('the order came to the log', lambda: files_with_plain(self.log, 'ord_after'))
        self.report.equal(self.stack.call('crm', 'GET', f'/v1/profiles/{ERASED}')[0], 410, 'crm')
        self.report.equal(self.erase(ERASED), self.request_id, 'asking again')
        status, _, _ = request(self.stack.admin_ports['broker'], 'POST', '/compact?topic=fanfare.crm.profile', timeout=30)
        self.report.equal(status, 200, 'compaction by hand')

    def all_end_well(self):
        self.report.equal(self.stack.stop(), [], 'those that did not end well')
        self.report.equal(files_with(self.stack.folder, NAMES[LATE], STREET[LATE]), [], 'after all have ended')


def files_with_plain(folder, *texts):
    """Files that hold all of the texts as they are."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), 'rb') as file:
                content = file.read()
            if all(text.encode() in content for text in texts):
                found.append(os.path.join(where, name))
    return found


def unbase64(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def main():
    report = Report()
    with Stack(sys.argv[1]) as stack:
        stack.start('broker', *[name for name in ALL if name != 'email'])
        stack.start('email', catcher_port=free_ports(1)[0])
        erased = Erased(report, stack)
        report.run(erased.people_come, erased.one_is_erased, erased.those_that_were_down_answer, erased.certificate_is_signed,
                   erased.nothing_is_left, erased.what_comes_later_is_not_taken, erased.all_end_well)
    sys.exit(report.end())


if __name__ == '__main__':
    main()
