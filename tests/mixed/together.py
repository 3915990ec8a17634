"""Old and new at once, on one log and one PostgreSQL, while orders come and pages are read: the new ones start beside the
old ones and migrate, each is stopped and started in turn, partitions move between them as members of a group come, go,
hang and are killed, and the log itself is changed for the other version and back."""
import os
import signal
import time

from load import Reads
from orders import CUSTOMERS, Orders
from pair import HERO, NEW, OLD, OTHER, PATIENCE_S, Pair
from stack import wait_for

SHARED = ('registry', 'commerce', 'content', 'crm', 'loyalty', 'personalization', 'gateway')  # a database for both
OWN = ('analytics',)                                                                          # each its own
GROUPS = ('loyalty', 'crm')  # members share partitions
HANDLED, PLACED = 'messaging_process_duration_seconds_count', 'order.placed'
STOPPED_S = 9       # the group gives a member up after 6 s
SLOWEST_S = 10      # an order, over everything that happens
PAUSE_S = 0.04      # of each of the three that order


class Together(Pair):
    def __init__(self, report, stack, programs, database):
        super().__init__(report, stack, programs)
        self.database = database
        self.sides = {name: [side for side in (OLD, NEW) if os.path.exists(stack.program(name, programs[side]))]
                      for name in SHARED + OWN}
        self.handled = {}
        for label in self.labels(*SHARED, *OWN):
            stack.port(label)
        self.orders = Orders(stack, pause_s=PAUSE_S, instances=self.labels('commerce'))
        self.reads = Reads(stack, {name: self.labels(name) for name in SHARED})

    def labels(self, *names):
        """Those that there are, and that have not refused to start again."""
        labels = [f'{name}-{side}' for name in names for side in self.sides[name]]
        return [label for label in labels if label not in self.refused]

    def add(self, name, side):
        """Its neighbours are those of the other version, where there are."""
        label, build = f'{name}-{side}', self.programs[side]
        flags = self.stack.flags(name, label, build)
        peers = {key: key.removesuffix('_url') for key in flags if key.endswith('_url') and key.removesuffix('_url') in self.sides}
        settings = {key: f'http://127.0.0.1:{self.stack.port(self.neighbour(peer, side))}' for key, peer in peers.items()}
        settings['data'] = os.path.join(self.stack.folder, side)
        if name in SHARED:
            settings['database'] = f'{self.database.url}?pool=2'
        if name == 'gateway':
            settings['page_budget'] = '2s'  # the machine is busy; what is asked here is who answers
        return self.stack.add(name, label, build=build, faults='true', **settings)

    def neighbour(self, peer, side):
        return f'{peer}-{OTHER[side] if OTHER[side] in self.sides[peer] else side}'

    def start(self, side):
        names = [name for name in SHARED + OWN if side in self.sides[name]]
        for name in names:
            self.add(name, side).start(wait=False)
        for name in names:
            self.stack[f'{name}-{side}'].wait_ready()
        for name in GROUPS:
            self.slow(f'{name}-{side}')

    def slow(self, label):
        """It is before a commit most of the time: there it will be stopped."""
        self.stack[label].wait_ready()
        status, _, told = self.stack.admin(label, 'POST', '/faults', {'point': 'events.consumer.commit', 'kind': 'delay',
                                                                     'delay_ms': 15})
        self.report.equal(status, 200, f'a fault for {label}: {told}')

    # ---- the parts ----

    def run(self):
        before = self.report.failed
        self.report.run(self.old_alone)
        if self.report.failed > before:
            return
        with self.orders, self.reads:
            self.report.run(self.new_beside, self.members, self.log_changes)
        self.report.run(self.was_answered, self.ends_equal, self.told)

    def old_alone(self):
        os.mkdir(os.path.join(self.stack.folder, OLD))
        os.mkdir(os.path.join(self.stack.folder, NEW))
        self.start_log(OLD)
        self.start(OLD)
        self.orders.prepare(crm='crm-old')
        self.stack.must('personalization-old', 'PUT', '/v1/experiences/exp_mixed', HERO)
        self.publish('content-old')
        shown = wait_for(lambda: self.page('gateway-old')[0] == 200, PATIENCE_S)
        self.report.check(shown, 'the old gateway shows the page')

    def new_beside(self):
        """The new ones come, and migrate, while the old ones go on."""
        for name in GROUPS:
            self.has_some(f'{name}-old')
        self.start(NEW)
        for name in GROUPS:
            self.has_some(f'{name}-new')
            self.has_some(f'{name}-old')
        for at in self.labels('content'):
            self.publish(at)
            for gateway in self.labels('gateway'):
                self.check_page(gateway)
                self.track(gateway)

    def members(self):
        """Of loyalty: one hangs for longer than the group waits, one leaves and comes back, one is killed. Meanwhile
        all the others are stopped and started."""
        old, new = self.stack['loyalty-old'], self.stack['loyalty-new']
        old.signal(signal.SIGSTOP)
        begun = time.monotonic()
        for name in SHARED + OWN:
            if name != 'loyalty':
                self.restart(name)
        time.sleep(max(0, begun + STOPPED_S - time.monotonic()))
        before = self.count_now('loyalty-new')
        self.report.check(wait_for(lambda: self.count_now('loyalty-new') > before + 20, PATIENCE_S),
                          'the new loyalty goes on alone while the old one is stopped')
        old.signal(signal.SIGCONT)
        self.has_some('loyalty-old')
        self.leave('loyalty-new')
        self.has_some('loyalty-old')
        self.come('loyalty-new')
        self.count('loyalty-old')
        old.kill()
        self.has_some('loyalty-new')
        self.come('loyalty-old')
        self.leave('loyalty-new')
        self.come('loyalty-new')

    def restart(self, name):
        """The old one starts again on what the new one has made of the database, and the new one beside the old."""
        for label in self.labels(name):
            self.leave(label)
            self.come(label)

    def leave(self, label):
        self.count(label)
        status = self.stack[label].stop()
        self.report.check(status == 0, f'{label} leaves: {status}: {self.stack[label].last_words() if status else ""}')

    def come(self, label):
        if self.start_or_hear(label) and label.split('-')[0] in GROUPS:
            self.slow(label)
            self.has_some(label)

    def log_changes(self):
        """The other version's log on the same files, and back."""
        for side in (NEW, OLD, NEW):
            self.report.equal(self.stack['broker'].stop(), 0, f'the log of {OTHER[side]} ends')
            self.start_log(side)
            for name in GROUPS:
                for label in self.labels(name):
                    self.has_some(label)
            self.publish(self.labels('content')[0])
            for gateway in self.labels('gateway'):
                self.check_page(gateway)
                self.track(gateway)

    # ---- who has counted ----

    def count(self, label):
        """What this process has counted so far, before it is gone."""
        if label.split('-')[0] in GROUPS:
            self.handled[label] = self.handled.get(label, 0) + self.count_now(label)

    def count_now(self, label):
        return self.stack.metric(label, HANDLED, PLACED, 'outcome="done"') or 0

    def has_some(self, label):
        """Waits until this one counts: partitions have moved to it."""
        if label in self.refused:
            return
        before = self.count_now(label)
        self.report.check(wait_for(lambda: self.count_now(label) > before, PATIENCE_S), f'{label} gets partitions')

    # ---- what must be true in the end ----

    def was_answered(self):
        self.report.equal(self.reads.trouble[:5], [], f'reads that neither answered ({len(self.reads.trouble)})')
        for name, n in self.reads.answered.items():
            self.report.check(n > 20, f'{name} was read: {n}')
        self.report.check(len(self.orders.placed) > CUSTOMERS * 20, f'enough orders: {len(self.orders.placed)}')
        self.report.check(self.orders.slowest_s < SLOWEST_S, f'the slowest order took {self.orders.slowest_s:.1f} s')

    def ends_equal(self):
        orders, report = self.orders, self.report
        print(f'  {len(orders.placed)} orders, the slowest took {orders.slowest_s:.1f} s; reads: {self.reads.answered};'
              f' {len(self.tracked)} words of sites', flush=True)
        checks = {'commerce': orders.check_commerce, 'loyalty': orders.check_loyalty, 'crm': orders.check_crm,
                  'analytics': orders.check_analytics, 'personalization': orders.check_people}
        for name, check in checks.items():
            for label in self.labels(name):
                check(report, label)
        for label in self.labels('analytics'):
            self.check_tracked(label)
        subjects = [self.subjects(label) for label in self.labels('registry')]
        report.check(len(subjects[0]) > 10 and subjects[0] == subjects[-1], f'the same subjects everywhere: {subjects}')
        for name in GROUPS:
            for label in self.labels(name):
                self.count(label)
                report.check(self.handled[label] > 20, f'{label} had a part in it: {self.handled}')

    def told(self):
        for name in SHARED:
            count = f'SELECT count(*) FROM {name}.platform_'
            self.report.equal(self.database.rows(f'{count}parked'), [['0']], f'dead letters of {name}')
            empty = wait_for(lambda: self.database.rows(f'{count}outbox') == [['0']], PATIENCE_S)
            self.report.check(empty, f'the outbox of {name} runs empty')
        self.orders.check_log(self.report)
        self.orders.check_points_told(self.report)
