#!/usr/bin/env python3
"""People in journeys while campaign is killed, at random and where it hurts: in the middle of a step, before and after the
commit of what was heard, between the log's yes and the outbox, between a webhook's answer and the note of it; and the broker
at random. Before that, while those come in who are in a segment when its journey is activated. Everybody goes the whole way once: each mail is asked for once, and none is missing; who ordered in time is
reminded of nothing, however long campaign was away; each webhook is called, always with the same id.

journey_test.py BUILD_FOLDER [--rounds N] [--seed N]   N kills; without: 12
"""
import argparse
import base64
import collections
import hashlib
import hmac
import http.client
import http.server
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from report import Report  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

ROUNDS = 12
PEOPLE_A_ROUND = 60
PATIENCE_S = 120
ORDER_S, IN_TIME_S = 2, 1.9
SECRET = base64.b64encode(b'thirty-two bytes of a known key!').decode()
ASKED, MOVED = 'fanfare.email.message.asked.v1', 'fanfare.campaign.journey.moved.v1'
SEGMENT, MEMBERS, TOLD = 'seg_members', 1200, 'fanfare.personalization.membership.changed.v1'
POINTS = [('campaign.journey', did) for did in ('entered', 'arrived', 'sent', 'called', 'goes_on', 'ended')] + \
    [('events.consumer.commit', None), ('events.consumer.committed', None), ('events.relay.published', None),
     ('campaign.webhook', None)]


def send(name, following):
    return {'id': name, 'kind': 'send', 'next': following, 'send': {'template': name}}


def wait(name, seconds, following):
    return {'id': name, 'kind': 'wait', 'next': following, 'wait': {'seconds': seconds}}


EXIT = {'id': 'end', 'kind': 'exit'}
CART = {'name': 'Cart', 'entry': {'kind': 'event', 'event': 'Cart Updated', 'key': 'cart_id'}, 'again': {'rule': 'other_key'},
        'nodes': [{'id': 'ordered', 'kind': 'wait_until', 'next': 'end', 'wait_until': {
            'event': 'Order Completed', 'match': 'cart_id', 'seconds': ORDER_S, 'otherwise': 'reminder'}}, send('reminder', 'end'), EXIT]}


def welcome(hook):
    return {'name': 'Welcome', 'entry': {'kind': 'event', 'event': 'Signed Up'},
            'nodes': [send('hello', 'pause'), wait('pause', 1, 'halves'),
                      {'id': 'halves', 'kind': 'split', 'split': {'parts': [{'weight': 1, 'next': 'left'}, {'weight': 1, 'next': 'right'}]}},
                      send('left', 'rest'), send('right', 'rest'), wait('rest', 1, 'tell'),
                      {'id': 'tell', 'kind': 'webhook', 'next': 'end', 'webhook': {'url': hook}}, EXIT]}


MEMBERSHIP = {'name': 'Members', 'entry': {'kind': 'segment', 'segment_id': SEGMENT, 'existing': 'enter'},
              'nodes': [send('member', 'end'), EXIT]}


class Hook(http.server.ThreadingHTTPServer):
    """Whom the webhooks call: it refuses some, and notes ids and whether they were signed."""
    daemon_threads, request_queue_size = True, 128

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Taker)
        self.lock, self.bodies, self.unsigned, self.changed = threading.Lock(), {}, 0, 0
        self.url = f'http://127.0.0.1:{self.server_address[1]}/hooks/welcome'
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Taker(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        told = {name: self.headers[f'webhook-{name}'] for name in ('id', 'timestamp', 'signature')}
        text = f'{told["id"]}.{told["timestamp"]}.'.encode() + body
        right = 'v1,' + base64.b64encode(hmac.new(base64.b64decode(SECRET), text, hashlib.sha256).digest()).decode()
        with self.server.lock:
            self.server.unsigned += told['signature'] != right
            self.server.changed += self.server.bodies.setdefault(told['id'], body) != body
        self.send_response(503 if random.random() < 0.02 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Journeys:
    def __init__(self, report, stack, rounds):
        self.report, self.stack, self.rounds = report, stack, rounds
        self.hook, self.people, self.ordering, self.late, self.kills, self.at_points = Hook(), 0, set(), set(), collections.Counter(), 0

    def prepare(self):
        self.stack.add('campaign', faults='true', journey_settle='100ms', webhook_secret=f'whsec_{SECRET}')
        self.stack.start('broker', 'analytics', 'campaign', 'personalization')
        for journey, definition in (('jny_cart', CART), ('jny_welcome', welcome(self.hook.url))):
            self.stack.must('campaign', 'PUT', f'/v1/journeys/{journey}', definition)
            self.stack.must('campaign', 'POST', f'/v1/journeys/{journey}/activate')

    def members_come(self):
        """Everybody of a segment, a page at a time: campaign is killed in a page, before it is kept, and anywhere."""
        self.stack.must('personalization', 'PUT', f'/v1/segments/{SEGMENT}', {'name': 'Members', 'kind': 'list'})
        lines = ''.join(f'mbr_{i:04}\n' for i in range(MEMBERS)).encode()
        self.stack.call('personalization', 'POST', f'/v1/segments/{SEGMENT}/members', lines, headers={'Content-Type': 'text/plain'}, expect=200)
        self.report.check(wait_for(lambda: len(self.log(TOLD)) == MEMBERS, PATIENCE_S, 0.5), 'personalization tells who is in the segment')
        self.stack.must('campaign', 'PUT', '/v1/journeys/jny_members', MEMBERSHIP)
        self.stack.must('campaign', 'POST', '/v1/journeys/jny_members/activate')
        for i in range(max(self.rounds // 2, 4)):
            if i % 2 == 0:
                self.kill_at(('campaign.intake', None))
            else:
                time.sleep(random.random() * 0.5)
            if self.stack['campaign'].is_running():
                self.stack['campaign'].kill()
                self.kills['campaign'] += 1
            self.stack['campaign'].start()
        self.report.check(wait_for(lambda: self.status('jny_members')['entered'] == MEMBERS, PATIENCE_S, 0.2),
                          f'all {MEMBERS} of the segment come in: {self.status("jny_members")["entered"]}')

    # ---- what people do ----

    def tell(self, events):
        """Until it is taken: the ids say what is the same."""
        batch = {'writeKey': self.stack.keys.write_key, 'batch': [
            {'type': 'track', 'messageId': f'{name}-{person}', 'userId': person, 'event': name, 'properties': {'cart_id': f'crt_{person}'}}
            for person, name in events]}

        def taken():
            try:
                return self.stack.call('analytics', 'POST', '/v1/batch', batch, scopes=None)[0] == 200
            except (OSError, http.client.HTTPException):
                return False
        self.report.check(wait_for(taken, PATIENCE_S), 'analytics takes what is told')

    def come(self):
        """Half of them order, at once or a moment later, but in time; where this machine was too slow for that, nothing is
        asked of the reminder."""
        new = [f'prf_{self.people + i}' for i in range(PEOPLE_A_ROUND)]
        self.people += len(new)
        begun = time.monotonic()
        self.tell([(person, name) for person in new for name in ('Signed Up', 'Cart Updated')])
        time.sleep(random.random() * 0.5)
        self.tell([(person, 'Order Completed') for person in new[::2]])
        (self.ordering if time.monotonic() - begun < IN_TIME_S else self.late).update(new[::2])

    # ---- kills ----

    def kill_at(self, place):
        point, peer = place
        where = {'point': point, 'kind': 'exit', 'times': 1, **({'peer': peer} if peer else {})}
        if self.stack.admin('campaign', 'POST', '/faults', where)[0] != 200:
            return False
        if not wait_for(lambda: not self.stack['campaign'].is_running(), 2, 0.01):
            self.stack.admin('campaign', 'POST', '/faults', {**where, 'kind': 'none'})
            return False
        self.at_points += 1
        self.stack['campaign'].wait()
        return True

    def round(self):
        teller = threading.Thread(target=self.come)
        teller.start()
        time.sleep(random.random() * 0.4)
        if random.random() < 0.1:
            self.stack['broker'].kill()
            self.kills['broker'] += 1
            time.sleep(random.random() * 0.3)
            self.stack['broker'].start()
        elif not (random.random() < 0.6 and self.kill_at(random.choice(POINTS))):
            self.stack['campaign'].kill()
            self.kills['campaign'] += 1
        teller.join()
        if not self.stack['campaign'].is_running():
            time.sleep(random.choice((0, 0, 0.5, 3)))  # away for longer than the wait for an order
            self.stack['campaign'].start()

    def killed(self):
        for i in range(self.rounds):
            self.round()
            if i % 20 == 19:
                print(f'# {i + 1} rounds, {self.people} people', flush=True)

    # ---- what is so at the end ----

    def status(self, journey):
        return self.stack.must('campaign', 'GET', f'/v1/journeys/{journey}/status')

    def whole(self):
        for journey in ('jny_cart', 'jny_welcome'):
            through = wait_for(lambda: (lambda s: s['entered'] == self.people and s['under_way'] == 0)(self.status(journey)), PATIENCE_S, 0.5)
            self.report.check(through, f'all {self.people} go through {journey}: {self.status(journey)}')
            self.report.equal(self.status(journey)['ended'], [{'reason': 'end', 'count': self.people}], f'the ends of {journey}')
        self.report.equal(self.status('jny_members')['ended'], [{'reason': 'end', 'count': MEMBERS}], 'the ends of jny_members')
        called = wait_for(lambda: len(self.hook.bodies) == self.people, PATIENCE_S, 0.2)
        self.report.check(called, f'{self.people} webhooks are called: {len(self.hook.bodies)}')
        self.report.equal((self.hook.unsigned, self.hook.changed), (0, 0), 'unsigned calls, and other bodies under the same id')
        told = [json.loads(body)['data']['person_id'] for body in self.hook.bodies.values()]
        self.report.equal(sorted(told), sorted(f'prf_{i}' for i in range(self.people)), 'whom webhooks speak of')

    def log(self, kind):
        """{event id: data}: the log may hold an event twice after a kill, readers drop it by its id."""
        done = subprocess.run([os.path.join(self.stack.build, 'cli', 'fanfare'), 'events', 'tail', '--no-follow', '--since', '1h', '--json',
                               '--type', kind, '--log', f'kafka://127.0.0.1:{self.stack.port("broker")}'],
                              capture_output=True, text=True, check=True)
        return {event['id']: event['data'] for event in map(json.loads, done.stdout.splitlines())}

    def once(self):
        def settled():
            return self.stack.metric('campaign', 'outbox_events') in (0, None)
        wait_for(settled, PATIENCE_S)
        asked = self.log(ASKED)
        keys = collections.Counter(data['message_key'] for data in asked.values())
        self.report.equal([key for key, n in keys.items() if n > 1], [], 'keys that were asked for twice')
        mails = collections.Counter((data['person_id'], data['step']) for data in asked.values())
        self.report.equal(sum(step == 'member' for _, step in mails), MEMBERS, 'members of the segment who get their mail')
        everybody = [f'prf_{i}' for i in range(self.people)]
        self.report.equal([mail for mail, n in mails.items() if n > 1], [], 'mails that were asked for twice')
        for person in everybody:
            steps = {step for step in ('hello', 'left', 'right', 'reminder') if (person, step) in mails}
            wanted = {'hello', 'left' if 'left' in steps else 'right'} | (set() if person in self.ordering else {'reminder'})
            if steps != wanted and not (person in self.late and steps | {'reminder'} == wanted):
                self.report.equal(steps, wanted, f'the mails of {person}')
        moves = collections.Counter((data['visit_id'], data['state']) for data in self.log(MOVED).values() if data['state'] != 'moved')
        self.report.equal((len(moves), max(moves.values())), (4 * self.people + 2 * MEMBERS, 1), 'visits that were told of, begun and ended once')

    def paths(self):
        for i in random.sample(range(self.people), min(self.people, 100)):
            for journey, steps in (('jny_cart', (5, 7)), ('jny_welcome', (14,))):
                items = self.stack.must('campaign', 'GET', f'/v1/journeys/{journey}/people/prf_{i}')['items']
                ways = [len(item['path']) for item in items]
                if len(ways) != 1 or ways[0] not in steps:
                    self.report.equal(ways, steps, f'the steps of prf_{i} through {journey}')
        print(f'# {self.people} people, {dict(self.kills)} kills, {self.at_points} ends at fail points; {len(self.late)} may have ordered too late', flush=True)


def main(build, rounds, seed):
    report = Report()
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f'# --seed {seed}', flush=True)
    random.seed(seed)
    with Stack(build) as stack:
        journeys = Journeys(report, stack, rounds)
        report.run(journeys.prepare, journeys.members_come, journeys.killed, journeys.whole, journeys.once, journeys.paths)
        report.equal([end for end in stack.stop() if 'SIGKILL' in end], [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('build')
    options.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', ROUNDS)))
    options.add_argument('--seed', type=int)
    sys.exit(main(**vars(options.parse_args())))
