#!/usr/bin/env python3
"""Keys that identity issues are good, and not good any more, at every service within a second or so; without identity, and
without the log, each service goes on by what it has on its own disk. What identity has answered is told, though it be
killed in between. Another signing key takes over under load, without a restart.

keys_test.py BUILD_FOLDER [--rounds N]   N kills of identity, 20 unless said
"""
import base64
import datetime
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', 'tests'))
from report import Report  # noqa: E402
from stack import Stack, slowness, wait_for  # noqa: E402

# Of each service, something that only asks.
PROBES = {'registry': '/v1/catalog', 'identity': '/v1/people', 'commerce': '/v1/products', 'content': '/v1/entries',
          'crm': '/v1/totals', 'loyalty': '/v1/totals', 'personalization': '/v1/experiences',
          'analytics': '/v1/reports/revenue', 'search': '/v1/search?q=a', 'gateway': '/v1/routes'}
OTHERS = tuple(name for name in PROBES if name != 'identity')
ALL_KNOW_S = 2
PATIENCE_S = 30
TRACK = {'userId': 'u1', 'event': 'Seen'}


class Test:
    def __init__(self, report, stack, rounds):
        self.report, self.stack, self.rounds = report, stack, rounds
        self.slow = slowness(stack.build)
        self.n = 0

    # ---- what is asked again and again ----

    def identity(self, method, path, body=None, **more):
        return self.stack.must('identity', method, path, body, **more)

    def create(self, kind='api', scopes=('*',), **more):
        """(id, secret) of a new key."""
        self.n += 1
        made = self.identity('POST', '/v1/keys', {'kind': kind, 'name': f'k{self.n}', 'scopes': list(scopes), **more})
        return made['key']['key_id'], made['secret']

    def revoke(self, key_id):
        self.identity('POST', f'/v1/keys/{key_id}/revoke')

    def status(self, name, secret):
        """What a probe with this key, or token, is answered."""
        return self.stack.call(name, 'GET', PROBES[name], scopes=None, headers={'Authorization': f'Bearer {secret}'})[0]

    def all_answer(self, secret, status, names=tuple(PROBES), limit_s=None):
        """Seconds until the last of them answers so; None when one does not in time."""
        begun = time.monotonic()
        limit_s = limit_s or ALL_KNOW_S * self.slow
        for name in names:
            left = begun + limit_s - time.monotonic()
            if not wait_for(lambda: self.status(name, secret) == status, max(left, 0), 0.01):
                print(f'{name}: {self.status(name, secret)}, wanted {status}')
                return None
        return time.monotonic() - begun

    # ---- parts ----

    def start(self):
        self.stack.start('broker', *PROBES)
        key_id, secret = self.create()
        self.report.check(self.all_answer(secret, 200, limit_s=PATIENCE_S), 'all have found the topic, and take the key')
        self.revoke(key_id)

    def issued_and_revoked(self):
        issued, revoked = [], []
        for _ in range(10):
            key_id, secret = self.create()
            issued.append(self.all_answer(secret, 200))
            self.revoke(key_id)
            revoked.append(self.all_answer(secret, 401))
        self.report.check(all(issued), f'a new key is good at all services within {ALL_KNOW_S} s: {issued}')
        self.report.check(all(revoked), f'a revoked one is refused by all within {ALL_KNOW_S} s: {revoked}')
        if all(issued + revoked):
            print(f'until all services know: issued {max(issued) * 1000:.0f} ms, revoked {max(revoked) * 1000:.0f} ms at most of 10')

    def scopes_change(self):
        key_id, secret = self.create(scopes=['orders:read'])
        wait_for(lambda: self.status('commerce', secret) != 401, PATIENCE_S)
        self.report.equal(self.status('commerce', secret), 403, 'products, by a key for orders')
        self.identity('PUT', f'/v1/keys/{key_id}', {'name': 'k', 'scopes': ['products:read']})
        self.report.check(wait_for(lambda: self.status('commerce', secret) == 200, PATIENCE_S), 'it may read products now')
        at = time.time() + 1.5
        self.identity('PUT', f'/v1/keys/{key_id}', {
            'name': 'k', 'scopes': ['products:read'],
            'expires_at': time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at)) + f'{at % 1:.6f}Z'[1:]})
        self.report.check(wait_for(lambda: self.status('commerce', secret) == 401, PATIENCE_S), 'it has ended')
        self.report.check(time.time() >= at, 'and not before its time')

    def track(self, service, key):
        pair = base64.b64encode(f'{key}:'.encode()).decode()
        return self.stack.call(service, 'POST', '/v1/track', {**TRACK, 'messageId': f'm{random.random()}'}, scopes=None,
                               headers={'Authorization': f'Basic {pair}'})[0]

    def write_keys(self):
        key_id, secret = self.create('write', ['collect'])
        for service in ('gateway', 'analytics'):
            self.report.check(wait_for(lambda: self.track(service, secret) == 200, PATIENCE_S), f'{service} takes the write key')
            self.report.equal(self.track(service, self.stack.keys.write_key), 200, f'{service}, with that of the file')
            self.report.equal(self.status(service, secret), 401, f'{service}: a write key is no API key')
        self.revoke(key_id)
        for service in ('gateway', 'analytics'):
            self.report.check(wait_for(lambda: self.track(service, secret) == 401, PATIENCE_S), f'{service} refuses it')
            self.report.equal(self.track(service, self.stack.keys.write_key), 200, f'{service}, with that of the file still')

    def last_use(self):
        """Told by whoever verified it, gateway and commerce here, also while identity is down; once an hour."""
        def used(key_id):
            return self.identity('GET', f'/v1/keys/{key_id}').get('last_used_at')
        api_id, api = self.create()
        write_id, write = self.create('write', ['collect'])
        begun = time.time()
        self.report.check(wait_for(lambda: self.status('commerce', api) == 200, PATIENCE_S), 'commerce takes the key')
        self.report.check(wait_for(lambda: self.track('gateway', write) == 200, PATIENCE_S), 'the gateway takes the write key')
        for key_id in (api_id, write_id):
            told = wait_for(lambda: used(key_id), PATIENCE_S)
            self.report.check(told and begun - 1 < moment(told) < time.time() + 1, f'when it was used: {told}')
        unused_id, late = self.create()
        self.report.check(wait_for(lambda: self.status('loyalty', late) != 401, PATIENCE_S), 'loyalty has heard of another')
        first = wait_for(lambda: used(unused_id), PATIENCE_S)
        self.stack['identity'].kill()
        self.report.equal(self.status('crm', late), 200, 'with identity away')
        self.stack.start('identity')
        self.report.check(wait_for(lambda: used(unused_id) > first, PATIENCE_S), 'the use meanwhile is told')
        again = used(api_id)
        for _ in range(20):
            self.status('commerce', api)
        behind_id, behind = self.create()  # what commerce tells of this one comes after all that it told before
        self.report.check(wait_for(lambda: self.status('commerce', behind) == 200, PATIENCE_S), 'commerce takes another')
        self.report.check(wait_for(lambda: used(behind_id), PATIENCE_S), 'and tells it')
        self.report.equal(used(api_id), again, 'within the hour nothing more is told')

    def identity_away(self):
        _, good = self.create()
        gone_id, gone = self.create()
        self.report.check(self.all_answer(good, 200) and self.all_answer(gone, 200), 'all take both')
        self.revoke(gone_id)
        self.report.check(self.all_answer(gone, 401), 'all refuse one')
        self.stack['identity'].kill()
        self.stack['broker'].kill()
        token = self.stack.keys.token('*')
        for when in ('', ', started again alone'):
            for name in OTHERS:
                self.report.equal(self.status(name, good), 200, f'{name}{when}: a key')
                self.report.equal(self.status(name, token), 200, f'{name}{when}: a token')
                self.report.equal(self.status(name, gone), 401, f'{name}{when}: a revoked key')
            if not when:
                for name in OTHERS:
                    self.stack[name].kill()
                self.stack.start(*OTHERS)
        self.stack.start('broker', 'identity')
        self.report.check(self.all_answer(gone, 401, limit_s=PATIENCE_S), 'with identity again: the revoked one is refused')
        self.report.check(self.all_answer(good, 200, limit_s=PATIENCE_S), 'and the other one good')
        _, late = self.create()
        self.report.check(self.all_answer(late, 200, limit_s=PATIENCE_S), 'and new ones are heard of')

    def killed_before_it_is_told(self):
        """With the log away nothing can have been told; identity is killed; its outbox tells it all the same."""
        old_id, old = self.create()
        self.report.check(self.all_answer(old, 200, limit_s=PATIENCE_S), 'all take the one of before')
        self.stack.stop('broker')
        _, new = self.create()
        self.revoke(old_id)
        self.stack['identity'].kill()
        self.stack.start('broker', 'identity')
        self.report.check(self.all_answer(new, 200, limit_s=PATIENCE_S), 'the new key is heard of')
        self.report.check(self.all_answer(old, 401, limit_s=PATIENCE_S), 'and that the old one is revoked')

    def kills(self):
        """At any moment: whatever was answered holds in the end."""
        good, gone = [], []
        for _ in range(self.rounds):
            killer = threading.Timer(random.uniform(0.005, 0.08), self.stack['identity'].kill)
            killer.start()
            try:
                for _ in range(50):
                    key_id, secret = self.create(scopes=['products:read'])
                    good.append(secret)
                    if random.random() < 0.5:
                        in_doubt = good.pop()
                        self.revoke(key_id)
                        gone.append(in_doubt)
            except (OSError, http.client.HTTPException):
                pass  # that one was not answered
            killer.join()
            self.stack.start('identity')
        for what, secrets, status in (('made', good, 200), ('revoked', gone, 401)):
            wrong = [one for one in secrets if not wait_for(lambda: self.status('commerce', one) == status, PATIENCE_S)]
            self.report.check(not wrong, f'{len(wrong)} of {len(secrets)} that were {what} are not')
        print(f'{self.rounds} kills of identity: {len(good)} keys made and {len(gone)} revoked hold')

    def rotation(self):
        """Under load with tokens of sign-ins and of the services themselves (the gateway's, for its pages)."""
        self.identity('PUT', '/v1/people/usr_r', {'email': 'r@example.com', 'name': 'R', 'roles': ['admin']})
        self.identity('PUT', '/v1/people/usr_r/password', {'password': 'correct horse battery'})
        session = self.identity('POST', '/v1/sessions', {'email': 'r@example.com', 'password': 'correct horse battery'}, scopes=None)
        first, kids, refused = session['token'], [kid_of(session['token'])], []
        data = os.path.dirname(self.stack.keys.folder)
        done = subprocess.run([os.path.join(self.stack.build, 'cli', 'fanfare'), 'rotate-key', '--wait', '3', '--data', data],
                              capture_output=True, text=True, check=False)
        self.report.equal(done.returncode, 0, f'rotate-key: {done}')
        begun = time.monotonic()
        while time.monotonic() - begun < 5:
            session = self.identity('POST', '/v1/sessions/refresh', {'refresh_token': session['refresh_token']}, scopes=None)
            if kid_of(session['token']) != kids[-1]:
                kids.append(kid_of(session['token']))
                self.report.check(time.monotonic() - begun > 1.9, 'it does not sign before its time')
            for name in PROBES:
                for token in (first, session['token']):
                    answer = self.status(name, token)
                    refused += [(name, answer)] if answer != 200 else []
        self.report.equal(refused, [], 'refused while the key changed')
        self.report.equal(len(kids), 2, 'keys that signed')
        published = [key['kid'] for key in self.stack.must('identity', 'GET', '/.well-known/jwks.json', scopes=None)['keys']]
        self.report.equal(sorted(published), sorted(kids), 'keys that are published')
        subprocess.run([os.path.join(self.stack.build, 'cli', 'fanfare'), 'rotate-key', '--at-once', '--data', data],
                       stdout=subprocess.DEVNULL, check=True)
        self.report.check(self.all_answer(first, 401), 'at once: what the stolen key has signed is refused by all')

    def end(self):
        self.report.equal(self.stack.stop(), [], 'those that did not end well')


def moment(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def kid_of(token):
    head = token.split('.')[0]
    return json.loads(base64.urlsafe_b64decode(head + '=' * (-len(head) % 4)))['kid']


def main(build, rounds):
    report = Report()
    with Stack(build) as stack:
        test = Test(report, stack, rounds)
        report.run(test.start, test.issued_and_revoked, test.scopes_change, test.write_keys, test.last_use, test.identity_away,
                   test.killed_before_it_is_told, test.kills, test.rotation, test.end)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[3]) if '--rounds' in sys.argv else 20))
