#!/usr/bin/env python3
"""docs/settings.md from what the programs say of themselves (--settings-reference).

settings_reference.py [--check] FILE BUILD   writes FILE, or with --check says whether it is as it would be written
"""
import difflib
import glob
import os
import re
import subprocess
import sys

HEAD = """# Settings

Every key is declared once, in a table in C; this page is made from those tables (`ninja -C build settings-reference`).

A key is given as a flag (`--port 8110`), in the environment or in a YAML file (`port: 8110`; `--config FILE` or
`FANFARE_<SERVICE>_CONFIG`). A flag goes before the environment, the environment before the file, the file before the
default. An unknown key or a bad value stops the start with the place of the mistake and what would be right.

In the environment a key is `FANFARE_<SERVICE>_<KEY>`. Where a row shows a name without the service, that one holds for all
services, and the longer name goes before it. Times are written `50ms`, `10s`, `5m`, `24h`, `7d`, sizes `64KB`, `1MB`.
"""
COMMON = '### Of every service'


def programs_of(build):
    """Those that stand on platform/service; the broker is a program of its own kind."""
    found = sorted(glob.glob(f'{build}/services/*/fanfare-*'))
    return [name for name in found if os.path.isfile(name) and not name.endswith('fanfare-broker')]


def reference(program):
    run = subprocess.run([program, '--settings-reference'], check=True, capture_output=True, text=True)
    own, common = run.stdout.split(COMMON)
    return re.match(r'## (.*)', own)[1], own.rstrip(), common


def common_section(references):
    """The rows of all, each once; what differs by service is shown as such."""
    rows = {}
    for name, _, common in references:
        for line in common.splitlines():
            if line.startswith('| `'):
                line = line.replace(f'FANFARE_{name.upper()}_', 'FANFARE_<SERVICE>_').replace(f'/{name}', '/<service>')
                rows.setdefault(line.split('`')[1], re.sub(r'(\| `port` .*?\| )`\d+`', r'\1its own, below', line))
    return '\n## Every service\n\n| key | environment | default | what it is |\n|---|---|---|---|\n' + '\n'.join(rows.values()) + '\n'


def port_of(common):
    return re.search(r'\| `port` \|[^|]*\| `(\d+)`', common)[1]


def page(programs):
    references = sorted(reference(program) for program in programs)
    text = HEAD + common_section(references)
    for name, own, common in references:
        title, _, rest = own.partition('\n')
        text += f'\n{title}\n\nPort {port_of(common)}.\n' + (rest + '\n' if rest.strip() else '')
    return text


def main():
    arguments = sys.argv[1:]
    check = arguments[0] == '--check'
    path, build = arguments[check:]
    wanted = page(programs_of(build))
    if not check:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(wanted)
        return 0
    with open(path, encoding='utf-8') as file:
        found = file.read()
    for line in difflib.unified_diff(found.splitlines(), wanted.splitlines(), path, 'as it should be', lineterm='', n=0):
        print(line)
    if found != wanted:
        print(f'{path} is not what the programs say: ninja -C {build} settings-reference')
    return 1 if found != wanted else 0


sys.exit(main())
