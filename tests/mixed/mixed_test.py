#!/usr/bin/env python3
"""The programs of the commit before and those of this tree run together, on the same log and database, and take each
other's stores over: both work. Where no other version is here, this one stands for both.

mixed_test.py BUILD_FOLDER [--against REV] [--rounds N]

--against REV: another commit than HEAD~1. --rounds N: each of the last N commits whose programs differ.
"""
import argparse
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import postgresql  # noqa: E402
import versions  # noqa: E402
from pair import NEW, OLD  # noqa: E402
from report import Report  # noqa: E402
from stack import Stack  # noqa: E402
from takeover import Takeover  # noqa: E402
from together import Together  # noqa: E402


def others(report, build, revisions):
    """A folder of programs for each version that there is to meet; `build` where there is none."""
    found = {}
    for revision in revisions:
        try:
            name = versions.commit(revision)
        except versions.Absent as why:
            report.skip(f'no other version is met: {why} (a clone without history?); this build stands for both')
            break
        if versions.is_the_same(revision):
            report.skip(f'no other version is met: {name}: its programs are made of the same; this build stands for both')
        elif versions.sources(revision) not in found:
            begun = time.monotonic()
            found[versions.sources(revision)] = name, versions.programs(build, revision)
            print(f'{name}: its programs are here after {time.monotonic() - begun:.0f} s', flush=True)
    return list(found.values()) or [('this build', build)]


def meet(report, name, old, new):
    print(f'{name}, and this tree:', flush=True)
    programs = {OLD: old, NEW: new}
    with Stack(new) as stack:
        Takeover(report, stack, programs).run()
    try:
        with postgresql.PostgreSQL() as database, Stack(new) as stack:
            Together(report, stack, programs, database).run()
            report.equal(stack.stop(), [], 'those that did not end well')
    except postgresql.Absent as why:
        report.skip(f'old and new are not on one database: {why}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--against', default=os.environ.get('FANFARE_TEST_AGAINST'))
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('FANFARE_TEST_ROUNDS', 1)))
    options = parser.parse_args()
    build, report = os.path.abspath(options.build), Report()
    revisions = [options.against] if options.against else [f'HEAD~{i + 1}' for i in range(options.rounds)]
    for name, old in others(report, build, revisions):
        meet(report, name, old, build)
    return report.end()


if __name__ == '__main__':
    sys.exit(main())
