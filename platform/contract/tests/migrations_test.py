#!/usr/bin/env python3
"""Which migrations are embedded, under which names, and which are refused: a migration that takes something away says so
in its name.

migrations_test.py EMBED_MIGRATIONS.py
"""
import os
import subprocess
import sys
import tempfile

FIRST = 'CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT NOT NULL);\n-- DROP TABLE is a word here\n'
ADDS = [
    'CREATE TABLE parts (id TEXT PRIMARY KEY REFERENCES things (id) ON DELETE CASCADE);',
    'CREATE TABLE parts (id TEXT, n BIGINT); CREATE UNIQUE INDEX parts_by_n ON parts (n);',
    'CREATE INDEX things_by_n ON things (n);',
    'ALTER TABLE things ADD COLUMN note TEXT;',
    "ALTER TABLE things ADD COLUMN state TEXT NOT NULL DEFAULT 'new';",
    'ALTER TABLE things ALTER COLUMN n DROP NOT NULL;',
    'ALTER TABLE things ALTER COLUMN n SET DEFAULT 0;',
    "ALTER TABLE things ADD COLUMN note TEXT; UPDATE things SET note = '';",
    '/* RENAME */ CREATE INDEX things_by_n ON things (n);',
]
TAKES = {
    'DROP TABLE things;': 'drops',
    'ALTER TABLE things DROP COLUMN n;': 'drops',
    'DROP INDEX things_by_n;': 'drops',
    'ALTER TABLE things RENAME TO goods;': 'renames',
    'ALTER TABLE things\n  RENAME COLUMN n TO m;': 'renames',
    'TRUNCATE things;': 'deletes',
    'delete from things;': 'deletes',
    'ALTER TABLE things ALTER COLUMN n SET NOT NULL;': 'refuses',
    'ALTER TABLE things ALTER COLUMN n TYPE TEXT;': 'changes a type',
    'ALTER TABLE things ADD CONSTRAINT positive CHECK (n > 0);': 'refuses',
    'ALTER TABLE things ADD COLUMN state TEXT NOT NULL;': 'wants a column',
    'CREATE UNIQUE INDEX things_by_n ON things (n);': 'refuses',
}


class Runs:
    def __init__(self, program):
        self.program, self.passed, self.failed = program, 0, 0

    def embed(self, files):
        """(exit status, what it said, the table that it wrote)."""
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, 'migrations'))
            for name, text in files.items():
                with open(os.path.join(folder, 'migrations', name), 'w', encoding='utf-8') as file:
                    file.write(text)
            run = subprocess.run([sys.executable, self.program, 'shop', 'migrations', 'out.h', 'out.c', 'out.d'], cwd=folder,
                                 capture_output=True, text=True, timeout=20)
            table = ''
            if run.returncode == 0:
                with open(os.path.join(folder, 'out.c'), encoding='utf-8') as out:
                    table = out.read()
            return run.returncode, run.stderr.strip(), table

    def check(self, good, what):
        self.passed += good
        self.failed += not good
        if not good:
            print(f'not ok - {what}')

    def fine(self, files, *names):
        status, said, table = self.embed(files)
        self.check(status == 0 and all(f'.name = "{name}"' in table for name in names), f'{files}: {status}, {said}')

    def refused(self, files, *words):
        status, said, _ = self.embed(files)
        self.check(status == 1 and all(word in said for word in words), f'{files}: {status}, {said}, wanted {words}')


def main(program):
    runs = Runs(os.path.abspath(program))
    for text in ADDS:
        runs.fine({'001_first.sql': FIRST, '002_next.sql': text}, '001_first', '002_next')
    for text, why in TAKES.items():
        runs.refused({'001_first.sql': FIRST, '002_next.sql': text}, '002_next.sql ' + why, '002_next.contract.sql')
        runs.fine({'001_first.sql': FIRST, '002_next.contract.sql': text}, '002_next.contract')
    runs.fine({'001_first.sql': FIRST, '002_next.contract.sqlite.sql': 'SELECT 1',
               '002_next.contract.postgresql.sql': 'DROP TABLE things'}, '002_next.contract')
    runs.refused({'001_first.sql': FIRST, '002_next.sqlite.sql': 'SELECT 1', '002_next.postgresql.sql': 'DROP TABLE things'},
                 '002_next.postgresql.sql drops')
    runs.refused({'001_first.sql': FIRST, '003_next.sql': 'SELECT 1'}, '003_next should be number 002')
    runs.refused({'001_first.sqlite.sql': FIRST}, '001_first has no text for postgresql')
    runs.refused({'001_first.sql': FIRST, '001_first.sqlite.sql': FIRST}, 'two texts for sqlite')
    runs.refused({'001_first.contracts.sql': FIRST}, 'is not called')
    runs.refused({}, 'is empty')
    print(f'{runs.passed} passed, {runs.failed} failed')
    return 1 if runs.failed else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
