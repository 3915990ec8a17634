#!/usr/bin/env python3
"""The gateway with its real neighbours, each as a process: whole pages, and pages while each of them hangs or is gone.

page_flow.py BUILD_FOLDER
"""
import base64
import os
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from stack import Stack  # noqa: E402

PATIENCE_S = 30
BUDGET_S = 0.050
STUTTER_S = 0.25  # what a busy machine may add to one answer

PAGE = {'blocks': [
    {'id': 'hero', 'kind': 'hero', 'slot': 'home-hero', 'content': {'headline': 'Welcome'},
     'variants': {'returning': {'headline': 'Again'}}},
    {'id': 'offers', 'kind': 'products', 'content': {}, 'products': ['prd_a', 'prd_none']},
    {'id': 'banner', 'kind': 'ad', 'slot': 'home-banner', 'content': {'headline': 'Our own'}},
]}
EXPERIENCE = {'slot': 'home-hero', 'name': 'Hero',
              'variants': [{'variant': 'returning', 'rule': {'>': [{'var': 'visits'}, 0]}}]}


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def that(self, what, ok, detail=''):
        self.passed += bool(ok)
        self.failed += not ok
        if not ok:
            print(f'not ok - {what} {detail}', flush=True)

    def soon(self, what, ask):
        """Waits until `ask` gives something true; gives it."""
        until, found = time.monotonic() + PATIENCE_S, ask()
        while not found and time.monotonic() < until:
            time.sleep(0.1)
            found = ask()
        self.that(what, found, f'(not within {PATIENCE_S} s)')
        return found


def page(stack, query='visitor_id=vis_a', slug='home'):
    """(status, page, seconds)"""
    began = time.monotonic()
    status, _, answer = stack.call('gateway', 'GET', f'/v1/pages/{slug}?{query}')
    return status, answer, time.monotonic() - began


def price(answer, index=0):
    return answer['blocks'][1]['prices'][index]


def breaker(stack, peer):
    for line in stack['gateway'].metrics().splitlines():
        if line.startswith('fanfare_client_breaker_state') and f'peer="{peer}"' in line:
            return int(float(line.rsplit(' ', 1)[1]))
    return None


def put_price(stack, amount):
    stack.call('commerce', 'PUT', '/v1/products/prd_a', expect=200,
               body={'name': 'Chair', 'price': {'amount': amount, 'currency': 'EUR'}})


def publish(stack, entry, slug, document):
    stack.call('content', 'PUT', f'/v1/entries/{entry}', expect=200,
               body={'kind': 'page', 'slug': slug, 'title': slug.title(), 'document': document})
    stack.call('content', 'POST', f'/v1/entries/{entry}/publish', body={}, expect=200)


def whole(stack, checks):
    status, answer, _ = page(stack, 'visitor_id=vis_first')
    checks.that('a first view', status == 200 and answer['blocks'][0]['variant'] == 'default', answer)
    checks.that('nothing by default', answer['defaults'] == [] and not answer['blocks'][0]['default'], answer)
    checks.that('its price', price(answer).get('price') == {'amount': 1000, 'currency': 'EUR'}, answer)
    checks.that('a product that nobody knows', not price(answer, 1)['available'] and not price(answer, 1)['default'])
    answer = checks.soon('the view comes round to personalization', lambda: next(
        (a for _, a, _ in [page(stack, 'visitor_id=vis_first')] if a['blocks'][0]['variant'] == 'returning'), None))
    checks.that('and its content is shown', answer and answer['blocks'][0]['content'] == {'headline': 'Again'})
    put_price(stack, 1100)
    checks.that('a new price is there at once', price(page(stack)[1])['price']['amount'] == 1100)
    checks.that('a slug that content does not have', page(stack, slug='nothing')[0] == 404)


def with_ads(stack, checks):
    answer = page(stack, 'visitor_id=vis_ads')[1]
    checks.that('no ad: what is published', answer['blocks'][2]['content'] == {'headline': 'Our own'} and
                'ad' not in answer['blocks'][2] and not answer['blocks'][2]['default'], answer)
    ask = lambda method, path, body, status=200: stack.call('ads', method, path, body=body, expect=status)
    ask('PUT', '/v1/placements/plc_banner', {'slot': 'home-banner', 'name': 'Banner'})
    ask('PUT', '/v1/ads/ad_sale', {'name': 'Sale', 'placement_id': 'plc_banner', 'content': {'headline': 'Sale'}, 'model': 'click',
                                   'target_url': 'https://shop.example.com/sale', 'price': {'amount': 10, 'currency': 'EUR'}})
    ask('PUT', '/v1/ads/ad_sale/review', {'state': 'approved'})
    ask('PUT', '/v1/activations/lch_sale', {'campaign_id': 'cmp_sale', 'ads': ['ad_sale'], 'budget': {'amount': 1000, 'currency': 'EUR'}})
    banner = checks.soon('the ad is shown', lambda: next(
        (b for b in [page(stack, 'visitor_id=vis_ads')[1]['blocks'][2]] if 'ad' in b), None))
    if not banner:
        return
    checks.that('with its content', banner['content'] == {'headline': 'Sale'} and not banner['default'], banner)
    status, headers, body = stack.call('gateway', 'GET', banner['ad']['impression_path'], scopes=None)
    checks.that('it is seen: a picture that nobody keeps', status == 200 and headers['Content-Type'] == 'image/gif' and
                headers['Cache-Control'] == 'no-store', (status, dict(headers)))
    for _ in range(2):
        status, headers, body = stack.call('gateway', 'GET', banner['ad']['click_path'], scopes=None)
        checks.that('it is followed: on to the shop', status == 302 and headers['Location'] == 'https://shop.example.com/sale',
                    (status, dict(headers)))
    shown = stack.call('ads', 'GET', '/v1/activations/lch_sale', expect=200)[2]
    checks.that('each counts once', (shown['impressions'], shown['clicks'], shown['spent_milli']) == (1, 1, 10000), shown)
    checks.that('a made-up link', stack.call('gateway', 'GET', '/v1/clicks/bm9uc2Vuc2U.x', scopes=None)[0] == 404)


def hanging(stack, checks, name):
    """Every page comes, in time, and says what is missing; the breaker opens, and closes once it is back."""
    stack[name].signal(signal.SIGSTOP)
    try:
        late = []
        until = time.monotonic() + PATIENCE_S
        while breaker(stack, name) != 1 and time.monotonic() < until:
            status, answer, took_s = page(stack)
            late += [took_s] if took_s > BUDGET_S + STUTTER_S else []
            checks.that(f'{name} hangs: a page', status == 200 and name in answer['defaults'], answer)
        checks.that(f'{name} hangs: none is late', not late, late)
        checks.that(f'{name} hangs: the breaker opens', breaker(stack, name) == 1)
        _, answer, took_s = page(stack)
        checks.that(f'{name} hangs: nobody waits any more', took_s < BUDGET_S + STUTTER_S)
        if name == 'commerce':
            checks.that('the last price that was heard of', price(answer).get('price', {}).get('amount') == 1100 and
                        price(answer)['default'], answer)
    finally:
        stack[name].signal(signal.SIGCONT)
    checks.soon(f'{name} is back: pages are whole', lambda: page(stack)[1]['defaults'] == [])
    checks.soon(f'{name} is back: the breaker closes', lambda: page(stack)[1]['defaults'] == [] and
                breaker(stack, name) == 0)


def content_gone(stack, checks):
    stack['content'].stop()
    stack['gateway'].stop()
    stack['gateway'].start()
    status, answer, _ = page(stack)
    checks.that('content is gone, the gateway started anew: the page', status == 200, answer)
    checks.that('a page that nobody can vouch for', page(stack, slug='other')[0] == 503)
    stack['content'].start()
    checks.soon('content is back, and says that there is none', lambda: page(stack, slug='other')[0] == 404)


def broker_gone(stack, checks):
    """Pages go on; what is published is found by asking, and the rest is made up for when the log is back."""
    stack['broker'].stop()
    checks.that('the broker is gone: a page', page(stack)[0] == 200)
    publish(stack, 'ent_about', 'about', {'blocks': []})
    checks.that('the broker is gone: a page that was published since', page(stack, slug='about')[0] == 200)
    stack.call('content', 'POST', '/v1/entries/ent_about/unpublish', expect=200)
    stack['broker'].start()
    checks.soon('the broker is back: the page is taken away', lambda: page(stack, slug='about')[0] == 404)


def collecting(stack, checks):
    pair = base64.b64encode(f'{stack.keys.write_key}:'.encode()).decode()
    basic = {'Authorization': f'Basic {pair}'}

    def track():
        return stack.call('gateway', 'POST', '/v1/track', headers=basic, scopes=None,
                          body={'anonymousId': 'vis_a', 'event': 'Seen', 'messageId': f'm-{time.monotonic_ns()}'})

    checks.soon('what a site tells is taken', lambda: track()[::2] == (200, {'success': True}))
    status, _, answer = stack.call('gateway', 'POST', '/v1/track', body=b'{"event":', headers=basic, scopes=None)
    checks.that('what analytics says of nonsense', status == 400, answer)
    stack['analytics'].stop()
    status, headers, _ = track()
    checks.that('analytics is gone', status == 503 and headers.get('Retry-After'), status)
    checks.that('and pages go on', page(stack)[0] == 200)


def main(build):
    checks = Checks()
    with Stack(build) as stack:
        stack.start('broker', 'content', 'personalization', 'commerce', 'analytics', 'ads', 'gateway')
        put_price(stack, 1000)
        stack.call('personalization', 'PUT', '/v1/experiences/exp_hero', body=EXPERIENCE, expect=200)
        publish(stack, 'ent_home', 'home', PAGE)
        whole(stack, checks)
        with_ads(stack, checks)
        hanging(stack, checks, 'ads')
        hanging(stack, checks, 'personalization')
        hanging(stack, checks, 'commerce')
        content_gone(stack, checks)
        broker_gone(stack, checks)
        collecting(stack, checks)
    print(f'{checks.passed} passed, {checks.failed} failed')
    return 1 if checks.failed else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
