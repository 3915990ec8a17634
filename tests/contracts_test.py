#!/usr/bin/env python3
"""Every operation of every contract answers its own examples, and refuses what its contract says it refuses: the broker
and all services run on free ports of the loopback in a folder of their own, and contract_examples.py asks each.

contracts_test.py BUILD_FOLDER SERVICE...   in the order in which their examples are sent
"""
import http.client
import json
import sys

import contract_examples
from stack import Stack

PATIENCE_S = 60
LOG_AND_SOURCE = ('broker', 'content')  # what others document a 503 for
GONE_TOO = {'gateway': ('ads', 'personalization')}  # and who, asked before


def ask(stack, names):
    """All examples, then all errors; at last those of a log and a neighbour that are gone."""
    runs = {name: contract_examples.Run(f'http://127.0.0.1:{stack.port(name)}', None, stack.keys, None,
                                        stack.keys.write_key, PATIENCE_S) for name in names}
    for run in runs.values():
        run.examples()
    for run in runs.values():
        run.errors()
    stack.stop(*LOG_AND_SOURCE)
    for name, run in runs.items():
        if name in GONE_TOO:
            stack.stop(*GONE_TOO[name])
        if name not in LOG_AND_SOURCE:
            run.unavailable()
        run.failed += [f'{name}: documented, but nothing provokes it: {one}' for one in run.unprovoked()]
        print(f'{name}: {run.passed} of {run.passed + len(run.failed)}')
    return sum(run.passed for run in runs.values()), [one for run in runs.values() for one in run.failed]


def main(build, names):
    passed, failed = 0, []
    with Stack(build) as stack:
        try:
            stack.start('broker', *names)
            passed, failed = ask(stack, names)
        except (SystemExit, OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            failed.append(repr(error))
        failed += stack.stop()
    for sentence in failed:
        print(f'not ok - {sentence}')
    print(f'{passed} passed, {len(failed)} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
