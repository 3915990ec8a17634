#!/usr/bin/env python3
"""The model of the launch saga, checked with SPIN: each property holds, and each mutation is found by one.

model_test.py MODEL
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

MUTATIONS = {'FORGET_TOMBSTONE': 'nothing_left', 'TRUST_SILENCE': 'nothing_left', 'MAIL_AT_ONCE': 'mail_after',
             'FORGET_REFUSAL': 'nothing_left', 'GIVE_UP_UNDOING': 'nothing_left'}


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f'{" ".join(command)}: {done.stdout}{done.stderr}')
    return done.stdout


def verifier(model, mutation, folder):
    run(folder, 'spin', *([f'-D{mutation}'] if mutation else []), '-a', model)
    run(folder, 'cc', '-O2', '-DNFAIR=3', '-DVECTORSZ=2048', '-o', 'pan', 'pan.c')


def holds(folder, claim):
    """Under weak fairness, acceptance cycles too."""
    told = run(folder, './pan', '-a', '-f', '-m200000', '-N', claim)
    if 'max search depth too small' in told or 'Search not completed' in told and 'errors: 0' in told:
        sys.exit(told)
    states = re.search(r'(\d+) states, stored', told)
    return re.search(r'errors: (\d+)', told)[1] == '0', int(states[1]) if states else 0


def main(model):
    if not shutil.which('spin'):
        print('skipped: spin is not installed')
        sys.exit(77)
    model = os.path.abspath(model)
    with open(model, encoding='utf-8') as file:
        claims = re.findall(r'^ltl (\w+)', file.read(), re.M)
    wrong = []
    with tempfile.TemporaryDirectory(prefix='launch-model-') as folder:
        verifier(model, None, folder)
        for claim in claims:
            good, states = holds(folder, claim)
            print(f'{claim}: {"holds" if good else "does not hold"}, {states} states')
            wrong += [] if good else [claim]
        for mutation, claim in MUTATIONS.items():
            verifier(model, mutation, folder)
            found = not holds(folder, claim)[0]
            print(f'{mutation}: {"found" if found else "not found"} by {claim}')
            wrong += [] if found else [mutation]
    print(f'{len(claims) + len(MUTATIONS)} checks, {len(wrong)} failed')
    sys.exit(bool(wrong))


main(sys.argv[1])
