#!/usr/bin/env python3
"""Two instances of the registry on one PostgreSQL, asked at the same moment: the same schema gets one id and one version,
of two that do not fit each other one is taken, and numbers have no gaps.

two_test.py BUILD_FOLDER
"""
import concurrent.futures
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
import postgresql  # noqa: E402
from report import Report, skip  # noqa: E402
from stack import Stack  # noqa: E402

INSTANCES, ROUNDS, AT_ONCE = ('first', 'second'), 30, 8


class Two:
    def __init__(self, report, stack, database):
        self.report, self.stack, self.database = report, stack, database
        self.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)

    def begin(self):
        for label in INSTANCES:
            self.stack.add('registry', label, database=self.database.url).start()

    def register(self, n, subject, schema):
        """(status, answer) of the n-th request, which goes to each instance in turn."""
        status, _, answer = self.stack.call(INSTANCES[n % 2], 'POST', f'/subjects/{subject}/versions',
                                            {'schemaType': 'JSON', 'schema': json.dumps(schema)})
        return status, answer

    def together(self, subjects_and_schemas):
        jobs = [self.pool.submit(self.register, n, *one) for n, one in enumerate(subjects_and_schemas)]
        return [job.result() for job in jobs]

    def versions(self, subject):
        return self.stack.must('first', 'GET', f'/subjects/{subject}/versions')

    def same_schema(self):
        for round_ in range(ROUNDS):
            answers = self.together([(f'same-{round_}', {'const': round_})] * AT_ONCE)
            self.report.check(len({json.dumps(answer) for answer in answers}) == 1 and answers[0][0] == 200,
                              f'one id for all: {answers}')
            self.report.equal(self.versions(f'same-{round_}'), [1], 'versions')

    def same_schema_elsewhere(self):
        for round_ in range(ROUNDS):
            answers = self.together([(f'elsewhere-{round_}-{n}', {'const': f'e{round_}'}) for n in range(AT_ONCE)])
            self.report.check(len({json.dumps(answer) for answer in answers}) == 1 and answers[0][0] == 200,
                              f'one id in all subjects: {answers}')

    def that_do_not_fit(self):
        for round_ in range(ROUNDS):
            answers = self.together([(f'fit-{round_}', {'type': kind}) for kind in ('string', 'boolean') * (AT_ONCE // 2)])
            taken = {json.dumps(answer) for status, answer in answers if status == 200}
            self.report.equal(len(taken), 1, f'ids that are given: {answers}')
            self.report.check({status for status, _ in answers} == {200, 409}, f'the others are refused: {answers}')
            self.report.equal(self.versions(f'fit-{round_}'), [1], 'versions')

    def in_a_row(self):
        """Of one subject that takes all: every version has a number, and an id of its own."""
        self.stack.must('first', 'PUT', '/config/row', {'compatibility': 'NONE'})
        answers = self.together([('row', {'const': n}) for n in range(1000, 1000 + ROUNDS)])
        self.report.equal(len({answer.get('id') for _, answer in answers}), ROUNDS, 'ids')
        self.report.equal(self.versions('row'), list(range(1, ROUNDS + 1)), 'versions')


def main(build):
    report = Report()
    try:
        with postgresql.PostgreSQL() as database, Stack(build) as stack:
            two = Two(report, stack, database)
            report.run(two.begin, two.same_schema, two.same_schema_elsewhere, two.that_do_not_fit, two.in_a_row)
            report.equal(stack.stop(), [], 'those that did not end well')
    except postgresql.Absent as why:
        skip(why)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
