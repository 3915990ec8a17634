#!/usr/bin/env python3
"""Flags for browsers, with the real personalization: by a write key through the gateway, only those that are public, with
CORS, tags and limits; and what a browser is told while personalization is stopped or gone.

flags_flow.py BUILD_FOLDER
"""
import base64
import os
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from report import Report  # noqa: E402
from stack import Stack, slowness, wait_for  # noqa: E402

ALL = '/ofrep/v1/evaluate/flags'
SHOP = 'https://shop.example'
BOOLEAN = {'type': 'boolean', 'variants': [{'variant': 'on', 'value': True}, {'variant': 'off', 'value': False}],
           'default_variant': 'off'}
GERMAN = {'if': [{'==': [{'var': 'country'}, 'DE']}, 'on', None]}
FLAGS = {'banner': {**BOOLEAN, 'public': True, 'targeting': GERMAN}, 'split': {**BOOLEAN, 'public': True, 'targeting': {
    'fractional': [['on', 50], ['off', 50]]}}, 'secret': BOOLEAN, 'private': {**BOOLEAN, 'public': False}}
CONTEXT = {'targetingKey': 'user-3', 'country': 'DE'}
PATIENCE_S = 30
BUDGET_S = 0.4
BACK_S = 12  # the breaker's longest, and some


class Flags:
    def __init__(self, stack, report, slow):
        self.stack, self.report, self.slow = stack, report, slow
        self.key = self.collects = None

    def ask(self, path=ALL, key=None, context=CONTEXT, **headers):
        """As a page of the shop does."""
        pair = base64.b64encode(f'{key or self.key}:'.encode()).decode()
        named = {name.replace('_', '-'): value for name, value in headers.items()}
        return self.stack.call('gateway', 'POST', path, {'context': context}, scopes=None,
                               headers={'Authorization': f'Basic {pair}', 'Origin': SHOP, **named})

    def whole(self):
        told = self.stack.call('gateway', 'POST', ALL, {'context': CONTEXT}, scopes='flags:evaluate')[2]
        return {flag['key'] for flag in told['flags']}

    def begin(self):
        self.stack.start('broker')
        self.stack.start('identity', 'personalization')
        self.stack.start('gateway', cors_origins=SHOP, flags_budget=f'{BUDGET_S * 1000:.0f}ms')
        for key, flag in FLAGS.items():
            kept = self.stack.must('personalization', 'PUT', f'/v1/flags/{key}', flag)
            self.report.equal(kept.get('public'), flag.get('public'), f'{key}: is it public')
        for scopes in (['collect', 'orders:read'], ['*'], ['flags:read']):
            refused = self.stack.call('identity', 'POST', '/v1/keys', {'kind': 'write', 'name': 'k', 'scopes': scopes})[0]
            self.report.equal(refused, 422, f'a write key with {scopes}')
        self.key, self.collects = (self.stack.must('identity', 'POST', '/v1/keys', {
            'kind': 'write', 'name': 'shop', 'scopes': scopes})['secret'] for scopes in (['collect', 'flags:evaluate'], ['collect']))
        self.report.check(wait_for(lambda: self.ask()[0] == 200, PATIENCE_S), 'both have heard of the key')
        self.report.check(wait_for(lambda: self.ask(key=self.collects)[0] == 403, PATIENCE_S), 'one that may only collect is refused')
        self.report.check(wait_for(lambda: len(self.whole()) == len(FLAGS), PATIENCE_S), 'the flags are there')

    def public_ones(self):
        told = {flag['key']: flag for flag in self.ask()[2]['flags']}
        self.report.equal(set(told), {'banner', 'split'}, 'what a browser sees')
        self.report.equal((told['banner']['value'], told['banner']['reason']), (True, 'TARGETING_MATCH'), 'banner')
        self.report.equal((told['split']['value'], told['split']['reason']), (True, 'SPLIT'), 'split')
        status, _, one = self.ask(f'{ALL}/banner', context={'targetingKey': 'a', 'country': 'FR'})
        self.report.equal((status, one['value'], one['variant'], one['reason']), (200, False, 'off', 'DEFAULT'), 'one of them')
        for hidden in ('secret', 'private', 'nothing', 'ban%2Fner'):
            status, told, answer = self.ask(f'{ALL}/{hidden}')
            self.report.equal((status, answer['errorCode'], told['Content-Type']), (404, 'FLAG_NOT_FOUND', 'application/json'), hidden)
        self.report.equal(self.whole(), set(FLAGS), 'what a token sees, which is a secret')

    def refused(self):
        status, told, answer = self.ask(context='nobody')
        self.report.equal((status, answer['errorCode']), (400, 'INVALID_CONTEXT'), 'no context')
        status, told, answer = self.ask(f'{ALL}/split', context={})
        self.report.equal((status, answer['errorCode']), (400, 'TARGETING_KEY_MISSING'), 'nobody')
        self.report.equal(told['Access-Control-Allow-Origin'], SHOP, 'pages may read why')
        status, told, _ = self.ask(key='wk_nobody')
        self.report.equal((status, told['Access-Control-Allow-Origin']), (401, SHOP), 'an unknown key')
        self.report.equal(self.ask(Origin='https://evil.example')[1]['Access-Control-Allow-Origin'], None, 'pages of others')

    def browsers(self):
        """What a browser asks before it sends Authorization and JSON to another origin (Fetch, section 3.3)."""
        status, told, _ = self.stack.call('gateway', 'OPTIONS', ALL, scopes=None, headers={
            'Origin': SHOP, 'Access-Control-Request-Method': 'POST',
            'Access-Control-Request-Headers': 'authorization,content-type,if-none-match'})
        allowed = told['Access-Control-Allow-Headers'].lower().split(', ')
        self.report.equal((status, told['Access-Control-Allow-Origin']), (204, SHOP), 'before')
        self.report.check({'authorization', 'content-type', 'if-none-match'} <= set(allowed), f'headers: {allowed}')
        self.report.check('POST' in told['Access-Control-Allow-Methods'], 'methods')

    def tags(self):
        status, told, _ = self.ask()
        self.report.check('ETag' in told['Access-Control-Expose-Headers'], 'pages may read the tag')
        status, again, answer = self.ask(If_None_Match=told['ETag'])
        self.report.equal((status, again['ETag'], answer), (304, told['ETag'], None), 'with the tag')
        self.report.equal(self.ask(If_None_Match=told['ETag'], context={**CONTEXT, 'country': 'FR'})[0], 200, 'of somebody else')
        self.stack.must('personalization', 'PUT', '/v1/flags/secret', {**BOOLEAN, 'default_variant': 'on'})
        self.stack.must('personalization', 'PUT', '/v1/flags/banner', {**FLAGS['banner'], 'default_variant': 'on', 'targeting': None})
        changed = wait_for(lambda: self.ask(If_None_Match=told['ETag'])[0] == 200, PATIENCE_S)
        self.report.check(changed, 'a public flag has changed')

    def away(self):
        """Stopped: nobody waits longer than the budget, and soon nobody at all. Gone: at once. Back: soon again."""
        self.stack['personalization'].signal(signal.SIGSTOP)
        took = []
        for _ in range(30):
            begun = time.monotonic()
            status, told, _ = self.ask()
            took.append(time.monotonic() - begun)
            self.report.check(status == 503 and told['Retry-After'] and told['Access-Control-Allow-Origin'] == SHOP,
                              f'stopped: {status}')
        self.report.check(max(took) < 3 * BUDGET_S * self.slow, f'within the budget: {max(took):.3f} s')
        self.report.check(min(took[20:]) < 0.1 * self.slow, f'the breaker is open: {min(took[20:]):.3f} s')
        self.stack['personalization'].signal(signal.SIGCONT)
        self.report.check(wait_for(lambda: self.ask()[0] == 200, BACK_S * self.slow), 'it goes on')
        self.stack['personalization'].kill()
        begun = time.monotonic()
        self.report.equal(self.ask()[0], 503, 'gone')
        self.report.check(time.monotonic() - begun < BUDGET_S * self.slow, 'at once')
        self.stack.start('personalization')
        self.report.check(wait_for(lambda: self.ask()[0] == 200, BACK_S * self.slow), 'it is back')

    def limits(self):
        self.stack.stop('gateway')
        self.stack.start('gateway', cors_origins=SHOP, rate_per_key=20)
        answers = [self.ask() for _ in range(40)]
        refused = [told for status, told, _ in answers if status == 429]
        self.report.check({status for status, _, _ in answers} == {200, 429} and len(refused) >= 15, f'{len(refused)} refused')
        self.report.check(all(int(told['Retry-After']) >= 1 and told['Access-Control-Allow-Origin'] == SHOP for told in refused),
                          'and told when to come again')
        self.report.check('RateLimit' in answers[0][1]['Access-Control-Expose-Headers'], 'pages may read what is left')


def main(build):
    report = Report()
    with Stack(build) as stack:
        flags = Flags(stack, report, slowness(build))
        report.run(flags.begin, flags.public_ones, flags.refused, flags.browsers, flags.tags, flags.away, flags.limits)
        report.equal(stack.stop(), [], 'all ended well')
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
