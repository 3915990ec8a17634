"""A server of ours beside nginx, for benchmarks: the same answer on the loopback, one worker each, to the same load (wrk, on a
core of its own). What counts is the server's CPU time per request, which the load maker's speed does not touch."""
import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'tests'))
from stack import cpu_s, free_ports  # noqa: E402

NGINX_TEXT = 4000  # a text of its configuration may have 4096 bytes
NGINX_CONF = '''
worker_processes 1;
daemon off;
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    default_type application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ {parts} return 200 '{body}'; }}
    }}
}}
'''


def wait_until_up(url, process):
    for _ in range(100):
        if process.poll() is not None:
            sys.exit(f'{process.args[0]} ended before it answered')
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.05)
    sys.exit(f'nothing answers at {url}')


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children') as file:
        return [int(child) for child in file.read().split()]


def on_core(core, command):
    return ['taskset', '-c', str(core), *command] if core is not None else command


def to_core(pid, core):
    """All threads of a process that runs."""
    if core is not None:
        subprocess.run(['taskset', '-acp', str(core), str(pid)], check=True, stdout=subprocess.DEVNULL)


class Server:
    def __init__(self, name, process, pid, url):
        self.name, self.process, self.pid, self.url = name, process, pid, url
        self.us, self.rates = [], []

    def stop(self):
        self.process.terminate()
        self.process.wait()


def start_nginx(folder, core, path, body):
    [port] = free_ports(1)
    parts = [body[at:at + NGINX_TEXT] for at in range(0, len(body), NGINX_TEXT)]
    if len(parts) > 1:
        body = ''.join(f'${{part{i}}}' for i in range(len(parts)))
    parts = ' '.join(f"set $part{i} '{part}';" for i, part in enumerate(parts) if len(parts) > 1)
    with open(f'{folder}/nginx.conf', 'w') as conf:
        conf.write(NGINX_CONF.format(folder=folder, port=port, parts=parts, body=body,
                                     user='root' if os.getuid() == 0 else 'nobody'))
    process = subprocess.Popen(on_core(core, ['nginx', '-c', f'{folder}/nginx.conf']), stderr=subprocess.DEVNULL)
    url = f'http://127.0.0.1:{port}{path}'
    wait_until_up(url, process)
    return Server('nginx', process, children(process.pid)[0], url)


def run_load(server, args, core, seconds):
    headers = [word for header in args.headers for word in ('-H', header)]
    script = ['-s', args.script] if args.script else []
    before = cpu_s(server.pid)
    text = subprocess.run(on_core(core, ['wrk', '-t1', f'-c{args.connections}', f'-d{seconds}s', *headers, *script, server.url]),
                          check=True, capture_output=True, text=True).stdout
    spent = cpu_s(server.pid) - before
    done = re.search(r'(\d+) requests in ([\d.]+)(m?)s', text)
    if not done or 'Non-2xx' in text or 'Socket errors' in text:
        sys.exit(f'{server.name} did not answer everything:\n{text}')
    requests, took = int(done[1]), float(done[2])
    return spent * 1e6 / requests, requests / took, spent / took


def measure(servers, args, load_core):
    busy, ratios = {server.name: [] for server in servers}, []
    for server in servers:
        run_load(server, args, load_core, 1)
    for number in range(args.rounds):
        pair = {}
        for server in servers if number % 2 == 0 else servers[::-1]:
            us, rate, share = run_load(server, args, load_core, args.seconds)
            server.us.append(us)
            server.rates.append(rate)
            busy[server.name].append(share)
            pair[server.name] = us
            print(f'round {number + 1}: {server.name:8} {us:6.2f} µs of CPU a request, {rate:9,.0f}/s', flush=True)
        ratios.append(pair['Fanfare'] / pair['nginx'])
    return busy, ratios


def table(servers, busy, ratios, bar):
    """(lines, ratio)"""
    lines = ['| server | CPU per request, µs (median, least to most) | requests/s (median) | its core busy |',
             '|---|---|---|---|']
    for server in servers:
        lines.append(f'| {server.name} | {statistics.median(server.us):.2f} ({min(server.us):.2f} to {max(server.us):.2f}) '
                     f'| {statistics.median(server.rates):,.0f} | {statistics.median(busy[server.name]):.0%} |')
    ratio = statistics.median(ratios)
    lines += ['', f'Ratio of CPU per request, ours to nginx, median of {len(ratios)} pairs of rounds: **{ratio:.2f}** '
              f'({min(ratios):.2f} to {max(ratios):.2f}); the bar is {bar}: '
              f'{"reached" if ratio <= bar else "not reached"}.']
    return lines, ratio


def conditions(args):
    """How it was measured, for below the table."""
    version = subprocess.run(['nginx', '-v'], capture_output=True, text=True).stderr.strip().rsplit('/', 1)[1]
    load = subprocess.run(['wrk', '-v'], capture_output=True, text=True).stdout.split()[1]
    return (f'{args.rounds} rounds of {args.seconds} s each in turn, {args.connections} connections kept open, nginx {version} '
            f'(`return 200`, one worker), wrk {load}', f'{os.cpu_count()} cores, {platform.system()} '
            f'{platform.release().split("-")[0]}. Where a core is not fully busy, the rate is that of the load maker and of '
            'what else the machine does, and only the CPU time counts.')


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--connections', type=int, default=32)
    parser.add_argument('--no-file', action='store_true', help='only print the table')
    parser.set_defaults(headers=[], script=None)
    return parser


def cores():
    """(the server's, the load maker's); None where they are not to be had."""
    for tool in ('nginx', 'wrk'):
        if not shutil.which(tool):
            sys.exit(f'{tool} is not installed')
    found = sorted(os.sched_getaffinity(0))
    return (found[0], found[-1]) if len(found) > 1 and shutil.which('taskset') else (None, None)
