#!/usr/bin/env python3
"""Writes a service's migrations as a C table.

embed_migrations.py SERVICE FOLDER OUT.h OUT.c DEPFILE

FOLDER holds 001_name.sql (for both engines), or 001_name.sqlite.sql and 001_name.postgresql.sql. Numbers start at 1 and
have no gaps. One that takes something away from the programs before it is called 001_name.contract.sql (or
001_name.contract.sqlite.sql, ...); one that does so and is not, is refused (docs/changes.md). Gives `extern const struct
sql_migration SERVICE_migrations[N]` and SERVICE_N_MIGRATIONS.
"""
import os
import re
import sys

NAME = re.compile(r'^(\d{3}_[a-z0-9_]+(?:\.contract)?)(?:\.(sqlite|postgresql))?\.sql$')
CONTRACTS = '.contract'

# What a program that knows nothing of it would stumble over.
TAKES_AWAY = [(re.compile(pattern, re.I | re.S), what) for pattern, what in (
    (r'\bDROP\s+(?!NOT\s+NULL|DEFAULT)[^;]*', 'drops'),
    (r'\bRENAME\b[^;]*', 'renames'),
    (r'\bTRUNCATE\b[^;]*', 'deletes'),
    (r'\bDELETE\s+FROM\b[^;]*', 'deletes'),
    (r'\bSET\s+NOT\s+NULL\b', 'refuses what was allowed'),
    (r'\bALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+DATA\s+)?TYPE\b[^;]*', 'changes a type'),
    (r'\bADD\s+(?:CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN)\b[^;]*', 'refuses what was allowed'),
    (r'\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?\w+\s+(?=[^;,]*\bNOT\s+NULL)(?![^;,]*\bDEFAULT\b)[^;,]*',
     'wants a column that is not written'),
)]
UNIQUE_INDEX = re.compile(r'\bCREATE\s+UNIQUE\s+INDEX\b[^;]*?\bON\s+(\w+)', re.I | re.S)
COMMENT = re.compile(r'--[^\n]*|/\*.*?\*/', re.S)


def fail(folder, sentence):
    sys.exit(f'{folder}: {sentence}')


def taken_away(text):
    """What a migration takes away from programs that do not know it, as a sentence; None: it only adds."""
    text = COMMENT.sub(' ', text)
    for pattern, what in TAKES_AWAY:
        found = pattern.search(text)
        if found:
            return f'{what}: "{" ".join(found[0].split())}"'
    for found in UNIQUE_INDEX.finditer(text):
        if not re.search(rf'\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{found[1]}\b', text, re.I):
            return f'refuses what was allowed: "{" ".join(found[0].split())}"'
    return None


def read(folder):
    """[(name, {engine: text})] in order."""
    found = {}
    for file in sorted(os.listdir(folder)):
        if file.startswith('.'):
            continue
        match = NAME.match(file)
        if not match:
            fail(folder, f'{file} is not called 001_name.sql, 001_name.sqlite.sql or 001_name.postgresql.sql')
        with open(os.path.join(folder, file), encoding='utf-8') as text:
            sql = text.read()
        texts = found.setdefault(match[1], {})
        for engine in [match[2]] if match[2] else ['sqlite', 'postgresql']:
            if engine in texts:
                fail(folder, f'{match[1]} has two texts for {engine}')
            texts[engine] = sql
        taken = None if match[1].endswith(CONTRACTS) else taken_away(sql)
        if taken:
            fail(folder, f'{file} {taken}; call it {match[1]}{CONTRACTS}.sql, when no program needs that any more')
    for number, (name, texts) in enumerate(found.items(), 1):
        if int(name[:3]) != number:
            fail(folder, f'{name} should be number {number:03d}')
        for engine in ('sqlite', 'postgresql'):
            if engine not in texts:
                fail(folder, f'{name} has no text for {engine}')
    return list(found.items())


def literal(text):
    lines = []
    for line in text.splitlines():
        escaped = line.replace('\\', '\\\\').replace('"', '\\"').replace('?', '\\?').replace('\t', '\\t')
        lines.append(f'        "{escaped}\\n"')
    return '\n'.join(lines) or '        ""'


def header(service, migrations):
    return f"""/* Written by embed_migrations.py from migrations/. */
#pragma once

#include "platform/sql/sql.h"

#define {service.upper()}_N_MIGRATIONS {len(migrations)}
extern const struct sql_migration {service}_migrations[{len(migrations)}];
"""


def source(service, migrations):
    rows = ''.join(f"""    {{
        .number = {number},
        .name = "{name}",
        .sqlite =
{literal(texts['sqlite'])},
        .postgresql =
{literal(texts['postgresql'])},
    }},
""" for number, (name, texts) in enumerate(migrations, 1))
    return f"""/* Written by embed_migrations.py from migrations/. */
#include "{service}_migrations.h"

const struct sql_migration {service}_migrations[] = {{
{rows}}};
"""


def main(service, folder, header_path, source_path, depfile):
    migrations = read(folder)
    if not migrations:
        fail(folder, 'is empty')
    for path, text in (header_path, header(service, migrations)), (source_path, source(service, migrations)):
        with open(path, 'w', encoding='utf-8') as out:
            out.write(text)
    files = [folder] + [os.path.join(folder, file) for file in sorted(os.listdir(folder))]
    with open(depfile, 'w', encoding='utf-8') as out:
        out.write(header_path + ': ' + ' '.join(files) + '\n')


if __name__ == '__main__':
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
