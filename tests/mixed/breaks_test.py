#!/usr/bin/env python3
"""The test of the test: a version of the last commit that breaks those before it is built, and mixed_test.py's story must
find it. A member of an event has another name, in who tells it and in all who hear it; and loyalty's database loses an
index, by a migration that says so, so that the version before must refuse it.

breaks_test.py BUILD_FOLDER [--rounds N]   builds once more; only in the long form, which --rounds asks for
"""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import orders  # noqa: E402
import versions  # noqa: E402
from pair import NEW, OLD  # noqa: E402
from report import Report, skip  # noqa: E402
from stack import Stack  # noqa: E402
from takeover import Takeover  # noqa: E402

RENAMED = (  # file, what it says of the member, how often, what it is to say
    ('commerce/events/order_placed.v1.json', '"placed_at"', 3, '"made_at"'),
    ('commerce/changes.c', '.placed_at = row->placed_us,\n                                   .channel', 1,
     '.made_at = row->placed_us,\n                                   .channel'),
    *[(f'{name}/reactions.c', 'placed->placed_at', 1, 'placed->made_at')
      for name in ('analytics', 'crm', 'loyalty', 'personalization', 'search')],
    *[(f'{name}/service.c', '"placed_at"', 1, '"made_at"') for name in ('analytics', 'crm', 'loyalty', 'personalization', 'search')])
MIGRATIONS, LAST_WORD = 'services/loyalty/migrations', 'DROP INDEX orders_by_customer;\n'
SOON_S = 5


class Findings(Report):
    """Collects what is not true, where a report would count it."""

    def __init__(self):
        super().__init__()
        self.told = []

    def check(self, good, what):
        self.told += [] if good else [what]
        return good


def change(source):
    """Makes the sources those of a version that breaks what was."""
    for name, before, n, after in RENAMED:
        path = os.path.join(source, 'services', name)
        with open(path, encoding='utf-8') as file:
            text = file.read()
        if text.count(before) != n:
            raise SystemExit(f'{name} says {text.count(before)} times {before}, not {n} times: mend the list above')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace(before, after))
    number = 1 + max(int(name[:3]) for name in os.listdir(os.path.join(source, MIGRATIONS)))
    with open(os.path.join(source, MIGRATIONS, f'{number:03d}_gone.contract.sql'), 'w', encoding='utf-8') as file:
        file.write(LAST_WORD)


def find(report, build):
    with tempfile.TemporaryDirectory(prefix='fanfare-') as work, Stack(build) as stack:
        source = os.path.join(work, 'source')
        versions.unpack('HEAD', source)
        change(source)
        findings = Findings()
        takeover = Takeover(findings, stack, {OLD: build, NEW: versions.compile_in(source, os.path.join(work, 'build'), build)})
        takeover.run()
    print(f'found: {findings.told}')
    for name in ('crm', 'analytics', 'personalization', 'loyalty'):
        report.check(any(f'as {name} has' in one for one in findings.told), f'orders that the other {name} does not count')
    report.equal(takeover.refused, {'loyalty'}, 'who refuses a database that has less')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=os.environ.get('FANFARE_TEST_ROUNDS'))
    options = parser.parse_args()
    if options.rounds is None:
        skip('it builds once more: ./dev test mixed --rounds 1')
    try:
        versions.commit('HEAD')
    except versions.Absent as why:
        skip(why)
    orders.PATIENCE_S = SOON_S  # what does not come, is waited for in vain
    report = Report()
    find(report, os.path.abspath(options.build))
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
