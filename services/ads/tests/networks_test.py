#!/usr/bin/env python3
"""An outside network, written from the specification of Standard Webhooks alone, on a service that runs: it is told what to do, also
after it was away and ads was killed, always with the same id; what it tells is counted once; over the budget it is told to stop.

networks_test.py BUILD_FOLDER
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import secrets
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', 'tests'))
from report import Report  # noqa: E402
from stack import Stack, free_ports, request, wait_for  # noqa: E402

KEY = secrets.token_bytes(32)
SECRET = 'whsec_' + base64.b64encode(KEY).decode()
AGAIN_S = 5  # after the first call that failed
PATIENCE_S = AGAIN_S + 20


def signature(key, ident, at, body):
    return 'v1,' + base64.b64encode(hmac.new(key, f'{ident}.{at}.'.encode() + body, hashlib.sha256).digest()).decode()


class Network(http.server.ThreadingHTTPServer):
    """It answers `answer`, and notes each call: (id, what it says, its signature is right, answer)."""
    daemon_threads, allow_reuse_address = True, True

    def __init__(self, port):
        super().__init__(('127.0.0.1', port), Taker)
        self.answer, self.calls, self.lock = 204, [], threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def said(self, launch):
        """[(type, version)] of what it has taken of a launch."""
        with self.lock:
            return [(body['type'], body['data']['version']) for _, body, _, answer in self.calls
                    if body['data']['launch_id'] == launch and answer == 204]

    def close(self):
        self.shutdown()
        self.server_close()


class Taker(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        ident, at = self.headers['webhook-id'], self.headers['webhook-timestamp']
        right = self.headers['webhook-signature'] == signature(KEY, ident, at, body) and abs(int(at) - time.time()) < 60
        with self.server.lock:
            self.server.calls.append((ident, json.loads(body), right, self.server.answer))
        self.send_response(self.server.answer)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


class Networks:
    def __init__(self, report, stack):
        self.report, self.stack, self.port = report, stack, free_ports(1)[0]
        self.network = Network(self.port)

    def prepare(self):
        self.stack.start('broker', 'ads')
        self.put('/v1/networks/net_social', {'name': 'Social', 'url': f'http://127.0.0.1:{self.port}/hooks', 'secret': SECRET,
                                             'currency': 'USD'})
        self.put('/v1/placements/plc_home', {'slot': 'home', 'name': 'Home'})
        self.put('/v1/ads/ad_spring', {'name': 'Spring', 'placement_id': 'plc_home', 'content': {'headline': 'Sale'},
                                       'target_url': 'https://shop.example/', 'model': 'mille',
                                       'price': {'amount': 500, 'currency': 'USD'}})
        self.put('/v1/ads/ad_spring/review', {'state': 'approved'})

    def put(self, path, body):
        return self.stack.must('ads', 'PUT', path, body)

    def launch(self, launch, budget=1000):
        self.put(f'/v1/activations/{launch}', {'campaign_id': 'cmp_spring', 'ads': ['ad_spring'], 'networks': ['net_social'],
                                               'budget': {'amount': budget, 'currency': 'USD'}})

    def activation(self, launch):
        return self.stack.must('ads', 'GET', f'/v1/activations/{launch}')

    def comes_to(self, launch, wanted, state):
        """The part of the network in a launch is so, or will be soon."""
        def is_so():
            part = self.activation(launch)['networks'][0]
            return (part['wanted'], part['state']) == (wanted, state)
        self.report.check(wait_for(is_so, PATIENCE_S), f'{launch} comes to {wanted}, {state}: {self.activation(launch)["networks"]}')

    def tell(self, body, ident=None, key=KEY, at=None):
        """What ads answers: (status, body)."""
        text, ident, at = json.dumps(body).encode(), ident or f'msg_{secrets.token_hex(8)}', at or int(time.time())
        status, _, answer = request(self.stack.ports['ads'], 'POST', '/v1/networks/net_social/results', text,
                                    {'Content-Type': 'application/json', 'webhook-id': ident, 'webhook-timestamp': str(at),
                                     'webhook-signature': signature(key, ident, at, text)})
        return status, json.loads(answer)

    @staticmethod
    def figures(launch, amount, impressions):
        return {'launch_id': launch, 'results': [{'ad_id': 'ad_spring', 'amount': {'amount': amount, 'currency': 'USD'},
                                                  'impressions': impressions, 'clicks': 0, 'until': '2026-11-24T09:30:00Z'}]}

    # ---- parts ----

    def told_and_stopped(self):
        self.launch('lch_one')
        self.comes_to('lch_one', 'active', 'active')
        self.stack.must('ads', 'DELETE', '/v1/activations/lch_one')
        self.comes_to('lch_one', 'stopped', 'stopped')
        self.report.equal(self.network.said('lch_one'), [('activation.start', 1), ('activation.stop', 2)], 'what it was told')

    def refused_at_first(self):
        self.network.answer = 503
        self.launch('lch_busy')
        self.report.check(wait_for(lambda: any(answer == 503 for *_, answer in self.network.calls), PATIENCE_S), 'it is called')
        self.network.answer = 204
        self.comes_to('lch_busy', 'active', 'active')
        ids = {ident for ident, body, *_ in self.network.calls if body['data']['launch_id'] == 'lch_busy'}
        self.report.equal(len(ids), 1, 'ids of a call that is made again')

    def away_and_killed(self):
        """Both are down one after the other; a pause of nothing in between: the last word is what it hears."""
        self.network.close()
        self.launch('lch_away')
        self.stack.services['ads'].kill()
        calls, self.network = self.network.calls, Network(self.port)
        self.network.calls = calls
        self.stack.services['ads'].start()
        self.comes_to('lch_away', 'active', 'active')
        self.report.equal(self.network.said('lch_away'), [('activation.start', 1)], 'what it was told after all')

    def never_again(self):
        self.network.answer = 410
        self.launch('lch_gone')
        self.comes_to('lch_gone', 'stopped', 'refused')
        self.network.answer = 204

    def counted_once(self):
        self.launch('lch_counted')
        self.comes_to('lch_counted', 'active', 'active')
        first = self.figures('lch_counted', 400, 1000)
        for ident in ('msg_a', 'msg_a', 'msg_b'):
            status, told = self.tell(first, ident)
            self.report.equal((status, told.get('wanted')), (200, 'active'), 'figures are taken')
        self.report.equal(self.tell(self.figures('lch_counted', 9000, 1), key=b'x' * 32)[0], 401, 'forged')
        self.report.equal(self.tell(self.figures('lch_counted', 9000, 1), at=int(time.time()) - 400)[0], 401, 'too old')
        found = self.activation('lch_counted')
        self.report.equal((found['spent_milli'], found['impressions']), (400000, 1000), 'what it has brought')

    def told_to_stop(self):
        status, told = self.tell(self.figures('lch_counted', 1500, 3000))
        self.report.equal((status, told['wanted']), (200, 'stopped'), 'over the budget')
        self.comes_to('lch_counted', 'stopped', 'stopped')
        self.report.equal(self.network.said('lch_counted')[-1][0], 'activation.stop', 'its last word')

    def all_signed(self):
        self.report.check(all(right for _, _, right, _ in self.network.calls), 'every call is signed')
        self.network.close()


def main(build):
    report = Report()
    with Stack(build) as stack:
        one = Networks(report, stack)
        report.run(one.prepare, one.told_and_stopped, one.refused_at_first, one.away_and_killed, one.never_again, one.counted_once,
                   one.told_to_stop, one.all_signed)
        for sentence in stack.stop():
            report.check(False, sentence)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
