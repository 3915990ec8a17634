#!/usr/bin/env python3
"""What reactions say they read is what they read: each name in READS() is a member of that event, and a handler takes no
member of its event that READS() does not name. So READS() tells whoever changes an event whom it concerns.

reads_test.py SOURCE_ROOT
"""
import glob
import json
import os
import re
import sys

ON = re.compile(r'\bON\(\s*([A-Z0-9_]+)\s*,\s*(\w+)\s*,\s*READS\(([^)]*)\)', re.S)


def events(root):
    """{constant: {member: its name in C}} of all event schemas."""
    found = {}
    for path in glob.glob(os.path.join(root, 'services', '*', 'events', '*.json')):
        service, file = path.split(os.sep)[-3], os.path.basename(path)[:-len('.json')]
        with open(path, encoding='utf-8') as text:
            members = json.load(text)['properties']
        constant = f'{service}_{file}'.replace('.', '_').upper()
        found[constant] = {re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower(): name for name in members}
    return found


def body_of(text, function):
    """(parameter, body) of a function that is defined in the text; None when it is not."""
    head = re.search(r'^enum outcome ' + function + r'\(struct ctx \*\w+,\s*const struct \w+ \*(\w+)\)\n\{\n(.*?)^\}',
                     text, re.S | re.M)
    return head and (head[1], head[2])


def taken(text, function, members):
    """Members that the function takes from its event, in C's names; `has_x` and `n_x` count as x."""
    found = body_of(text, function)
    if not found:
        return set()
    parameter, body = found
    names = {re.sub(r'^(has|n)_', '', name) if name not in members else name
             for name in re.findall(r'\b' + parameter + r'->(\w+)', body)}
    return names & set(members)


def check(root):
    known, wrong, passed = events(root), [], 0
    for path in sorted(glob.glob(os.path.join(root, 'services', '*', '*.c'))):
        with open(path, encoding='utf-8') as file:
            table = file.read()
        room = ''
        for other in glob.glob(os.path.join(os.path.dirname(path), '*.c')):
            with open(other, encoding='utf-8') as file:
                room += file.read()
        for constant, function, reads in ON.findall(table):
            where = f'{os.path.relpath(path, root)}: ON({constant}, {function})'
            if constant not in known:
                wrong.append(f'{where}: there is no such event')
                continue
            named = set(re.findall(r'"([^"]+)"', reads))
            members = known[constant]
            lost = named - set(members.values())
            silent = {members[name] for name in taken(room, function, members)} - named
            wrong += [f'{where}: "{name}" is not a member of the event' for name in sorted(lost)]
            wrong += [f'{where}: {function} takes "{name}", and READS() does not say so' for name in sorted(silent)]
            passed += not lost and not silent
    return passed, wrong


def main(root):
    passed, wrong = check(root)
    for sentence in wrong:
        print(f'not ok - {sentence}')
    print(f'{passed} passed, {len(wrong)} failed')
    sys.exit(1 if wrong or not passed else 0)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
