#!/usr/bin/env python3
"""Nothing of an erased person is left in the log: crm erases a profile, the operator has the topic compacted, and the
name is in none of the broker's files; other people's are. Another service says that it has erased its copy, and crm tells so.

erased_files_test.py BUILD_FOLDER
"""
import json
import os
import sys

from report import Report
from stack import Stack, request, wait_for

TOPIC = 'fanfare.crm.profile'
ERASED, OTHER = 'prf_erased', 'prf_other'
NAMES = {ERASED: 'Ada-Lovelace-Byron', OTHER: 'Charles-Babbage'}
PATIENCE_S = 30


def files_with(folder, text):
    """The files below the folder that hold these bytes."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), 'rb') as file:
                if text.encode() in file.read():
                    found.append(os.path.join(where, name))
    return found


def compact(stack, topic):
    status, _, body = request(stack.admin_ports['broker'], 'POST', f'/compact?topic={topic}', timeout=PATIENCE_S)
    return status, json.loads(body)


class Erased:
    def __init__(self, report, stack):
        self.report, self.stack = report, stack
        self.log = os.path.join(stack.folder, 'broker')

    def profiles_come(self):
        for version in ('one', 'two'):
            for profile, name in NAMES.items():
                self.stack.must('crm', 'PUT', f'/v1/profiles/{profile}',
                                {'email': f'{name}@{version}.example', 'name': name})
        for name in NAMES.values():
            self.report.check(wait_for(lambda: files_with(self.log, f'{name}@two.example'), PATIENCE_S),
                              f'{name} came to the log')

    def one_is_erased(self):
        self.request_id = self.stack.must('crm', 'DELETE', f'/v1/profiles/{ERASED}')['request_id']
        self.report.check(wait_for(lambda: files_with(self.log, 'profile.erased'), PATIENCE_S),
                          'that it is erased came to the log')
        self.report.check(files_with(self.log, NAMES[ERASED]), 'the name is still in the files')

    def states(self):
        erasure = self.stack.must('crm', 'GET', f'/v1/erasures/{self.request_id}')
        return erasure['state'], {one['service']: one['state'] for one in erasure['services']}

    def loyalty_answers(self):
        self.report.check(wait_for(lambda: self.states()[1]['loyalty'] == 'answered', PATIENCE_S), 'loyalty has answered')
        self.report.equal((self.states()[0], self.states()[1]['email']), ('open', 'open'), 'email, which does not run')

    def compaction_leaves_nothing(self):
        status, _, body = request(self.stack.admin_ports['broker'], 'POST', f'/compact?topic={TOPIC}',
                                  timeout=PATIENCE_S)
        self.report.equal((status, json.loads(body)['topic']), (200, TOPIC), 'compaction')
        self.report.equal(files_with(self.log, NAMES[ERASED]), [], 'files with the name of the erased')
        self.report.check(files_with(self.log, f'{NAMES[OTHER]}@two.example'), 'who is not erased is there')
        self.report.equal(files_with(self.log, f'{NAMES[OTHER]}@one.example'), [], 'files with a state before the last')
        self.report.equal(self.stack.metric('broker', 'broker_compaction_unreadable_total'), 0, 'unreadable batches')

    def all_end_well(self):
        self.report.equal(self.stack.stop(), [], 'those that did not end well')


def main():
    report = Report()
    with Stack(sys.argv[1]) as stack:
        stack.start('broker', 'crm', 'loyalty')
        erased = Erased(report, stack)
        report.run(erased.profiles_come, erased.one_is_erased, erased.loyalty_answers, erased.compaction_leaves_nothing,
                   erased.all_end_well)
    sys.exit(report.end())


if __name__ == '__main__':
    main()
