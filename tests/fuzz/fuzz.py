#!/usr/bin/env python3
"""One fuzz target (libFuzzer, with sanitizers), from the corpus that lies in corpus/NAME: an input a line, in base64.

fuzz.py run PROGRAM SECONDS   goes on from it; what more it reaches is kept in build-fuzz/corpus/NAME. A finding fails, its
                              input is then in build-fuzz/ and its test is to be written. FANFARE_TEST_ROUNDS=N (what
                              ./dev test fuzz --rounds N sets): N minutes instead.
fuzz.py pack PROGRAM          writes what was reached so far to corpus/NAME, as few inputs as reach the same places
"""
import base64
import hashlib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIMITS = ['-timeout=25', '-rss_limit_mb=2048', '-max_len=4096']
ENVIRONMENT = {**os.environ, 'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1'}


def put(folder, data):
    with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), 'wb') as file:
        file.write(data)


def unpack(packed, folder):
    os.makedirs(folder, exist_ok=True)
    if os.path.exists(packed):
        with open(packed, encoding='ascii') as lines:
            for line in lines:
                put(folder, base64.b64decode(line))


def pack(program, packed, folder):
    with tempfile.TemporaryDirectory() as fewer:
        subprocess.run([program, '-merge=1', '-use_counters=0', *LIMITS, fewer, folder], env=ENVIRONMENT, check=True, stderr=subprocess.DEVNULL)
        inputs = []
        for name in os.listdir(fewer):
            with open(os.path.join(fewer, name), 'rb') as file:
                inputs.append(file.read())
    with open(packed, 'w', encoding='ascii') as file:
        file.writelines(base64.b64encode(data).decode() + '\n' for data in sorted(inputs, key=lambda data: (len(data), data)))
    print(f'{packed}: {len(inputs)} inputs')


def run(program, packed, folder, seconds):
    unpack(packed, folder)
    done = subprocess.run([program, f'-max_total_time={seconds}', *LIMITS, '-print_final_stats=1', f'-dict={HERE}/words.dict',
                           f'-artifact_prefix={os.path.dirname(folder)}/../', folder],
                          env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, errors='replace', check=False)
    lines = done.stderr.splitlines()
    if done.returncode:
        print('\n'.join(line for line in lines[-200:] if not line.startswith('#')))
    else:
        print('\n'.join(line for line in lines if line.startswith('stat::number') or 'DONE' in line))
    return 1 if done.returncode else 0  # libFuzzer's own 77 would be a skip


def main(what, program, seconds='60'):
    name = os.path.basename(program).removeprefix('fuzz_')
    build = os.path.join(HERE, '..', '..', 'build-fuzz', 'corpus', name)
    packed = os.path.join(HERE, 'corpus', name)
    if what == 'pack':
        return pack(program, packed, build)
    rounds = os.environ.get('FANFARE_TEST_ROUNDS')
    return run(program, packed, os.path.normpath(build), int(rounds) * 60 if rounds else int(seconds))


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ('run', 'pack'):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
