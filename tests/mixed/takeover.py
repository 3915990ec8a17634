"""Stores of one process: the old programs stop, the new ones take their folder over (SQLite, LMDB, DuckDB, the log's files),
and then the old ones have it back."""
from orders import Orders
from pair import HERO, NEW, OLD, Pair

NAMES = ('registry', 'commerce', 'content', 'crm', 'loyalty', 'personalization', 'analytics', 'gateway')
READERS = ('loyalty', 'crm', 'personalization', 'analytics')
ORDERS = 40  # each time


class Takeover(Pair):
    def __init__(self, report, stack, programs):
        super().__init__(report, stack, programs)
        self.orders = Orders(stack)

    def run(self):
        self.report.run(self.old_first, self.new_takes_over, self.old_again, self.end)

    def start(self, side):
        """All of one version; where it may refuse what it finds, the other goes on with that."""
        self.start_log(side)
        for name in NAMES:
            self.stack.add(name, build=self.programs[side], **({'page_budget': '2s'} if name == 'gateway' else {}))
            if not self.start_or_hear(name):
                self.stack.add(name, build=self.programs[NEW]).start()

    def use(self):
        """Something of everything is written and read; what was written before is there too."""
        self.orders.place_some(ORDERS)
        self.publish('content')
        self.track('gateway')
        for check in (self.orders.check_commerce, self.orders.check_loyalty, self.orders.check_crm,
                      self.orders.check_analytics, self.orders.check_people):
            check(self.report)
        self.check_tracked('analytics')
        self.check_page('gateway')

    def old_first(self):
        self.start(OLD)
        self.orders.prepare(crm='crm')
        self.stack.must('personalization', 'PUT', '/v1/experiences/exp_mixed', HERO)
        self.use()
        self.registered = self.subjects('registry')

    def new_takes_over(self):
        self.change_to(NEW)

    def old_again(self):
        self.change_to(OLD)

    def change_to(self, side):
        """What is told when the readers are gone already, those of the other version read."""
        self.report.equal(self.stack.stop(*READERS), [], 'readers that did not end well')
        self.orders.place_some(ORDERS)
        self.report.equal(self.stack.stop(), [], 'those that did not end well')
        self.start(side)
        self.report.check(set(self.registered) <= set(self.subjects('registry')), 'subjects of the registry are kept')
        self.use()

    def end(self):
        self.report.equal(self.stack.stop('gateway', 'analytics', 'crm'), [], 'those that did not end well')
        self.orders.check_log(self.report)
        self.orders.check_points_told(self.report)
        self.report.equal(self.stack.stop(), [], 'those that did not end well')
