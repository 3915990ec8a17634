#!/usr/bin/env python3
"""Relays that misbehave: what becomes of the message, and of the relay, is what the room's README says. On the real program, with
a relay of plain sockets.

relays_test.py BUILD_FOLDER
"""
import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', 'tests'))
from mail import Sink, Told  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, free_ports, wait_for  # noqa: E402

PATIENCE_S = 30
PEOPLE = [f'prf_{i}' for i in range(12)]


def certificate(folder, name, host):
    """(certificate, key), signed by itself."""
    files = [os.path.join(folder, f'{name}.{kind}') for kind in ('pem', 'key')]
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', f'/CN={host}',
                    '-addext', f'subjectAltName={host}', '-out', files[0], '-keyout', files[1]], check=True, capture_output=True)
    return tuple(files)


class Relays:
    def __init__(self, report, stack):
        self.report, self.stack, self.told, self.n = report, stack, Told(stack), 0
        self.sink, self.other = Sink(), Sink()

    def email(self, *urls, **settings):
        """(Re)starts it with these relays."""
        if 'email' in self.stack.services:
            self.report.equal(self.stack['email'].stop(), 0, 'it ends well')
        self.stack.start('email', relays=' '.join(urls), **{
            'relay_connect_limit': '1s', 'relay_reply_limit': '1s', 'relay_accept_limit': '1s', 'faults': 'true', **settings})

    def url(self, sink, parameters=''):
        return f'smtp://127.0.0.1:{sink.port}?connections=4{parameters}'

    # ---- messages ----

    def ask(self, purpose='service', person=None, **more):
        """One message; its key."""
        self.n += 1
        key = f'key{self.n}'
        self.told.ask_message(key, person or PEOPLE[self.n % len(PEOPLE)], purpose, **more)
        return key

    def message(self, key):
        """Of one that was asked for: state, status, attempts, id, due in s from now."""
        with sqlite3.connect(f'file:{self.stack.folder}/email/email.db?mode=ro', uri=True) as database:
            row = database.execute("SELECT state, status, attempts, message_id, due_us FROM messages WHERE asked LIKE ?",
                                   (f'%"message_key":"{key}"%',)).fetchone()
        return row and (*row[:4], row[4] / 1e6 - time.time())

    def templates(self):
        with sqlite3.connect(f'file:{self.stack.folder}/email/email.db?mode=ro', uri=True) as database:
            return database.execute('SELECT count(*) FROM entries').fetchone()[0]

    def comes_to(self, key, state, limit_s=PATIENCE_S):
        wait_for(lambda: (self.message(key) or [None])[0] == state, limit_s)
        self.report.equal((self.message(key) or [None])[0], state, f'{key} with {self.sink.script}: {self.message(key)}')
        return self.message(key)

    def count(self, key, sink=None):
        return (sink or self.sink).counts()[self.message(key)[3]]

    # ---- the parts ----

    def prepare(self):
        self.stack.start('broker')
        self.email(self.url(self.sink))
        self.told.template('hello')
        self.told.template('injected', subject='Hello\r\nBcc: everybody@shop.example')
        self.told.people(PEOPLE)
        known = wait_for(lambda: self.contact(PEOPLE[-1])['service'] and self.templates() == 2, PATIENCE_S)
        self.report.check(known, 'email has heard of the people and the templates')
        key = self.ask()
        self.comes_to(key, 'sent')
        self.report.equal(self.count(key), 1, 'it came')

    def refusals(self):
        for stage in ('mail', 'rcpt', 'data', 'dot'):
            self.sink.script = {stage: '550 5.7.1 not here'}
            status = self.comes_to(self.ask(), 'failed')[1]
            self.report.check(status.startswith('550 5.7.1'), f'{stage}: its status: {status}')
        self.nobody_there()
        self.sink.script = {}

    def nobody_there(self):
        """A mailbox that is none is suppressed as if the mail had come back; what is refused without a status is not."""
        for person, reply, may in (('prf_there', '550 no', True), ('prf_gone', '550 5.1.1 no such user', False)):
            self.told.people([person])
            known = wait_for(lambda: self.contact(person)['service'], PATIENCE_S)
            self.report.check(known, f'{person} may be written to')
            self.sink.script = {'rcpt': reply}
            self.comes_to(self.ask(person=person), 'failed')
            self.report.equal(self.contact(person)['service'], may, f'{person} after {reply}')

    def contact(self, person):
        return self.stack.must('email', 'GET', f'/v1/contacts/{person}')

    def put_off(self):
        for stage, reply in (('mail', '451 4.3.0 later'), ('rcpt', '452 4.2.2 full'), ('data', '451 4.3.0 later'), ('dot', '452 4.3.1 full')):
            self.sink.script = {stage: reply}
            key = self.ask()
            wait_for(lambda: self.message(key) and self.message(key)[2] == 1 and self.message(key)[0] == 'queued', PATIENCE_S)
            state, status, attempts, _, due_s = self.message(key)
            self.report.equal((state, status, attempts), ('queued', reply, 1), stage)
            self.report.check(50 < due_s < 61, f'{stage}: it is due in {due_s:.0f} s')
        self.sink.script = {}

    def closes(self):
        """421: the relay rests, and the message goes as soon as it has."""
        self.sink.script = {'mail': '421 4.3.2 closing'}
        key = self.ask()
        resting = wait_for(lambda: self.stack.metric('email', 'email_relay_resting') == 1, PATIENCE_S)
        self.report.check(resting, 'the relay rests')
        self.sink.script = {}
        self.comes_to(key, 'sent')
        self.report.equal(self.stack.metric('email', 'email_relay_resting'), 0, 'it rests')

    def before_the_dot(self):
        """The connection goes wrong in the middle: tried again, later."""
        for stage, how in (('data', 'reset'), ('data', 'nonsense'), ('rcpt', 'close'), ('data', 'hang')):
            self.sink.script = {stage: how}
            key = self.ask()
            wait_for(lambda: self.message(key) and self.message(key)[2] == 1, PATIENCE_S)
            state, status, attempts, _, due_s = self.message(key)
            self.report.equal((state, attempts), ('queued', 1), f'{stage} {how}: {status}')
            self.report.check(due_s > 40, f'{stage} {how}: it is due in {due_s:.0f} s')
        self.sink.script = {}

    def no_beginning(self):
        """What says nothing of the message: it waits, as it is."""
        for stage, how in (('greeting', '554 5.3.2 no'), ('greeting', 'nonsense'), ('ehlo', 'close'), ('greeting', 'hang')):
            self.sink.drop()
            self.sink.script = {stage: how}
            key = self.ask()
            wait_for(lambda: self.stack.metric('email', 'email_relay_resting') == 1, PATIENCE_S)
            self.report.equal(self.stack.metric('email', 'email_relay_resting'), 1, f'{stage} {how}: the relay rests')
            self.report.equal(self.message(key)[:3:2], ('queued', 0), f'{stage} {how}')
            self.sink.script = {}
            self.comes_to(key, 'sent')

    def after_the_dot(self):
        """Nobody knows: unknown, and never again by itself."""
        keys = []
        for how in ('hang', 'reset', 'close', 'nonsense'):
            self.sink.script = {'dot': how}
            keys.append(self.ask('marketing'))
            self.comes_to(keys[-1], 'unknown')
            self.sink.script = {}
            self.comes_to(self.ask(), 'sent')  # the relay's rest is over
        self.email(self.url(self.sink))  # neither after a restart
        self.comes_to(self.ask(), 'sent')
        for key in keys:
            self.report.equal((self.message(key)[0], self.count(key)), ('unknown', 1), f'{key} stays')

    def once_more(self):
        """Service mail, where the setting says so; once."""
        self.email(self.url(self.sink), resend_in_doubt='true')
        self.sink.script = {'dot': 'reset'}
        key = self.ask()
        wait_for(lambda: self.message(key) and self.count(key) == 2 and self.message(key)[0] == 'unknown', PATIENCE_S)
        self.report.equal((self.message(key)[0], self.count(key)), ('unknown', 2), 'once more, and not a third time')
        self.sink.script = {}

    def fallback(self):
        """One that is not there rests; the other takes over."""
        self.email(f'smtp://127.0.0.1:{free_ports(1)[0]}?weight=100', self.url(self.other))
        key = self.ask()
        self.comes_to(key, 'sent')
        self.report.equal(self.count(key, self.other), 1, 'it came by the other')

    def certificates(self):
        """TLS is required, and the certificate is another host's, or nobody's: nothing is said to that relay."""
        wrong = Sink(certificate(self.stack.folder, 'wrong', 'DNS:other.example'))
        right = Sink(certificate(self.stack.folder, 'right', 'IP:127.0.0.1'))
        trusted = f'&tls=required&ca={right.certificate[0]}'
        for other in (f'&tls=required&ca={wrong.certificate[0]}', '&tls=required', trusted):
            self.email(self.url(wrong, other + '&weight=100'), self.url(right, trusted))
            key = self.ask()
            self.comes_to(key, 'sent')
            self.report.equal((self.count(key, wrong), self.count(key, right)), (0, 1), 'it came by the right one')
        self.report.equal(wrong.offered['mail'], 0, 'what the wrong one was told')
        self.email(self.url(self.sink, '&tls=required'), self.url(self.other))
        key, before = self.ask(), self.sink.offered['mail']
        self.comes_to(key, 'sent')
        self.report.equal(self.sink.offered['mail'], before, 'what one without TLS was told')
        wrong.close()
        right.close()

    def injected(self):
        self.email(self.url(self.sink))
        before = len(self.sink.taken)
        self.told.tell('fanfare.crm.profile', 'crm.profile.updated', 'profile_id', {
            'profile_id': 'prf_evil', 'email': 'evil@shop.example', 'name': 'Eve\r\nBcc: everybody@shop.example', 'version': 1,
            'updated_at': '2026-01-01T00:00:00Z'})
        wait_for(lambda: self.stack.call('email', 'GET', '/v1/contacts/prf_evil')[0] == 200, PATIENCE_S)
        self.comes_to(self.ask(person='prf_evil'), 'failed')
        self.comes_to(self.ask(template='injected'), 'failed')
        self.comes_to(self.ask(person='prf_nobody'), 'withheld')
        self.report.equal(len(self.sink.taken), before, 'what came')

    def rate(self):
        self.email(self.url(self.sink), domain_rate='5')
        begun = time.monotonic()
        for key in [self.ask() for _ in range(11)]:
            self.comes_to(key, 'sent')
        took_s = time.monotonic() - begun
        self.report.check(1.5 < took_s < 15, f'11 mails at 5 a second took {took_s:.1f} s')

    def drains(self):
        """SIGTERM while a relay takes its time with the answer: it is waited for."""
        self.email(self.url(self.sink), relay_accept_limit='10s')
        self.sink.script = {'dot': 'slow'}
        before = self.sink.offered['dot']
        key = self.ask()
        wait_for(lambda: self.sink.offered['dot'] > before, PATIENCE_S, 0.01)
        self.report.equal(self.stack['email'].stop(), 0, 'it ends well')
        self.report.equal(self.message(key)[0], 'sent', 'what was past its dot')


def main(build):
    report = Report()
    with Stack(build) as stack:
        relays = Relays(report, stack)
        report.run(relays.prepare, relays.refusals, relays.put_off, relays.closes, relays.before_the_dot, relays.no_beginning,
                   relays.after_the_dot, relays.once_more, relays.fallback, relays.certificates, relays.injected, relays.rate,
                   relays.drains)
        report.equal([end for end in stack.stop() if 'SIGKILL' in end], [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
