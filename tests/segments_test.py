#!/usr/bin/env python3
"""Random events at a high rate change segments while decisions go on. In the end every instance has in each segment whom a
slow, obvious recount of the same events has there, and the log says the same: what was told of a person and a segment is
entered, left, entered ..., and the last of it is true. One instance on SQLite; then several that share a PostgreSQL, of
which one is killed and comes back.

segments_test.py BUILD_FOLDER [--rounds N]   N seconds at 10,000 events/s, and 4 instances; without: 3 s at 2,000, and 2
"""
import argparse
import collections
import datetime
import json
import os
import random
import subprocess
import sys
import threading
import time

import postgresql
from report import Report
from stack import Stack, quantile_us, wait_for

EVENTS_EACH, DAYS = 10, 100  # of a customer, or a visitor
PATIENCE_S = 120
SLICE_S, QUIET_S = 0.1, 2
ORDER, PAGE, CLICK, TIER = 'fanfare.commerce.order', 'fanfare.gateway.page', 'fanfare.analytics.event', 'fanfare.loyalty.tier'
TOLD = 'fanfare.personalization.membership'
OWNERS = ('commerce', 'gateway', 'analytics', 'loyalty')  # of the topics, which they make
TIERS = ('bronze', 'silver', 'gold', 'platinum')


def var(name):
    return {'var': name}


def in_segment(name):
    return var(f'segments.{name}')


# id -> (rule, the same of a Person in words of Python; what it is made of comes before it)
SEGMENTS = {
    'seg_buyers': ({'did': ['orders', 2, 30]}, lambda p: p.times('order', 30) >= 2),
    'seg_spenders': ({'>=': [var('orders.total'), 60000]}, lambda p: p.total('order') >= 60000),
    'seg_viewers': ({'>': [{'times': ['events.Viewed', 7]}, 1]}, lambda p: p.times('Viewed', 7) > 1),
    'seg_worth': ({'>': [{'total': ['events.Viewed', 90]}, 100.5]}, lambda p: p.total('Viewed', 90) > 100_500_000),
    'seg_lapsed': ({'and': [{'did': 'orders'}, {'!': {'did': ['visits', 1, 30]}}]},
                   lambda p: p.times('order') >= 1 and p.times('visit', 30) == 0),
    'seg_golden': ({'in': [var('tier'), ['gold', 'platinum']]}, lambda p: p.tier in ('gold', 'platinum')),
    'seg_best': ({'or': [{'and': [in_segment('seg_spenders'), in_segment('seg_golden')]},
                         {'and': [in_segment('seg_buyers'), in_segment('seg_worth')]}]},
                 lambda p: {'seg_spenders', 'seg_golden'} <= p.segments or {'seg_buyers', 'seg_worth'} <= p.segments),
    'seg_others': ({'!': in_segment('seg_best')}, lambda p: 'seg_best' not in p.segments),
}


class Person:
    """What is known of one person, by going through everything that ever happened to them."""

    def __init__(self, events, tier, today):
        self.events, self.tier, self.today, self.segments = events, tier, today, set()

    def chosen(self, kind, days):
        return [value for what, day, value in self.events if what == kind and (days is None or day > self.today - days)]

    def times(self, kind, days=None):
        return len(self.chosen(kind, days))

    def total(self, kind, days=None):
        return sum(self.chosen(kind, days))


class Story:
    """Random events, as the log has them, and as the recount keeps them."""

    def __init__(self, seed, events):
        self.random, self.made, self.people = random.Random(seed), 0, events // EVENTS_EACH // 2
        self.events, self.tiers = collections.defaultdict(list), {}
        self.claims = collections.defaultdict(list)  # id -> [(when, whose it is)]
        self.midnight = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)

    def moment(self):
        """(text, day)"""
        when = self.midnight - datetime.timedelta(days=self.random.randrange(DAYS)) + datetime.timedelta(
            microseconds=self.random.randrange(10 ** 6))
        return when.strftime('%Y-%m-%dT%H:%M:%S.%fZ'), int(when.timestamp()) // 86400, when

    def customer(self):
        return f'prf_{self.random.randrange(self.people)}'

    def anybody(self):
        return self.customer() if self.random.random() < 0.5 else f'vis_{self.random.randrange(self.people)}'

    def record(self, topic, kind, key, data):
        self.made += 1
        return topic, key + '\t' + json.dumps({'specversion': '1.0', 'id': f'evt-{self.made}', 'type': kind, 'subject': key,
                                               'source': '/fanfare/x', 'data': data})

    def order(self):
        who, (at, day, _), amount = self.customer(), self.moment(), self.random.randrange(100, 20000)
        self.events[who].append(('order', day, amount))
        money = {'amount': amount, 'currency': 'USD'}
        return self.record(ORDER, 'fanfare.commerce.order.placed.v1', who, {
            'order_id': f'ord_{self.made}', 'customer_id': who, 'total': money, 'placed_at': at,
            'lines': [{'product_id': 'prd_1', 'quantity': 1, 'amount': money}]})

    def visit(self):
        who, (at, day, _) = self.anybody(), self.moment()
        self.events[who].append(('visit', day, 0))
        return self.record(PAGE, 'fanfare.gateway.page.viewed.v1', who, {
            'view_id': f'viw_{self.made}', 'person_id': who, 'slug': 'home', 'viewed_at': at})

    def said(self, kind, who, at, more):
        return self.record(CLICK, 'fanfare.analytics.event.recorded.v1', who, {
            'message_id': f'm-{self.made}', 'kind': kind, 'person_id': who, 'source': 'site', 'occurred_at': at,
            'received_at': at, **more})

    def track(self):
        who, (at, day, _), quarters = self.anybody(), self.moment(), self.random.randrange(200)
        self.events[who].append(('Viewed', day, quarters * 250_000))
        return self.said('track', who, at, {'name': 'Viewed', 'properties': {'value': quarters / 4}})

    def identify(self):
        who, (at, _, when) = self.customer(), self.moment()
        visitor = f'vis_{self.random.randrange(self.people)}'
        self.claims[visitor].append((when, who))
        return self.said('identify', who, at, {'user_id': who, 'anonymous_id': visitor})

    def alias(self):
        one, other = self.random.sample(range(self.people), 2)
        (at, _, when), first, second = self.moment(), *sorted((f'vis_{one}', f'vis_{other}'))
        if second not in self.claims and first not in self.claims:  # else chains would grow beyond what a person is made of
            self.claims[second].append((when, first))
        else:
            return self.track()
        return self.said('alias', first, at, {'user_id': first, 'previous_id': second})

    def tier(self):
        who, (at, _, _) = self.customer(), self.moment()
        self.tiers[who] = self.random.choice(TIERS)
        return self.record(TIER, 'fanfare.loyalty.tier.changed.v1', who, {
            'customer_id': who, 'tier': self.tiers[who], 'previous_tier': 'bronze', 'changed_at': at})

    def some(self, n):
        kinds = [self.order, self.visit, self.track, self.tier, self.identify, self.alias]
        weights = [20, 30, 40, 6, 3, 1]
        return [make() for make in self.random.choices(kinds, weights, k=n)]

    def root(self, who):
        while self.claims[who]:
            who = min(self.claims[who])[1]
        return who

    def recount(self):
        """segment -> who is in it."""
        events, tiers, seen = collections.defaultdict(list), {}, set()
        for who in {*self.events, *self.tiers, *self.claims, *(one for many in self.claims.values() for _, one in many)}:
            seen.add(self.root(who))
        for who, happened in self.events.items():
            events[self.root(who)] += happened
        tiers.update(self.tiers)
        found = {name: set() for name in SEGMENTS}
        today = int(time.time()) // 86400
        for who in seen:
            person = Person(events[who], tiers.get(who, 'none'), today)
            for name, (_, holds) in SEGMENTS.items():
                if holds(person):
                    person.segments.add(name)
                    found[name].add(who)
        return found


class Decisions(threading.Thread):
    """Decides for people at random, until it is to end."""

    def __init__(self, stack, instance, people):
        super().__init__(daemon=True)
        self.stack, self.instance, self.people = stack, instance, people
        self.over, self.took, self.wrong = threading.Event(), [], []

    def run(self):
        n = 0
        while not self.over.is_set():
            begun, n = time.monotonic(), n + 1
            status, _, answer = self.stack.call(self.instance, 'POST', '/v1/decisions', {
                'customer_id': f'prf_{n * 7 % self.people}', 'slots': ['hero']})
            self.took.append(time.monotonic() - begun)
            if status != 200 or answer['decisions'][0]['variant'] not in ('best', 'default'):
                self.wrong.append((status, answer))
            time.sleep(0.002)

    def durations(self):
        return self.stack.durations(self.instance, '/v1/decisions')

    def start(self):
        self.before = self.durations()
        super().start()

    def end(self):
        """The 99th percentile, inside the server and from outside."""
        self.over.set()
        self.join()
        inside_us = quantile_us(self.before, self.durations(), 0.99)
        outside_ms = sorted(self.took)[len(self.took) * 99 // 100] * 1000
        return f'{inside_us:,.0f} us in the server, {outside_ms:.1f} ms from outside ({len(self.took)})'


class Segments:
    def __init__(self, report, stack, seconds, rate, instances):
        self.report, self.stack, self.seconds, self.rate, self.instances = report, stack, seconds, rate, instances
        self.story = Story(20261124, seconds * rate)

    def prepare(self):
        self.stack.start('broker', *OWNERS, *self.instances)
        self.stack.stop(*OWNERS)
        for name, (rule, _) in SEGMENTS.items():
            self.stack.must(self.instances[0], 'PUT', f'/v1/segments/{name}', {'name': name, 'rule': rule})
        self.stack.must(self.instances[0], 'PUT', '/v1/experiences/exp_hero', {
            'slot': 'hero', 'name': 'Hero', 'variants': [{'variant': 'best', 'rule': in_segment('seg_best')}]})

    def produce(self, slices, each_slice=lambda i: None):
        """Slices of records, each as long as SLICE_S; how many per second came to be."""
        senders = {topic: subprocess.Popen(
            ['kcat', '-P', '-b', f'127.0.0.1:{self.stack.ports["broker"]}', '-t', topic, '-K', '\t', '-X', 'linger.ms=5',
             '-H', 'content-type=application/cloudevents+json'], stdin=subprocess.PIPE, text=True)
            for topic in (ORDER, PAGE, CLICK, TIER)}
        begun = time.monotonic()
        for i, records in enumerate(slices):
            texts = collections.defaultdict(list)
            for topic, line in records:
                texts[topic].append(line)
            for topic, lines in texts.items():
                senders[topic].stdin.write('\n'.join(lines) + '\n')
                senders[topic].stdin.flush()
            each_slice(i)
            time.sleep(max(0, begun + (i + 1) * SLICE_S - time.monotonic()))
        for sender in senders.values():
            sender.stdin.close()
            self.report.equal(sender.wait(), 0, 'kcat')
        return sum(map(len, slices)) / (time.monotonic() - begun)

    def members(self, instance, segment):
        found, cursor = [], ''
        while cursor is not None:
            page = self.stack.must(instance, 'GET', f'/v1/segments/{segment}/members?limit=200{cursor and "&cursor=" + cursor}')
            found += [one['person_id'] for one in page['items']]
            cursor = page.get('next_cursor')
        self.report.equal(len(found), len(set(found)), f'nobody twice in {segment}')
        return set(found)

    def ends_equal(self):
        wanted = self.story.recount()
        for instance in self.instances:
            def sizes():
                return {name: self.stack.must(instance, 'GET', f'/v1/segments/{name}')['size'] for name in SEGMENTS}
            wait_for(lambda: sizes() == {name: len(who) for name, who in wanted.items()}, PATIENCE_S, 0.5)
            for name in SEGMENTS:
                found = self.members(instance, name)
                self.report.check(found == wanted[name], f'{name} at {instance}: {len(found)} people, wanted '
                                  f'{len(wanted[name])}; not: {sorted(found ^ wanted[name])[:5]}')
                preview = self.stack.must(instance, 'POST', '/v1/segments/preview', {'rule': SEGMENTS[name][0]})
                self.report.equal(preview['size'], len(wanted[name]), f'{name}, counted over columns at {instance}')
        print('# in the segments: ' + ', '.join(f'{name} {len(who)}' for name, who in wanted.items()), flush=True)
        return wanted

    def told(self):
        """What the log says, as (person, segment) -> states in their order."""
        lines = subprocess.run(['kcat', '-C', '-e', '-q', '-b', f'127.0.0.1:{self.stack.ports["broker"]}', '-t', TOLD],
                               capture_output=True, text=True, check=True).stdout.splitlines()
        states = collections.defaultdict(list)
        for line in lines:
            event = json.loads(line)
            states[event['person_id'], event['segment_id']].append(event['state'])
        return states

    def told_once(self, wanted):
        def last():
            return {pair for pair, states in self.told().items() if states[-1] == 'entered'}
        truth = {(who, name) for name, many in wanted.items() for who in many}
        wait_for(lambda: last() == truth, PATIENCE_S, 1)
        states = self.told()
        self.report.equal(len(last() ^ truth), 0, 'memberships that the log says otherwise')
        twice = [pair for pair, many in states.items() if any((state == 'entered') != (i % 2 == 0) for i, state in enumerate(many))]
        self.report.equal(twice[:3], [], 'told twice')
        print(f'# {sum(map(len, states.values()))} changes of memberships were told', flush=True)

    def under_load(self, each_slice=lambda i: None):
        quiet = Decisions(self.stack, self.instances[0], self.story.people)
        slices = [self.story.some(int(self.rate * SLICE_S)) for _ in range(int(self.seconds / SLICE_S))]
        quiet.start()
        time.sleep(QUIET_S)
        quiet_p99 = quiet.end()
        loaded = Decisions(self.stack, self.instances[0], self.story.people)
        loaded.start()
        rate = self.produce(slices, each_slice)
        loaded_p99 = loaded.end()
        self.report.equal((quiet.wrong + loaded.wrong)[:3], [], 'decisions that went wrong')
        print(f'# {self.story.made} events, {rate:,.0f}/s; decisions, p99: quiet {quiet_p99}; meanwhile {loaded_p99}',
              flush=True)


def alone(report, build, seconds, rate):
    with Stack(build) as stack:
        run = Segments(report, stack, seconds, rate, ['personalization'])
        run.prepare()
        run.under_load()
        run.told_once(run.ends_equal())
        report.equal(stack.stop(), [], 'all end well')


def together(report, build, seconds, rate, n):
    """One is killed in the middle of it, and started again; the second while the first is behind."""
    instances = [f'personalization-{i}' for i in range(n)]

    def disturb(stack, i, last):
        if i == last // 3:
            stack[instances[1]].kill()
        if i == last // 2:
            stack[instances[1]].start(wait=False)
        if i == 2 * last // 3:
            stack[instances[0]].kill()
        if i == last:
            stack[instances[0]].start()

    with postgresql.PostgreSQL() as database, Stack(build) as stack:
        run = Segments(report, stack, seconds, rate, instances)
        for name in instances:
            folder = os.path.join(stack.folder, name)
            os.mkdir(folder)
            stack.add('personalization', name, data=folder, database=f'{database.url}?pool=2')
        run.prepare()
        slices = [run.story.some(int(rate * SLICE_S)) for _ in range(int(seconds / SLICE_S))]
        run.produce(slices, lambda i: disturb(stack, i, len(slices) - 1))
        run.told_once(run.ends_equal())
        report.equal(stack.stop(), [], 'all end well')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', '0')))
    args = parser.parse_args()
    seconds, rate = (args.rounds, 10000) if args.rounds else (3, 2000)
    report = Report()

    def one_instance():
        alone(report, args.build, seconds, rate)

    def several_instances():
        try:
            together(report, args.build, min(seconds, 10), min(rate, 3000), 4 if args.rounds else 2)
        except postgresql.Absent as absent:
            report.skip(str(absent))
    report.run(one_instance, several_instances)
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
