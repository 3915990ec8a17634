#!/usr/bin/env python3
"""Recurrence rules as python3-dateutil reads them, at random; and what is refused, with its sentence.

recurrence_test.py PROGRAM [--rounds N] [--seed N]
"""
import argparse
import calendar
import datetime
import itertools
import random
import subprocess
import sys
import warnings

try:
    from dateutil.rrule import rrulestr
except ImportError:
    print('skipped: python3-dateutil is not installed')
    sys.exit(77)

DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']
WANTED = 12
END = datetime.timedelta(days=30 * 366)  # dateutil would look on until the year 9999

REFUSED = {
    'INTERVAL=2': 'a rule has FREQ',
    'FREQ=HOURLY': 'FREQ is DAILY, WEEKLY, MONTHLY or YEARLY',
    'FREQ=DAILY;FREQ=DAILY': 'FREQ is there twice',
    'FREQ=DAILY;BYHOUR=3': 'a part "BYHOUR" of a rule is not known here',
    'FREQ=DAILY;INTERVAL=0': 'INTERVAL is a number from 1 to 10000',
    'FREQ=DAILY;COUNT=': 'COUNT is a number from 1 to 100000',
    'FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z': 'a rule has COUNT or UNTIL, not both',
    'FREQ=DAILY;UNTIL=20271301T000000Z': 'UNTIL is a moment like 20271231T235959Z',
    'FREQ=DAILY;UNTIL=20270101': 'UNTIL is a moment like 20271231T235959Z',
    'FREQ=WEEKLY;BYDAY=1MO': 'a number before a day goes with FREQ=MONTHLY and FREQ=YEARLY only',
    'FREQ=WEEKLY;BYMONTHDAY=1': 'BYMONTHDAY does not go with FREQ=WEEKLY',
    'FREQ=MONTHLY;BYDAY=0MO': 'BYDAY is days like MO,-1FR',
    'FREQ=MONTHLY;BYDAY=XX': 'BYDAY is days like MO,-1FR',
    'FREQ=MONTHLY;BYMONTHDAY=32': 'BYMONTHDAY is numbers from 1 to 31, or from -31 to -1',
    'FREQ=MONTHLY;BYSETPOS=1': 'BYSETPOS needs another part that begins with BY',
    'FREQ=YEARLY;BYMONTH=13': 'BYMONTH is numbers from 1 to 12',
    'FREQ=DAILY;': 'a part "" of a rule is not known here',
}
# No day of any year: nothing comes, and that is known within a moment.
NEVER = ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31', 'FREQ=MONTHLY;BYDAY=6MO',
         'FREQ=DAILY;UNTIL=20200101T000000Z']


def numbers(chance, least, most, k=3):
    return ','.join(str(chance.choice([n for n in range(least, most + 1) if n])) for _ in range(chance.randint(1, k)))


def rule_at_random(chance):
    freq = chance.choice(['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'])
    parts = [f'FREQ={freq}']
    if chance.random() < .5:
        parts.append(f'INTERVAL={chance.randint(1, 5)}')
    by = []
    if chance.random() < .4:
        by.append(f'BYMONTH={numbers(chance, 1, 12)}')
    if freq != 'WEEKLY' and chance.random() < .4:
        by.append(f'BYMONTHDAY={numbers(chance, -31, 31)}')
    if chance.random() < .5:
        days = chance.sample(DAYS, chance.randint(1, 4))
        if freq in ('MONTHLY', 'YEARLY') and chance.random() < .6:  # dateutil takes days with and without a number as "and"
            days = [f'{chance.choice([-2, -1, 1, 2, 3, 4])}{day}' for day in days]
        by.append(f'BYDAY={",".join(days)}')
    if by and freq != 'WEEKLY' and chance.random() < .3:  # dateutil's first week begins with the start, not with the week
        by.append(f'BYSETPOS={numbers(chance, -3, 3, 2)}')
    if chance.random() < .3:
        parts.append(f'WKST={chance.choice(DAYS)}')
    ends = chance.random()
    if ends < .3:
        parts.append(f'COUNT={chance.randint(1, 15)}')
    elif ends < .5:
        parts.append(f'UNTIL={chance.randint(2026, 2040)}{chance.randint(1, 12):02}15T120000')
    return ';'.join(parts + by)


def dates_of(rule, start):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # COUNT and UNTIL
        told = rrulestr(rule if 'UNTIL' in rule else f'{rule};UNTIL={start + END:%Y%m%dT%H%M%S}', dtstart=start)
    return [calendar.timegm(at.timetuple()) for at in itertools.islice((at for at in told if at <= start + END), WANTED)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument('program')
    options.add_argument('--rounds', type=int, default=120)
    options.add_argument('--seed', type=int, default=5545)
    options = options.parse_args()
    chance = random.Random(options.seed)
    cases = []
    for _ in range(options.rounds):
        start = datetime.datetime(2024, 1, 1) + datetime.timedelta(days=chance.randint(0, 1500), seconds=chance.randint(0, 86399))
        cases.append((start, rule_at_random(chance)))
    start = datetime.datetime(2026, 11, 24, 9, 30)
    asked = cases + [(start, rule) for rule in [*REFUSED, *NEVER]]
    lines = ''.join(f'{calendar.timegm(at.timetuple())} {WANTED} {rule}\n' for at, rule in asked)
    done = subprocess.run([options.program], input=lines, capture_output=True, text=True, check=True, timeout=60)
    told = done.stdout.split('\n')
    wrong = 0
    wanted = [' '.join(map(str, dates_of(rule, at))) for at, rule in cases] + [f'refused: {why}' for why in REFUSED.values()] + \
        ['' for _ in NEVER]
    for (at, rule), line, right in zip(asked, told, wanted, strict=False):
        if not line.startswith('refused'):
            line = ' '.join(one for one in line.split() if int(one) <= calendar.timegm((at + END).timetuple()))
        if line != right:
            wrong += 1
            print(f'{rule} from {at}: {line!r}, not {right!r}')
    print(f'{len(asked)} rules (--seed {options.seed}), {wrong} wrong')
    sys.exit(wrong > 0)


main()
