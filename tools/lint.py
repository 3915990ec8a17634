#!/usr/bin/env python3
"""Layout, layers and manners of the tree. Prints `file:line: what is wrong` and ends with 1 if anything is.

Only tracked files are read (and new ones that git does not ignore). Warnings do not fail.
"""
import os
import re
import subprocess
import sys

import layout

# The layers of ARCHITECTURE.md: what a file may include by path. `{self}` is the service it belongs to.
LAYERS = [
    ('base/', ('base/',)),
    ('platform/', ('base/', 'platform/')),
    ('services/', ('base/', 'platform/', 'services/{self}/')),
    ('cli/', ('base/', 'platform/', 'cli/')),
]

# Outside libraries, and the one kind of place that may know them.
LIBRARIES = re.compile(r'^(microhttpd|yyjson|sqlite3|libpq-fe|lmdb|pcre2|yaml|duckdb|zlib|zstd|lz4frame|snappy-c|utf8proc)\.h$'
                       r'|^(curl|librdkafka|openssl)/')
LIBRARY_HOMES = re.compile(r'^platform/|^services/[^/]+/store(_[a-z0-9]+)?\.c$|^bench/|(^|/)tests/')

# A publisher's contract is the one thing of a service that others may include.
CONTRACT = re.compile(r'(^|/)[a-z]+_contract\.h$')

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TEXT = re.compile(r'\.(c|h|py|sh|md|ya?ml|json|sql|ts|tsx|js|css|html|build|txt|toml|supp|liquid)$'
                  r'|^(dev|LICENSE|\.ci/run|deps/.*|\.[a-z-]+)$')
BROUGHT_IN = re.compile(r'^third_party/|/(conformance|testdata|golden|fixtures)/|package-lock\.json$')
LONG_FILE = 600
SYSTEM_FOLDERS = {'bin', 'boot', 'dev', 'etc', 'home', 'lib', 'media', 'mnt', 'opt', 'proc', 'root', 'run', 'sbin',
                  'srv', 'sys', 'tmp', 'usr', 'var'}

problems, warnings = [], []


def git(*args):
    return subprocess.run(['git', *args], check=True, capture_output=True, text=True).stdout


def tracked():
    names = git('ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0')
    return sorted({name for name in names if name and os.path.isfile(name)})


def check_layout(sources):
    for name, number in layout.misplaced(sources):
        problems.append(f'{name}:{number}: not laid out (./dev fmt)')


def check_layers(name, lines):
    allowed = next((may for prefix, may in LAYERS if name.startswith(prefix)), None)
    service = name.split('/')[1] if name.startswith('services/') and name.count('/') > 1 else None
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        path = match[2]
        if LIBRARIES.match(path) and not LIBRARY_HOMES.search(name):
            problems.append(f'{name}:{number}: {path} belongs to platform/ or a store_*.c')
        if match[1] == '<' or allowed is None or '/' not in path or LIBRARIES.match(path) or CONTRACT.search(path):
            continue
        if '..' in path.split('/'):
            problems.append(f'{name}:{number}: {path}: include by the path from the top')
        elif not path.startswith(tuple(may.replace('{self}', str(service)) for may in allowed)):
            problems.append(f'{name}:{number}: {name.split("/")[0]}/ may not include {path} (ARCHITECTURE.md)')


def meson_words(folder, seen=None):
    """The platform folders that the meson.build of `folder` names (p_http -> http), and those they name in turn."""
    seen = set() if seen is None else seen
    build = os.path.join(folder, 'meson.build')
    if os.path.isfile(build):
        with open(build, encoding='utf-8') as text:
            words = re.findall(r'\bp_([a-z]+?)(?:_testing)?\b', text.read())
        for word in words:
            if word not in seen:
                seen.add(word)
                meson_words(f'platform/{word}', seen)
    return seen


def check_platform(name, lines, named={}):
    """A library sees what its meson.build names: the build adds one include folder for all, so it is looked at here."""
    folder = '/'.join(name.split('/')[:2]) if name.startswith(('platform/', 'services/')) else name.split('/')[0]
    if folder not in ('cli',) and not name.startswith(('platform/', 'services/')) or '/tests/' in name:
        return
    if folder not in named:
        named[folder] = meson_words(folder) | {folder.split('/')[-1], 'testing'}
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s*"platform/([a-z]+)/', line)
        if match and match[1] not in named[folder]:
            problems.append(f'{name}:{number}: platform/{match[1]} is not named in {folder}/meson.build')


def machine_words():
    """What betrays the machine somebody works on: its home folders, where this checkout lies, and the hosts that its
    apt takes packages from."""
    top = git('rev-parse', '--show-toplevel').strip()
    words = [r'(?<![\w.{}$])/(?:home|root|Users)/[a-z][\w.-]*/']
    first = top.split('/')[1]
    if first not in SYSTEM_FOLDERS:
        words.append(r'(?<![\w.})])/' + re.escape(first) + r'/')
    words.append(re.escape(top) + r'\b')
    hosts = set()
    for folder, _, files in os.walk('/etc/apt'):
        for file in files:
            if file.startswith('sources.list') or folder.endswith('sources.list.d'):
                try:
                    with open(os.path.join(folder, file), errors='replace') as text:
                        hosts |= set(re.findall(r'https?://([^/\s\]]+)/', text.read()))
                except OSError:
                    pass
    words += [re.escape(host) for host in sorted(hosts)]
    return re.compile('|'.join(words))


def check_manners(name, lines, betrays):
    for number, line in enumerate(lines, 1):
        if line != line.rstrip() and not BROUGHT_IN.search(name):
            problems.append(f'{name}:{number}: space at the end of the line')
        if betrays.search(line):
            problems.append(f'{name}:{number}: a path or host of one machine: {betrays.search(line)[0]}')
    if name.endswith(('.c', '.h', '.ts', '.tsx', '.py')) and len(lines) > LONG_FILE and not BROUGHT_IN.search(name):
        warnings.append(f'{name}: {len(lines)} lines; does it hold two things?')


def check_scripts(names):
    for name in names:
        with open(name, 'rb') as file:
            shebang = file.readline(64)
        if name.endswith('.sh') or (shebang.startswith(b'#!') and b'sh' in shebang.split(b'/')[-1]):
            run = subprocess.run(['bash', '-n', name], capture_output=True, text=True)
            if run.returncode:
                problems.append(run.stderr.strip())
        elif name.endswith('.py'):
            try:
                with open(name, encoding='utf-8') as file:
                    compile(file.read(), name, 'exec')
            except SyntaxError as error:
                problems.append(f'{name}:{error.lineno}: {error.msg}')


def check_lock(name, text):
    if name.endswith(('package-lock.json', 'npm-shrinkwrap.json')) and re.search(r'"resolved":\s*"https?:', text):
        problems.append(f"{name}: names a registry's address; .npmrc keeps it out (npm install again)")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
    names = tracked()
    check_layout([name for name in names if layout.is_ours(name)])
    betrays = machine_words()
    for name in names:
        if not TEXT.search(name) or os.path.islink(name):
            continue
        with open(name, encoding='utf-8', errors='replace') as file:
            text = file.read()
        lines = text.split('\n')
        if name.endswith(('.c', '.h')):
            check_layers(name, lines)
            check_platform(name, lines)
        check_manners(name, lines, betrays)
        check_lock(name, text)
    check_scripts(names)
    for line in warnings:
        print(f'warning: {line}')
    for line in problems:
        print(line)
    print(f'lint: {len(names)} files, {len(problems)} problems, {len(warnings)} warnings')
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
