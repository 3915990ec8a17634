#!/usr/bin/env python3
"""Nobody gets in: every operation of every contract, and what the admin listeners guard, is asked with each kind of bad
credentials, and refuses. The same requests with good ones are let in, so that a refusal means something. Operations for
everybody are few, and named here.

nobody_gets_in_test.py BUILD_FOLDER
"""
import base64
import collections
import json
import os
import re
import sys
import time

import contract_examples
import tokens
from report import Report
from stack import ROOT, Stack, wait_for

SERVICES = tuple(name for name in sorted(os.listdir(os.path.join(ROOT, 'services')))
                 if os.path.exists(os.path.join(ROOT, 'services', name, 'openapi.yaml')) and name != 'broker')
PUBLIC = {'identity sign_in', 'identity refresh_session', 'identity end_session', 'identity get_key_set',
          'content get_preview', 'ads see_ad', 'ads click_ad', 'gateway see_ad', 'gateway click_ad',  # opened by the token in its path
          'content get_media',  # pages show it
          'email follow_link', 'email open_mail', 'email show_unsubscribe', 'email unsubscribe', 'email show_preferences',
          'email save_preferences', 'crm show_confirmation', 'crm confirm',  # so are these, which are in mails
          'email take_ses', 'email take_sendgrid', 'email take_postmark',  # signed, or with a token of their own
          'commerce take_shopify',  # its body is signed with the shop's secret: flow-bad-input
          'ads take_results'}  # and its with the network's: ads-networks
ADMIN = [('GET', '/dlq', 'dlq'), ('POST', '/dlq/redrive', 'dlq'), ('POST', '/dlq/drop', 'dlq'), ('POST', '/rebuild', 'rebuild'),
         ('DELETE', '/rebuild', 'rebuild'), ('POST', '/faults', 'faults'), ('DELETE', '/faults', 'faults')]
PATIENCE_S = 30
SOON_S = 1.5  # until the keys that end have ended


def bearer(token):
    return {'Authorization': f'Bearer {token}'}


def basic(user, password=''):
    return {'Authorization': 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()}


class Test:
    def __init__(self, report, stack):
        self.report, self.stack = report, stack
        self.keys, self.known, self.asked, self.strangers = {}, {}, collections.Counter(), []

    def start(self):
        self.stack.start('broker')
        self.stack.start(*SERVICES, faults='true')
        for kind, scopes in (('api', ['*']), ('write', ['collect'])):
            for what in ('good', 'revoked', 'ended'):
                self.keys[kind, what] = self.create(kind, scopes, SOON_S if what == 'ended' else None)
        self.keys['api', 'weak'] = self.create('api', ['nothing:at-all'])
        for kind in ('api', 'write'):
            self.stack.must('identity', 'POST', f'/v1/keys/{self.keys[kind, "revoked"]["key"]["key_id"]}/revoke')
        good, revoked = (self.keys['api', what]['secret'] for what in ('good', 'revoked'))
        for name in SERVICES:
            told = wait_for(lambda: self.dlq(name, good) == 200 and self.dlq(name, revoked) == 401, PATIENCE_S)
            self.report.check(told, f'{name} knows the keys')
        time.sleep(SOON_S)

    def create(self, kind, scopes, seconds=None):
        body = {'kind': kind, 'name': 'k', 'scopes': scopes}
        if seconds:
            at = time.time() + seconds
            body['expires_at'] = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at)) + f'{at % 1:.3f}Z'[1:]
        return self.stack.must('identity', 'POST', '/v1/keys', body)

    def dlq(self, name, secret):
        return contract_examples.call(f'http://127.0.0.1:{self.stack.admin_ports[name]}', 'GET', '/dlq', bearer(secret), None).status

    # ---- what is tried ----

    def bad_bearers(self, scope):
        """{what: (headers, status)}; one for each scope: making tokens is slow."""
        if scope not in self.known:
            secret = {what: made['secret'] for (kind, what), made in self.keys.items() if kind == 'api'}
            found = {what: (bearer(token), 401) for what, token in self.stack.keys.bad_tokens(scope).items()}
            self.known[scope] = found | {
                'nothing': ({}, 401),
                'an empty one': ({'Authorization': 'Bearer '}, 401),
                'a token by Basic': (basic(self.stack.keys.token(scope)), 401),
                'a token of another scope': (bearer(self.stack.keys.token('nothing:at-all')), 403),
                'a token of a longer scope': (bearer(self.stack.keys.token(f'{scope}2 x{scope}')), 403),
                'a revoked API key': (bearer(secret['revoked']), 401),
                'a revoked API key as a password': (basic('me', secret['revoked']), 401),
                'an API key that has ended': (bearer(secret['ended']), 401),
                'an API key of another scope': (bearer(secret['weak']), 403),
                'an unknown API key': (bearer('ffk_' + 'A' * 43), 401),
                'a longer API key': (bearer(secret['good'] + 'A'), 401),
                'a shorter API key': (bearer(secret['good'][:-1]), 401),
                'a write key': (bearer(self.keys['write', 'good']['secret']), 401),
            }
        return self.known[scope]

    def bad_write_keys(self):
        secret = {what: made['secret'] for (kind, what), made in self.keys.items() if kind == 'write'}
        return {
            'nothing': ({}, 401),
            'an unknown write key': (basic('wk_' + '0' * 40), 401),
            'an empty write key': (basic(''), 401),
            'a revoked write key': (basic(secret['revoked']), 401),
            'a write key that has ended': (basic(secret['ended']), 401),
            'a write key that may not': (basic(tokens.WEAK_WRITE_KEY), 403),
            'an API key': (basic(self.keys['api', 'good']['secret']), 401),
            'a write key as its password': (basic('', secret['good']), 401),
            'no Base64': ({'Authorization': 'Basic %%%'}, 401),
        }

    def attempts(self, operation):
        """Of all ways in that the contract names; a stranger is no bad one where it names that too."""
        tried = {}
        for way in operation.security:
            if 'token' in way:
                tried |= self.bad_bearers(way['token'][0])
            if 'write_key' in way:
                tried |= self.bad_write_keys()
        if {} in operation.security:
            tried.pop('nothing')
            self.strangers.append(operation.name)
        if len(operation.security) > 1:  # Basic is the other way there
            tried.pop('a token by Basic', None)
            tried.pop('a revoked API key as a password', None)
        return tried

    def refused(self, base, where, method, target, headers, attempts, problem):
        for what, (credentials, wanted) in attempts.items():
            answer = contract_examples.call(base, method, target, {**headers, **credentials}, None)
            self.asked[what] += 1
            good = answer.status == wanted and (not problem or json.loads(answer.body)['status'] == wanted)
            self.report.check(good, f'{where} with {what}: {answer}, wanted {wanted}')

    # ---- parts ----

    def operations(self):
        public = set()
        for name in SERVICES:
            base = f'http://127.0.0.1:{self.stack.ports[name]}'
            for operation in self.operations_of(name):
                if not operation.security:
                    public.add(f'{name} {operation.name}')
                    continue
                target, headers = operation.request()
                self.refused(base, f'{name} {operation.name}', operation.method, target, headers,
                             self.attempts(operation), not operation.foreign)
        self.report.equal(public, PUBLIC, 'operations for everybody')
        print(f'{sum(self.asked.values())} requests with {len(self.asked)} kinds of bad credentials;'
              f' strangers may be let in by setting: {len(self.strangers)} operations')

    def operations_of(self, name):
        return contract_examples.operations_of(self.stack.must(name, 'GET', '/openapi.json', scopes=None))

    def admin_listeners(self):
        for name in SERVICES:
            base = f'http://127.0.0.1:{self.stack.admin_ports[name]}'
            for method, path, scope in ADMIN:
                self.refused(base, f'{name} admin {path}', method, path, {}, self.bad_bearers(scope), False)

    def good_ones(self):
        """Last: some of these do what they are asked."""
        api, write = (self.keys[kind, 'good']['secret'] for kind in ('api', 'write'))
        for name in SERVICES:
            base = f'http://127.0.0.1:{self.stack.ports[name]}'
            for operation in self.operations_of(name):
                if not operation.security:
                    continue
                target, headers = operation.request()
                ways = [basic(write)] if operation.by_write_key() else [bearer(self.stack.token(operation.scope())), bearer(api)]
                for credentials in ways:
                    answer = contract_examples.call(base, operation.method, target, {**headers, **credentials}, None)
                    shut = answer.status == 401 or answer.status == 403 and re.search(b'The scope .* is needed', answer.body)
                    self.report.check(not shut, f'{name} {operation.name} with good ones: {answer}')

    def one_time_tokens(self):
        self.stack.must('identity', 'PUT', '/v1/people/usr_once', {'email': 'once@example.com', 'name': 'O', 'roles': []})
        self.stack.must('identity', 'PUT', '/v1/people/usr_once/password', {'password': 'correct horse battery'})
        begun = self.stack.must('identity', 'POST', '/v1/sessions', {'email': 'once@example.com', 'password': 'correct horse battery'},
                                scopes=None)
        first = begun['refresh_token']
        second = self.refresh(first)[1]['refresh_token']
        self.report.equal(self.refresh(first)[0], 401, 'a refresh token for the second time')
        self.report.equal(self.refresh(second)[0], 401, 'and the one that came of it: the session has ended')

    def refresh(self, token):
        status, _, body = self.stack.call('identity', 'POST', '/v1/sessions/refresh', {'refresh_token': token}, scopes=None)
        return status, body


def main(build):
    report = Report()
    with Stack(build) as stack:
        test = Test(report, stack)
        report.run(test.start, test.operations, test.admin_listeners, test.one_time_tokens, test.good_ones)
        report.equal(stack.stop(), [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
