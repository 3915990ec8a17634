#!/usr/bin/env python3
"""Which tests meson runs, and what became of them.

tests.py select FOLDER [NAME...]   names of the tests for `meson test`: all but ONLY_NAMED, or those of the suites or names given
tests.py count LOG...              counts over the logs of meson; names failures and skips; prints the last line
"""
import json
import re
import subprocess
import sys

PLAN = re.compile(r'^1\.\.(\d+)', re.M)
POINT = re.compile(r'^(not )?ok\b[^#\n]*(?:#\s*(skip|todo)\b[ :]*(.*))?', re.I)
TOTAL = re.compile(r'^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\.?$', re.M)
GOOD = ('OK', 'EXPECTEDFAIL')
ONLY_NAMED = {'peers'}  # suites that take minutes and fetch what nothing else needs


def select(folder, wanted):
    """Prints each chosen test once. A name that is neither suite nor test is an error: a typo must not pass."""
    out = subprocess.run(['meson', 'introspect', '--tests', folder], check=True, capture_output=True, text=True)
    tests = [(test['name'], {suite.split(':')[-1] for suite in test['suite']}) for test in json.loads(out.stdout)]
    if not wanted:
        if not tests:
            sys.exit('dev: no tests are defined')
        print(f'Not run, as only when named: {" ".join(sorted(ONLY_NAMED))}', file=sys.stderr)
        print('\n'.join(dict.fromkeys(name for name, suites in tests if not suites & ONLY_NAMED)))
        return
    for word in wanted:
        if not any(word == name or word in suites for name, suites in tests):
            if word in ('unit', 'service', 'system'):
                continue  # a suite that has no tests yet
            suites = sorted(set().union(*(suites for _, suites in tests)))
            sys.exit(f'dev: no suite or test is called {word}; suites: {" ".join(suites)}')
    chosen = [name for name, suites in tests if name in wanted or suites & set(wanted)]
    print('\n'.join(dict.fromkeys(chosen)))


def reason(test):
    lines = [line.strip() for line in (test.get('stdout', '') + '\n' + test.get('stderr', '')).splitlines()]
    lines = [line for line in lines if line]
    return re.sub(r'^(1\.\.0\s*#\s*)?(skip(ped)?\b[: ]*)', '', lines[-1], flags=re.I) if lines else 'no reason given'


def judge(test):
    """One test of meson as (passed, failed, [skip reasons]). It may hold many of its own: TAP, or a closing
    line like ours. Whatever those say, a test that meson calls failed has at least one failure."""
    out = test.get('stdout', '')
    if test['result'] == 'SKIP':
        return 0, 0, [reason(test)]
    failed_anyway = test['result'] not in GOOD
    total = TOTAL.findall(out)
    if PLAN.search(out):
        points = [match for match in map(POINT.match, out.splitlines()) if match]
        skips = [match[3] or 'no reason given' for match in points if (match[2] or '').lower() == 'skip']
        failed = sum(1 for match in points if match[1] and not match[2])
        return len(points) - len(skips) - failed, max(failed, int(failed_anyway)), skips
    if total:
        passed, failed, skipped = total[-1]
        skips = re.findall(r'^\s*skip(?:ped)?:?\s+(.*)', out, re.M | re.I)
        skips += ['no reason given'] * (int(skipped or 0) - len(skips))
        return int(passed), max(int(failed), int(failed_anyway)), skips
    return int(not failed_anyway), int(failed_anyway), []


def read(log):
    try:
        with open(log, encoding='utf-8', errors='replace') as lines:
            tests = [json.loads(line) for line in lines if line.strip()]
    except OSError:
        return []
    for test in tests:
        test['name'] = test['name'].split(':', 1)[-1]  # suite / name, without the project
    return tests


def tell(test):
    print(f'\n--- {test["name"]}: {test["result"].lower()}, status {test.get("returncode")},'
          f' {test.get("duration", 0):.1f} s')
    text = (test.get('stdout', '').rstrip() + '\n' + test.get('stderr', '').rstrip()).strip()
    for line in text.splitlines()[-60:]:
        print('    ' + line[:400])


def count(logs):
    passed, failed, skipped = 0, 0, []
    for log in logs:
        tests = read(log)
        if not tests:
            print(f'\n--- no test ran: {log} is missing or empty')
            failed += 1
        for test in tests:
            good, bad, skips = judge(test)
            passed += good
            failed += bad
            skipped += [(test['name'], why) for why in skips]
            if bad:
                tell(test)
    if skipped:
        print('\nSkipped:')
        for name, why in skipped:
            print(f'  {name}: {why}')
    if passed + failed + len(skipped) == 0:
        print('\nNo test ran.')
    print(f'{passed} passed, {failed} failed' + (f', {len(skipped)} skipped' if skipped else ''))
    return 1 if failed or passed == 0 else 0


if __name__ == '__main__':
    if len(sys.argv) >= 3 and sys.argv[1] == 'select':
        select(sys.argv[2], sys.argv[3:])
    elif len(sys.argv) >= 2 and sys.argv[1] == 'count':
        sys.exit(count(sys.argv[2:]))
    else:
        sys.exit(__doc__)
