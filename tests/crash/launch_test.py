#!/usr/bin/env python3
"""Launches of campaigns over the four services that take part: content, email, ads and analytics. One that all agree to stands
whole; one that ads refuses is taken back whole; and so it is with each of many, while the services are killed: campaign where
it stores a step and at the point of no return, and any of the five at random.

launch_test.py BUILD_FOLDER [--rounds N] [--seed N]   N launches under kills; without: 8
"""
import argparse
import http.client
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from report import Report  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

PATIENCE_S = 60
ROUNDS = 8
PEOPLE, REACHABLE = 12, 9
SERVICES = ('content', 'email', 'ads', 'analytics', 'campaign')
STEPS = ['content', 'email', 'ads', 'analytics']
ENDS = ('launched', 'completed', 'failed')
POINTS = [('campaign.step', state) for state in ('asked', 'done', 'refused', 'undoing', 'undone')] + [('campaign.pivot', None)]


class Launches:
    def __init__(self, report, stack):
        self.report, self.stack, self.kills, self.at_points = report, stack, 0, 0

    # ---- what there is ----

    def prepare(self):
        settings = {'faults': 'true', 'step_again': '300ms', 'step_limit': '60s'}
        self.stack.add('campaign', **settings)
        for name in SERVICES[:-1]:
            self.stack.add(name)
        self.stack.start('broker', 'crm', *SERVICES)
        self.entry('ent_mail', 'email_template', 'spring', {'subject': 'Spring, {{ person.name }}', 'html': '<p>It is spring.</p>'})
        self.stack.must('content', 'POST', '/v1/entries/ent_mail/publish', {})
        self.stack.must('ads', 'PUT', '/v1/placements/plc_home', {'slot': 'home-hero', 'name': 'Home'})
        for ad in ('ad_good', 'ad_draft'):
            self.stack.must('ads', 'PUT', f'/v1/ads/{ad}', {
                'name': ad, 'placement_id': 'plc_home', 'content': {'headline': 'Spring'}, 'target_url': 'https://shop.example/spring',
                'model': 'mille', 'price': {'amount': 500, 'currency': 'USD'}})
        self.stack.must('ads', 'PUT', '/v1/ads/ad_good/review', {'state': 'approved'})
        for i in range(PEOPLE):
            self.stack.must('crm', 'PUT', f'/v1/profiles/prf_{i}', {'email': f'person{i}@shop.example', 'name': f'Person {i}'})
            if i < REACHABLE:
                self.stack.must('crm', 'POST', f'/v1/profiles/prf_{i}/consents',
                                {'purpose': 'marketing', 'channel': 'email', 'state': 'granted', 'source': 'form'})
        known = wait_for(lambda: self.stack.call('email', 'GET', f'/v1/contacts/prf_{PEOPLE - 1}')[0] == 200, PATIENCE_S)
        self.report.check(known, 'email has heard of the people')

    def entry(self, entry_id, kind, slug, document):
        self.stack.must('content', 'PUT', f'/v1/entries/{entry_id}', {'kind': kind, 'slug': slug, 'document': document})

    def plan(self, name, ad):
        """A campaign with a page of its own, approved by somebody else than who made it."""
        campaign = f'cmp_{name}'
        self.entry(f'ent_{name}', 'page', name, {'blocks': [{'id': 'a', 'kind': 'text', 'content': {'text': name}}]})
        self.stack.must('campaign', 'PUT', f'/v1/campaigns/{campaign}', {
            'name': name, 'audience': {'everyone': True}, 'entries': [f'ent_{name}'], 'email': {'template': 'spring'},
            'ads': {'ads': [ad]}, 'goal': {'text': 'Orders', 'event': 'orders'}})
        own = self.stack.keys.token('*', sub='another')
        self.stack.must('campaign', 'POST', f'/v1/campaigns/{campaign}/approve', scopes=None,
                        headers={'Authorization': f'Bearer {own}'})
        return campaign

    # ---- what is so at the end ----

    def launch(self, campaign):
        return self.stack.must('campaign', 'GET', f'/v1/campaigns/{campaign}/launch')

    def ended(self, campaign):
        def state():
            self.again()
            try:
                return self.launch(campaign)['state'] in ENDS
            except (OSError, http.client.HTTPException):
                return False  # it ended just now
        self.report.check(wait_for(state, PATIENCE_S), f'{campaign} comes to its end: {self.launch(campaign)}')
        return self.launch(campaign)

    def shown(self, name):
        return self.stack.call('content', 'GET', f'/v1/entries/ent_{name}/published')[0] == 200

    def activation(self, launch):
        status, _, answer = self.stack.call('ads', 'GET', f'/v1/activations/{launch["launch_id"]}')
        return answer['state'] if status == 200 else None

    def stands(self, name, launch):
        states = [step['state'] for step in launch['steps']]
        self.report.equal(([step['step'] for step in launch['steps']], states), (STEPS, ['done'] * 4), f'the steps of {name}')
        self.report.check(self.shown(name), f'the page of {name} is shown')
        self.report.equal(self.activation(launch), 'active', f'the ads of {name}')
        status = lambda: self.stack.must('campaign', 'GET', f'/v1/campaigns/cmp_{name}/status')
        self.report.check(wait_for(lambda: status()['figures']['recipients'] == REACHABLE, PATIENCE_S),
                          f'{name} reaches {REACHABLE}: {status()}')

    def undone(self, name, launch):
        states = {step['step']: step['state'] for step in launch['steps']}
        self.report.check('done' not in states.values(), f'nothing of {name} is left done: {states}')
        self.report.check(not self.shown(name), f'the page of {name} is not shown')
        self.report.check(self.activation(launch) != 'active', f'the ads of {name} are not shown')
        figures = self.stack.must('campaign', 'GET', f'/v1/campaigns/cmp_{name}/status')['figures']
        self.report.equal(figures['recipients'], 0, f'{name} reaches nobody')

    # ---- the parts ----

    def agreed(self):
        campaign = self.plan('good', 'ad_good')
        status, _, answer = self.stack.call('campaign', 'POST', f'/v1/campaigns/{campaign}/launch')
        self.report.equal(status, 201, f'it is taken: {answer}')
        launch = self.ended(campaign)
        self.report.check(launch['state'] in ('launched', 'completed'), f'it is launched: {launch}')
        self.stands('good', launch)

    def refused(self):
        campaign = self.plan('refused', 'ad_draft')
        self.stack.must('campaign', 'POST', f'/v1/campaigns/{campaign}/launch')
        launch = self.ended(campaign)
        self.report.equal(launch['state'], 'failed', 'ads refuses it')
        step = launch['steps'][2]
        self.report.check(step['state'] == 'refused' and 'ad_draft' in step['reason'], f'with its reason: {step}')
        self.undone('refused', launch)

    def arm(self):
        """Campaign is to end by itself at a place that hurts, the next time that it comes by."""
        point, peer = random.choice(POINTS)
        where = {'point': point, **({'peer': peer} if peer else {})}
        self.stack.admin('campaign', 'POST', '/faults', {**where, 'kind': 'exit', 'times': 1})
        return where

    def begin(self, campaign):
        """Asks for the launch until it is taken: campaign may end while it is asked."""
        path = f'/v1/campaigns/{campaign}/launch'
        while self.asked(campaign, 'GET', path) != 200 and self.asked(campaign, 'POST', path) != 201:
            self.again()

    def asked(self, campaign, method, path):
        try:
            return self.stack.call('campaign', method, path)[0]
        except (OSError, http.client.HTTPException):
            return None

    def again(self):
        """Whoever has ended is started."""
        for name in SERVICES:
            if wait_for(lambda: not self.stack[name].is_running(), 0.05, 0.01):
                self.at_points += 1
                self.stack[name].wait()
                self.stack[name].start()

    def kill(self):
        service = self.stack[random.choice(SERVICES)]
        service.kill()
        self.kills += 1
        service.start()

    def killed(self, rounds):
        ends = {}
        for i in range(rounds):
            name = f'round{i}'
            campaign = self.plan(name, random.choice(('ad_good', 'ad_good', 'ad_draft')))
            armed = self.arm() if random.random() < 0.6 else None
            self.begin(campaign)
            time.sleep(random.random() * 0.1)
            if not armed or random.random() < 0.3:
                self.kill()
            self.again()
            launch = self.ended(campaign)
            self.again()
            if armed:
                self.report.equal(self.stack.admin('campaign', 'POST', '/faults', {**armed, 'kind': 'none'})[0], 200, 'lifted')
            (self.undone if launch['state'] == 'failed' else self.stands)(name, launch)
            ends[launch['state']] = ends.get(launch['state'], 0) + 1
        print(f'# {rounds} launches, {self.kills} kills, {self.at_points} ends at fail points; ends: {ends}', flush=True)


def main(build, rounds, seed):
    report = Report()
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f'# --seed {seed}', flush=True)
    random.seed(seed)
    with Stack(build) as stack:
        launches = Launches(report, stack)
        def killed():
            launches.killed(rounds)

        report.run(launches.prepare, launches.agreed, launches.refused, killed)
        report.equal([end for end in stack.stop() if 'SIGKILL' in end], [], 'those that did not end well')
    return report.end()


if __name__ == '__main__':
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('build')
    options.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', ROUNDS)))
    options.add_argument('--seed', type=int)
    sys.exit(main(**vars(options.parse_args())))
