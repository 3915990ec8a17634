#!/usr/bin/env python3
"""Lays C out by .clang-format, and leaves the author the spaces inside a line.

clang-format decides where lines break and how far they are indented. A line that differs from its own only in runs
of spaces after the indentation stays as it was written, if it fits: that is how the rows of a table are aligned.
So does a macro that fits: the versions of clang-format disagree on them.

layout.py [FILE...]   rewrites the files that need it (all of ours without names)
"""
import difflib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

COLUMNS = 100


def is_ours(name):
    return name.endswith(('.c', '.h')) and not name.startswith('third_party/')


def tight(line):
    """The line with each run of spaces after its indentation as one."""
    indent = len(line) - len(line.lstrip(' '))
    return line[:indent] + re.sub(r' {2,}', ' ', line[indent:].rstrip())


def kept(mine, theirs):
    """The author's line when it fits, its backslash (in a macro) at the last column."""
    if mine.endswith('\\'):
        mine = mine[:-1].rstrip().ljust(COLUMNS - 1) + '\\'
    return mine if len(mine) <= COLUMNS and mine == mine.rstrip() else theirs


def in_macros(lines):
    """For each line, whether it belongs to a #define."""
    marks, inside = [], False
    for line in lines:
        inside = inside or line.startswith('#define')
        marks.append(inside)
        inside = inside and line.endswith('\\')
    return marks


def laid_out(name):
    """(lines as they are, lines as they should be)."""
    with open(name, encoding='utf-8') as file:
        old = file.read().split('\n')
    run = subprocess.run(['clang-format', name], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f'{name}: {run.stderr.strip()}')
    new = run.stdout.split('\n')
    if old == new:
        return old, old
    matcher = difflib.SequenceMatcher(None, [tight(line) for line in old], [tight(line) for line in new], autojunk=False)
    macro = in_macros(old)
    result = []
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == 'equal':
            result += map(kept, old[old_from:old_to], new[new_from:new_to])
        elif old_from < old_to and all(
                macro[n] and len(old[n]) <= COLUMNS and old[n] == old[n].rstrip() for n in range(old_from, old_to)):
            result += old[old_from:old_to]
        else:
            result += new[new_from:new_to]
    return old, result


def all_laid_out(names):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return zip(names, pool.map(laid_out, names))


def misplaced(names):
    """(file, number of the first line that is not laid out) for each such file."""
    found = []
    for name, (old, new) in all_laid_out(names):
        if old != new:
            same = next((n for n, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
            found.append((name, same + 1))
    return found


def main(names):
    if not names:
        out = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], check=True,
                             capture_output=True, text=True).stdout.split('\n')
        names = sorted({name for name in out if is_ours(name) and os.path.isfile(name)})
    for name, (old, new) in all_laid_out(names):
        if old != new:
            with open(name, 'w', encoding='utf-8') as file:
                file.write('\n'.join(new))
            print(f'  {name}')


if __name__ == '__main__':
    main(sys.argv[1:])
