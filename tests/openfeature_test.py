#!/usr/bin/env python3
"""Stock OpenFeature clients (npm: the server SDK, its OFREP provider) get the right values, variants, reasons and errors
of flags, and of flags that read what is known of the person.

openfeature_test.py BUILD_FOLDER
"""
import json
import os
import shutil
import subprocess
import sys

from report import Report, skip
from stack import ROOT, Stack, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(ROOT, 'deps', 'openfeature', 'node_modules')
LIMIT_S = 60
BOOLEAN = {'type': 'boolean', 'variants': [{'variant': 'on', 'value': True}, {'variant': 'off', 'value': False}],
           'default_variant': 'off'}
FLAGS = {
    'switch': {**BOOLEAN, 'metadata': {'team': 'shop', 'since': 2026, 'kept': True}},
    'closed': {**BOOLEAN, 'state': 'disabled', 'targeting': 'on'},
    'german': {**BOOLEAN, 'targeting': {'if': [{'==': [{'var': 'country'}, 'DE']}, 'on', None]}},
    'split': {**BOOLEAN, 'targeting': {'fractional': [['on', 50], ['off', 50]]}},
    'members': {**BOOLEAN, 'targeting': {'if': [{'==': [{'var': 'traits.plan'}, 'gold']}, 'on', 'off']}},
    'strange': {**BOOLEAN, 'targeting': 'sideways'},
    'endless': {**BOOLEAN, 'targeting': {'if': [{'some': [
        {'var': 'rows'}, {'none': [{'var': ''}, {'==': [{'var': ''}, 1]}]}]}, 'on', 'off']}},
    'greeting': {'type': 'string', 'variants': [{'variant': 'short', 'value': 'Hi'}, {'variant': 'long', 'value': 'Good day'}],
                 'default_variant': 'short',
                 'targeting': {'if': [{'sem_ver': [{'var': 'app'}, '>=', '2.0.0']}, 'long', None]}},
    'discount': {'type': 'number', 'variants': [{'variant': 'none', 'value': 0}, {'variant': 'some', 'value': 12.5}],
                 'default_variant': 'some'},
    'layout': {'type': 'object', 'variants': [{'variant': 'wide', 'value': {'columns': 3, 'parts': ['a', 'b']}}],
               'default_variant': 'wide'},
}
ENDLESS_ROWS = [[0] * 400 + [1]] * 400  # more steps than a rule may take

# type, flag, the application's default, context -> value, variant, reason
VALUES = [
    ('boolean', 'switch', True, {}, False, 'off', 'STATIC'),
    ('boolean', 'closed', True, {'targetingKey': 'a'}, False, 'off', 'DISABLED'),
    ('boolean', 'german', False, {'targetingKey': 'a', 'country': 'DE'}, True, 'on', 'TARGETING_MATCH'),
    ('boolean', 'german', True, {'targetingKey': 'a', 'country': 'FR'}, False, 'off', 'DEFAULT'),
    ('boolean', 'split', False, {'targetingKey': 'user-3'}, True, 'on', 'SPLIT'),  # murmur3('splituser-3') = 0x2d6260dd
    ('boolean', 'split', True, {'targetingKey': 'user-1'}, False, 'off', 'SPLIT'),  # murmur3('splituser-1') = 0xf3d9a840
    ('boolean', 'members', False, {'targetingKey': 'prf_member'}, True, 'on', 'TARGETING_MATCH'),
    ('boolean', 'members', True, {'targetingKey': 'prf_nobody'}, False, 'off', 'TARGETING_MATCH'),
    ('string', 'greeting', '', {'targetingKey': 'a', 'app': 'v2.1'}, 'Good day', 'long', 'TARGETING_MATCH'),
    ('string', 'greeting', '', {'targetingKey': 'a', 'app': '1.9.9'}, 'Hi', 'short', 'DEFAULT'),
    ('number', 'discount', 0, {}, 12.5, 'some', 'STATIC'),
    ('object', 'layout', {}, {}, {'columns': 3, 'parts': ['a', 'b']}, 'wide', 'STATIC'),
]
# type, flag, the application's default (which is what it gets), context -> error
ERRORS = [
    ('boolean', 'nothing', True, {'targetingKey': 'a'}, 'FLAG_NOT_FOUND'),
    ('boolean', 'split', True, {}, 'TARGETING_KEY_MISSING'),
    ('boolean', 'members', True, {}, 'TARGETING_KEY_MISSING'),
    ('boolean', 'split', True, {'targetingKey': 7}, 'INVALID_CONTEXT'),
    ('boolean', 'endless', True, {'targetingKey': 'a', 'rows': ENDLESS_ROWS}, 'PARSE_ERROR'),
    ('boolean', 'strange', True, {'targetingKey': 'a'}, 'GENERAL'),
    ('string', 'switch', 'x', {'targetingKey': 'a'}, 'TYPE_MISMATCH'),
]


class Clients:
    def __init__(self, stack, report):
        self.stack, self.report = stack, report

    def ask(self, cases, token):
        asked = {'evaluations': [dict(zip(('type', 'key', 'default', 'context'), case)) for case in cases],
                 'bulk': {'targetingKey': 'prf_member'}}
        done = subprocess.run(['node', os.path.join(HERE, 'openfeature.js'),
                               f'http://127.0.0.1:{self.stack.port("personalization")}', token], input=json.dumps(asked),
                              env={**os.environ, 'NODE_PATH': MODULES}, capture_output=True, text=True, timeout=LIMIT_S,
                              check=False)
        self.report.equal((done.returncode, done.stderr), (0, ''), 'the application')
        return json.loads(done.stdout)

    def define(self):
        for key, flag in FLAGS.items():
            self.stack.must('personalization', 'PUT', f'/v1/flags/{key}', flag)
        self.stack.must('crm', 'PUT', '/v1/profiles/prf_member', {'name': 'Member', 'traits': {'plan': 'gold'}})
        heard = wait_for(lambda: self.stack.must('personalization', 'GET', '/v1/people/prf_member/features')['known'])
        self.report.check(heard, 'personalization has heard of the profile')
        last = f'/ofrep/v1/evaluate/flags/{list(FLAGS)[-1]}'
        seen = wait_for(lambda: self.stack.call('personalization', 'POST', last, {'context': {}})[0] == 200)
        self.report.check(seen, 'evaluations follow what is defined')

    def values(self):
        for case, got in zip(VALUES, self.ask(VALUES, self.stack.token('flags:evaluate'))['evaluations']):
            told = got['value'], got.get('variant'), got.get('reason'), got.get('errorCode')
            self.report.equal(told, (*case[4:], None), f'{case[1]} for {case[3]}')
            if case[1] == 'switch':
                self.report.equal(got['flagMetadata'], FLAGS['switch']['metadata'], 'metadata')

    def errors(self):
        for case, got in zip(ERRORS, self.ask(ERRORS, self.stack.token('flags:evaluate'))['evaluations']):
            self.report.equal((got['value'], got['reason'], got['errorCode']), (case[2], 'ERROR', case[4]), f'{case[1]} for {str(case[3])[:60]}')
            self.report.check(got['errorMessage'] or case[4] == 'TYPE_MISMATCH', f'{case[1]} says why')

    def bulk(self):
        got = self.ask([], self.stack.token('flags:evaluate'))['bulk']
        self.report.equal((got['status'], got['again']), (200, 304), 'asked twice, with the tag')
        told = {flag['key']: flag.get('value', flag.get('errorCode')) for flag in got['flags']}
        self.report.equal(set(told), set(FLAGS), 'all flags')
        self.report.equal((told['members'], told['strange']), (True, 'GENERAL'), 'a value and an error among them')

    def strangers(self):
        """Who may not ask gets the application's default, and no flag is evaluated."""
        for token, status in (('nonsense', 401), (self.stack.token('flags:read'), 403)):
            answer = self.stack.call('personalization', 'POST', '/ofrep/v1/evaluate/flags/switch', {'context': {}}, scopes=None,
                                     headers={'Authorization': f'Bearer {token}'})
            self.report.equal((answer[0], answer[2]['errorCode']), (status, 'GENERAL'), 'a stranger')


def main():
    if not os.path.isdir(MODULES) or not shutil.which('node'):
        skip('the clients are not here: ./dev test openfeature')
    report = Report()
    with Stack(sys.argv[1]) as stack:
        stack.start('broker')
        stack.start('crm', 'personalization')
        clients = Clients(stack, report)
        report.run(clients.define, clients.values, clients.errors, clients.bulk, clients.strangers)
        report.equal(stack.stop(), [], 'all ended well')
    sys.exit(report.end())


if __name__ == '__main__':
    main()
