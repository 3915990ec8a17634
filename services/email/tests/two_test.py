#!/usr/bin/env python3
"""Two instances of email on one PostgreSQL hand one launch over: both take part, and nobody is written to twice.

two_test.py BUILD_FOLDER
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
import postgresql  # noqa: E402
from mail import Sink, Told  # noqa: E402
from report import Report, skip  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

INSTANCES, PEOPLE, PATIENCE_S = ('first', 'second'), 1500, 60


class Two:
    def __init__(self, report, stack, database):
        self.report, self.stack, self.database = report, stack, database
        self.sink, self.told = Sink(), Told(stack)
        self.names = [f'prf_{i:03}' for i in range(PEOPLE)]

    def prepare(self):
        self.stack.start('broker')
        for label in INSTANCES:
            self.stack.add('email', label, database=self.database.url, keys_folder=f'{self.stack.folder}/email-keys',
                           relays=f'smtp://127.0.0.1:{self.sink.port}?connections=4', domain_connections=0)
            self.stack.start(label)
        self.told.template('hello')
        self.told.people(self.names)
        known = wait_for(lambda: self.n('entries') == 1 and self.n('contacts') == self.n('consents') == PEOPLE, PATIENCE_S)
        self.report.check(known, 'email has heard of the people')

    def n(self, table):
        return int(self.database.rows(f'SELECT count(*) FROM email.{table}')[0][0])

    def sent_by(self, label):
        return self.stack.metric(label, 'email_handed_over_total', 'accepted') or 0

    def both(self):
        self.told.ask_launch('lch_both')
        held = wait_for(lambda: self.database.rows('SELECT launch_id FROM email.deliveries'), PATIENCE_S)
        self.report.check(held, 'the launch is held')
        self.told.launch('lch_both')
        self.report.check(wait_for(lambda: len(self.sink.taken) >= PEOPLE, PATIENCE_S), f'all came: {len(self.sink.taken)}')
        self.report.equal([one for one, n in self.sink.counts().items() if n > 1], [], 'mails that came twice')
        wait_for(lambda: sum(map(self.sent_by, INSTANCES)) == PEOPLE, PATIENCE_S)
        shares = [self.sent_by(label) for label in INSTANCES]
        self.report.check(min(shares) > 0 and sum(shares) == PEOPLE, f'both took part: {shares}')
        print(f'# {shares}', flush=True)


def main(build):
    report = Report()
    try:
        with postgresql.PostgreSQL() as database, Stack(build) as stack:
            two = Two(report, stack, database)
            report.run(two.prepare, two.both)
            report.equal(stack.stop(), [], 'those that did not end well')
            two.sink.close()
    except postgresql.Absent as why:
        skip(why)
    return report.end()


if __name__ == '__main__':
    sys.exit(main(os.path.abspath(sys.argv[1])))
