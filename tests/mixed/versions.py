"""The programs of another commit, built beside those of this one. What was built is kept in `mixed/` of the build folder,
by the hash of the sources, so that a commit costs its time once."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from stack import ROOT

SOURCES = ('base', 'platform', 'contracts', 'services', 'meson.build', 'meson_options.txt', 'deps/lock')
BESIDE = re.compile(r'(^|/)tests/|(^|/)README\.md$')  # what no program is made of
KEPT = 4  # versions


class Absent(Exception):
    """Why there is no other version here."""


def git(*words):
    done = subprocess.run(['git', '-C', ROOT, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Absent(done.stderr.strip() or f'git {words[0]} fails')
    return done.stdout


def has_git():
    return bool(shutil.which('git')) and os.path.exists(os.path.join(ROOT, '.git'))


def commit(revision):
    """Its short name, and its subject."""
    if not has_git():
        raise Absent('this is no git repository')
    try:
        git('rev-parse', '--verify', '--quiet', f'{revision}^{{commit}}')
    except Absent:
        raise Absent(f'there is no {revision} here') from None
    return git('log', '-1', '--format=%h %s', revision).strip()


def sources(revision):
    """A hash of what its programs are made of."""
    lines = [line for line in git('ls-tree', '-r', revision, '--', *SOURCES).splitlines()
             if not BESIDE.search(line.split('\t')[1])]
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:16]


def is_the_same(revision):
    """Whether this tree's programs, with what is not committed, are made of the same."""
    changed = git('diff', '--name-only', revision, '--', *SOURCES).splitlines()
    return not [path for path in changed if not BESIDE.search(path)]


def programs(build, revision):
    """A folder with services/NAME/fanfare-NAME of that commit, as a build folder has them."""
    kept = os.path.join(build, 'mixed')
    folder = os.path.join(kept, sources(revision))
    if not os.path.isdir(folder):
        os.makedirs(kept, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='making-', dir=kept) as work:
            source = os.path.join(work, 'source')
            unpack(revision, source)
            os.rename(compile_in(source, os.path.join(work, 'build'), build), folder)
    os.utime(folder)
    forget(kept)
    return folder


def unpack(revision, folder):
    os.mkdir(folder)
    with subprocess.Popen(['git', '-C', ROOT, 'archive', revision], stdout=subprocess.PIPE) as archive:
        subprocess.run(['tar', '-x', '-C', folder], stdin=archive.stdout, check=True)
    if archive.returncode:
        raise SystemExit(f'git archive {revision}: exit status {archive.returncode}')


def compile_in(source, folder, build):
    """Compiles the services as `build` was compiled; a folder with nothing but their programs."""
    with open(os.path.join(build, 'meson-info', 'intro-buildoptions.json'), encoding='utf-8') as file:
        options = {one['name']: one['value'] for one in json.load(file)}
    deps = {'yyjson_dir': os.path.join(ROOT, 'deps', 'yyjson'), 'duckdb_dir': os.path.join(ROOT, 'deps', 'duckdb')}
    given = {name: options[name] or (path if os.path.isdir(path) else '') for name, path in deps.items()}
    run('meson', 'setup', folder, source, f'--buildtype={options["buildtype"]}',
        *[f'-D{name}={value}' for name, value in given.items()])
    names = [name for name in sorted(os.listdir(os.path.join(source, 'services')))
             if os.path.exists(os.path.join(source, 'services', name, 'main.c'))]
    made = [os.path.join('services', name, f'fanfare-{name}') for name in names]
    run('ninja', '-C', folder, *made)
    out = f'{folder}-programs'
    for path in made:
        os.makedirs(os.path.dirname(os.path.join(out, path)))
        shutil.copy2(os.path.join(folder, path), os.path.join(out, path))
    return out


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                          check=False)
    if done.returncode:
        raise SystemExit(f'{" ".join(words[:2])}: exit status {done.returncode}\n{done.stdout[-3000:]}')


def forget(kept):
    folders = sorted((entry for entry in os.scandir(kept) if not entry.name.startswith('making-')),
                     key=lambda entry: entry.stat().st_mtime)
    for entry in folders[:-KEPT]:
        shutil.rmtree(entry.path)
