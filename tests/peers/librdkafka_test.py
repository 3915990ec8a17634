#!/usr/bin/env python3
"""librdkafka's own tests against the broker: prints a table, a line for each number.

librdkafka_test.py BUILD_FOLDER
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import librdkafka  # noqa: E402
from report import Report, skip  # noqa: E402
from stack import Stack  # noqa: E402

# What the tests expect of a broker that is set up for them: topics that come by themselves with four partitions, and grow;
# and a group that waits for its members as long as Kafka does by default, so that the first assignment is to all.
SETTINGS = {'default_partitions': 4, 'partitions_may_grow': 'true', 'gather': '500ms'}
ROW = '| {:4} | {:38} | {:7} | {:>7} | {:>9} | {:>8} | {}'


def tell(result, requests):
    print(ROW.format(result.number, result.name, result.state, f'{result.seconds:.0f}', result.parts or '', requests,
                     f'{result.why} |'.lstrip()), flush=True)


def run_number(report, stack, number, folder):
    before = stack.metric('broker', 'broker_requests_total')
    result = librdkafka.run(number, stack.port('broker'), folder)
    requests = int(stack.metric('broker', 'broker_requests_total') - before)
    if result.state == 'passed' and requests == 0:
        result.state, result.why = 'skipped', 'the broker was never asked'
    tell(result, requests)
    if result.state == 'skipped':
        report.skip(f'{number}: {result.why}')
    else:
        report.check(result.state == 'passed', f'{result.name}: {result.why}')


def main():
    if not os.path.exists(librdkafka.RUNNER):
        skip("librdkafka's tests are not built: ./dev test peers")
    report = Report()
    with Stack(sys.argv[1]) as stack, tempfile.TemporaryDirectory() as folder:
        stack.start('broker', **SETTINGS)
        librdkafka.prepare(folder)
        print(f'librdkafka {librdkafka.version()}')
        print(ROW.format('', 'test', 'result', 'seconds', 'sub-tests', 'requests', 'what is left out |'))
        for number in librdkafka.NUMBERS:
            run_number(report, stack, number, folder)
        report.equal(stack.stop(), [], 'the broker ended well')
    sys.exit(report.end())


if __name__ == '__main__':
    main()
