"""librdkafka's own tests (deps/peers/librdkafka/tests), by number: one process each, as its authors run them.

What a number is worth is read from the report that the tests write, never from the exit status alone: a number of which
nothing ran, or that never spoke to our broker, has not passed."""
import json
import os
import re
import subprocess
import time

HOME = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'deps', 'peers', 'librdkafka')
RUNNER = os.path.join(HOME, 'tests', 'test-runner')
NUMBERS = '''
    0001 0002 0003 0005 0007 0008 0012 0013 0014 0015 0017 0018 0019 0021 0022 0026 0029 0030 0031 0033 0034 0036 0039 0040 0050
    0051 0053 0054 0056 0057 0059 0060 0061 0063 0064 0065 0067 0070 0073 0082 0083 0084 0090 0099 0110 0112 0118 0122 0127 0130
    0132'''.split()
# Of these only the sub-tests whose name holds the word are run, and why.
PARTLY = {'0061': ('without', 'the half with transactions is left out: the broker has none')}
LIMIT_S = 600
# What the tests say of what they leave out: a sub-test, or themselves.
LEFT_OUT = re.compile(r'\[ (?P<sub>[^\[\]]*?): SKIP: (?P<why>.*) \]|SKIPPING TEST: (?!Filtered due)(?P<whole>.*)')


class Result:
    """`state` is passed, failed or skipped; `why` says what is to be known besides."""

    def __init__(self, number, name, state, why, seconds, parts):
        self.number, self.name, self.state, self.why, self.seconds, self.parts = number, name, state, why, seconds, parts


def version():
    with open(os.path.join(HOME, 'src', 'rdkafka.h'), encoding='utf-8') as header:
        number = int(re.search(r'#define RD_KAFKA_VERSION\s+0x([0-9a-f]+)', header.read())[1], 16)
    return f'{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}'


def prepare(folder):
    """The tests look for a file of the library's source beside the folder that they run in."""
    os.mkdir(os.path.join(folder, 'tests'))
    os.symlink(os.path.join(HOME, 'src'), os.path.join(folder, 'src'))


def run(number, port, folder):
    """One number against the broker at `port`; what it leaves lies in `folder`, where prepare() was."""
    conf, report = os.path.join(folder, 'test.conf'), os.path.join(folder, f'{number}.json')
    with open(conf, 'w', encoding='ascii') as file:
        file.write(f'bootstrap.servers=127.0.0.1:{port}\ntest.topic.random=true\n')
    environment = {**os.environ, 'TESTS': number, 'RDKAFKA_TEST_CONF': conf, 'TEST_REPORT': report,
                   'LD_LIBRARY_PATH': ':'.join(os.path.join(HOME, part) for part in ('src', 'src-cpp'))}
    if number in PARTLY:
        environment['SUBTESTS'] = PARTLY[number][0]
    begun = time.monotonic()
    with open(os.path.join(folder, f'{number}.log'), 'w+', encoding='utf-8', errors='replace') as log:
        try:
            status = subprocess.run([RUNNER, '-L', '-E', '-p1'], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    cwd=os.path.join(folder, 'tests'), env=environment, timeout=LIMIT_S, check=False).returncode
        except subprocess.TimeoutExpired:
            status = None
        seconds = time.monotonic() - begun
        log.seek(0)
        said = re.sub(r'\x1b\[[0-9;]*m', '', log.read())
    return judge(number, status, read(report), said, seconds)


def read(report):
    """{test: its entry} of the report; none when the tests ended without one."""
    try:
        with open(report, encoding='utf-8') as file:
            return json.load(file)['tests']
    except (OSError, ValueError, KeyError):
        return {}


def judge(number, status, tests, said, seconds):
    mine = {name: test for name, test in tests.items() if name.startswith(number + '_')}
    states = {name: test['state'] for name, test in mine.items()}
    ran = [name for name, test in mine.items() if test['state'] != 'SKIPPED' and test['duration'] > 0]
    name = (ran or list(mine) or [number])[0]
    parts = len(re.findall(r'\[ .*: PASS \(', said))
    why = [f'{match["sub"]} left out: {match["why"]}' if match['sub'] else match['whole']
           for match in LEFT_OUT.finditer(said)]
    why += [f'{one} is local' for one, state in states.items() if state == 'SKIPPED' and ran]
    if number in PARTLY:
        why.append(PARTLY[number][1])
    if status is None:
        return Result(number, name, 'failed', f'not done after {LIMIT_S} s', seconds, parts)
    if status != 0 or not mine or any(state not in ('PASSED', 'SKIPPED') for state in states.values()):
        return Result(number, name, 'failed', last_words(said, status), seconds, parts)
    if not ran or (number in PARTLY and not parts):
        return Result(number, name, 'skipped', '; '.join(why) or 'nothing of it ran', seconds, parts)
    return Result(number, name, 'passed', '; '.join(why), seconds, parts)


def last_words(said, status):
    """The first complaint in what a failed number said."""
    found = re.search(r'(?:TEST FAILURE\n### Test "[^"]*" \S* failed at |Test failed|%\s*ERROR).*\n?.*', said) or \
        re.search(r'^.*(?:FAIL|rror).*$', said, re.M)
    text = found[0] if found else ''
    return ' '.join(f'exit status {status}: {text}'.split())[:300]
