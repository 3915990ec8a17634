"""The samples of bounces that come with Debian's python3-flufl.bounce, read where they lie: whom each names, and whether it
is final, beside what flufl.bounce's own tests expect. Prints how many agree, and each that does not.

bounce_samples_test.py BOUNCE_SHOW
"""
import ast
import glob
import os
import subprocess
import sys

LEAST = 114  # of 115
FOLDER = '/usr/lib/python3/dist-packages/flufl/bounce'

# What differs, and why it stays so.
KNOWN = {
    'yale_01.txt': 'names nobody in full; that "userx" is at yale.edu and cs.yale.edu is knowledge of that university',
}


def expectations():
    """{file: (addresses, temporary)}; a file that no detector of theirs knows names nobody."""
    with open(os.path.join(FOLDER, 'testing', 'helpers.py')) as source:
        tree = ast.parse(source.read())
    data = next(node.value for node in tree.body
                if isinstance(node, ast.Assign) and node.targets[0].id == 'DATA')
    expected = {os.path.basename(path): (set(), False)
                for path in glob.glob(os.path.join(FOLDER, 'tests', 'data', '*.txt'))}
    for _, name, addresses, *temporary in ast.literal_eval(data):
        known, late = expected[name]
        expected[name] = (known | {a.decode().lower() for a in addresses}, late or temporary == [True])
    return expected


def readings(program, names):
    """{file: (addresses that failed, addresses that are late)}"""
    paths = [os.path.join(FOLDER, 'tests', 'data', name) for name in names]
    out = subprocess.run([program, *paths], stdout=subprocess.PIPE, check=True).stdout.decode()
    read = {name: (set(), set()) for name in names}
    for line in out.splitlines():
        path, kind, address, _, _ = line.split('\t')
        read[os.path.basename(path)][kind == 'delayed'].add(address.lower())
    return read


def main():
    if not glob.glob(os.path.join(FOLDER, 'tests', 'data', '*.txt')):
        print('skipped: python3-flufl.bounce is not installed')
        return 77
    expected = expectations()
    read = readings(sys.argv[1], sorted(expected))
    right = 0
    for name, (addresses, late) in sorted(expected.items()):
        failed, delayed = read[name]
        if (delayed if late else failed) == addresses and not (failed if late else delayed):
            right += 1
            continue
        print('%s: expected %s%s; failed %s, late %s%s' % (
            name, 'late ' if late else '', sorted(addresses), sorted(failed), sorted(delayed),
            ' (%s)' % KNOWN[name] if name in KNOWN else ''))
    print('%d of %d samples read as flufl.bounce expects' % (right, len(expected)))
    return right < LEAST


sys.exit(main())
