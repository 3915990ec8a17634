#!/usr/bin/env python3
"""Launches to many people, handed over to a relay that counts Message-IDs, while email is killed: at random, and between the
stored doubt and the dot, after the dot, and before the outcome is stored. None goes out twice; what is missing is listed as
unknown; who is suppressed meanwhile is not written to after that was answered.

email_test.py BUILD_FOLDER [--rounds N] [--people N] [--seed N]   N launches; without: 2 to 600 people, with rounds: to 10,000
"""
import argparse
import collections
import os
import random
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from mail import Sink, Told  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

ROUNDS, PEOPLE, PEOPLE_LONG = 2, 600, 10000
PATIENCE_S = 120
POINTS = ('email.doubted', 'email.dot', 'email.accepted')


class Crashes:
    def __init__(self, report, stack, sink, rounds, people):
        self.report, self.stack, self.sink, self.rounds = report, stack, sink, rounds
        self.names = [f'prf_{i:05}' for i in range(people)]
        self.told, self.suppressed = Told(stack), {}
        self.kills, self.at_points, self.ends = 0, 0, collections.Counter()

    def rows(self, query, *values):
        with sqlite3.connect(f'file:{self.stack.folder}/email/email.db?mode=ro', uri=True) as database:
            return database.execute(query, values).fetchall()

    def prepare(self):
        self.stack.start('broker')
        self.stack.start('email', faults='true', relays=f'smtp://127.0.0.1:{self.sink.port}?connections=30', domain_connections=0)
        self.told.template('hello')
        self.told.people(self.names)
        known = wait_for(lambda: self.rows('SELECT count(*) FROM consents')[0][0] == len(self.names), PATIENCE_S, 0.5)
        self.report.check(known, 'email has heard of the people')

    # ---- one launch ----

    def again(self):
        """Where it has ended by itself, it is started."""
        if not self.stack['email'].is_running():
            self.at_points += 1
            self.stack['email'].wait()
            self.stack['email'].start()

    def kill(self):
        if random.random() < 0.5:
            try:
                self.stack.admin('email', 'POST', '/faults', {'point': random.choice(POINTS), 'kind': 'exit', 'times': 1})
            except OSError:
                pass  # at a point that was armed before and is met only now
            wait_for(lambda: not self.stack['email'].is_running(), 1)
            self.again()
        else:
            time.sleep(random.random() * 0.3)
            self.stack['email'].kill()
            self.kills += 1
            self.stack['email'].start()

    def suppress(self, launch):
        """A few more of those whose turn has not come are not to be written to any more."""
        for name in random.sample(self.names, max(1, len(self.names) // 500)):
            self.again()
            scope = random.choice(('marketing', 'all'))
            try:
                self.stack.must('email', 'POST', '/v1/suppressions', {'person_id': name, 'reason': 'manual', 'scope': scope})
            except OSError:
                continue  # it ended just now, at a point
            self.suppressed.setdefault(name, time.time())

    def is_over(self, launch):
        self.again()
        left = self.rows('SELECT 1 FROM deliveries WHERE launch_id = ? AND finished_us IS NOT NULL', launch)
        return bool(left)

    def round(self, i):
        launch, before = f'lch_{i:04}', len(self.sink.taken)
        self.told.ask_launch(launch)
        wait_for(lambda: self.rows('SELECT 1 FROM deliveries WHERE launch_id = ?', launch), PATIENCE_S)
        self.told.launch(launch)
        for part in sorted(random.random() for _ in range(random.randint(1, 4))):
            goal = before + part * len(self.names)
            wait_for(lambda: len(self.sink.taken) >= goal or self.is_over(launch), PATIENCE_S, 0.01)
            self.suppress(launch)
            self.kill()
        self.report.check(wait_for(lambda: self.is_over(launch), PATIENCE_S, 0.1), f'{launch} comes to its end')
        self.compare(launch)

    def compare(self, launch):
        states = {row[0]: row[1:] for row in self.rows('SELECT message_id, state, person_id, doubted_us FROM messages WHERE queue = ?', launch)}
        counts = self.sink.counts()
        ended = collections.Counter(state for state, _, _ in states.values())
        self.ends += ended
        self.report.equal([one for one in states if counts[one] > 1], [], f'{launch}: mails that came twice')
        missed = [one for one, (state, _, _) in states.items() if state == 'sent' and not counts[one]]
        self.report.equal(missed, [], f'{launch}: sent, and not come')
        kept = [one for one, (state, _, _) in states.items() if state not in ('sent', 'unknown') and counts[one]]
        self.report.equal(kept, [], f'{launch}: come, and neither sent nor unknown')
        self.report.check(set(ended) <= {'sent', 'unknown', 'withheld'}, f'{launch}: {dict(ended)}')
        late = [(one, name) for one, (state, name, doubted_us) in states.items()
                if state in ('sent', 'unknown') and name in self.suppressed and doubted_us > self.suppressed[name] * 1e6]
        self.report.equal(late, [], f'{launch}: written to after it was answered that they are not')
        persons = {person for _, person, _ in states.values()}
        lacking = [name for name in self.names if name not in persons and name not in self.suppressed]
        self.report.equal(lacking, [], f'{launch}: neither written to nor suppressed')

    def killed(self):
        for i in range(self.rounds):
            self.round(i)
            if (i + 1) % 10 == 0 or i + 1 == self.rounds:
                print(f'# {i + 1} launches to {len(self.names)}: {self.kills} kills, {self.at_points} ends at fail points;'
                      f' {len(self.sink.taken)} mails; {dict(self.ends)}; {len(self.suppressed)} suppressed', flush=True)


def main(build, rounds, people, seed):
    report = Report()
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f'# --seed {seed}', flush=True)
    random.seed(seed)
    sink = Sink()
    with Stack(build) as stack:
        crashes = Crashes(report, stack, sink, rounds, people or (PEOPLE if rounds <= ROUNDS else PEOPLE_LONG))
        report.run(crashes.prepare, crashes.killed)
        report.equal([end for end in stack.stop() if 'SIGKILL' in end], [], 'those that did not end well')
    sink.close()
    return report.end()


if __name__ == '__main__':
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('build')
    options.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', ROUNDS)))
    options.add_argument('--people', type=int)
    options.add_argument('--seed', type=int)
    sys.exit(main(**vars(options.parse_args())))
