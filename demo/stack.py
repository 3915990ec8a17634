"""The stack as a user has it: the `fanfare` command and HTTP."""
import http.client
import json
import os
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FANFARE = os.path.join(ROOT, 'build', 'cli', 'fanfare')
TOKEN_S = 300  # tokens live ten minutes


class Stack:
    def __init__(self, data, port_base=0):
        self.data, self.port_base = data, port_base
        self.ports, self.connections = {}, {}
        self.token_text, self.token_at = None, 0

    def fanfare(self, *arguments, capture=True):
        done = subprocess.run([FANFARE, *arguments, '--data', self.data], text=True,
                              stdout=subprocess.PIPE if capture else None, check=False)
        if done.returncode != 0 and arguments[0] != 'status':
            raise SystemExit(f'fanfare {" ".join(arguments)}: exit status {done.returncode}')
        return done.stdout

    def up(self):
        base = ['--port-base', str(self.port_base)] if self.port_base else []
        begun = time.monotonic()
        self.fanfare('up', '--detach', *base)
        took = time.monotonic() - begun
        self.ports = {one['name']: one for one in self.status()}
        return took

    def down(self):
        self.fanfare('down')

    def status(self):
        return json.loads(self.fanfare('status', '--json'))['services']

    def token(self):
        if time.monotonic() - self.token_at > TOKEN_S or not self.token_text:
            self.token_text = self.fanfare('token', '--scopes', '*').strip()
            self.token_at = time.monotonic()
        return self.token_text

    def ask(self, service, method, path, body=None, headers=None, timeout=30):
        """(status, headers, JSON or text). One connection to each service is kept."""
        text = None if body is None else json.dumps(body)
        sent = {'Authorization': f'Bearer {self.token()}', **({'Content-Type': 'application/json'} if text else {}),
                **(headers or {})}
        for attempt in (1, 2):
            connection = self.connections.get(service)
            if connection is None:
                connection = http.client.HTTPConnection('127.0.0.1', self.ports[service]['port'], timeout=timeout)
                self.connections[service] = connection
            try:
                connection.request(method, path, body=text, headers=sent)
                answer = connection.getresponse()
                content = answer.read()
                break
            except (OSError, http.client.HTTPException):
                self.connections.pop(service).close()  # the service was started anew since
                if attempt == 2:
                    raise
        kind = answer.headers.get('Content-Type', '')
        return answer.status, answer.headers, json.loads(content) if 'json' in kind and content else content

    def must(self, service, method, path, body=None, headers=None):
        status, _, content = self.ask(service, method, path, body, headers)
        if status >= 300:
            raise SystemExit(f'{service}: {method} {path} gave {status}: {content}')
        return content

    def metric(self, service, name, *parts):
        """A metric's value on the admin listener; None when it is not there."""
        connection = http.client.HTTPConnection('127.0.0.1', self.ports[service]['admin_port'], timeout=5)
        connection.request('GET', '/metrics')
        for line in connection.getresponse().read().decode().splitlines():
            if line.startswith(name) and all(part in line for part in parts):
                return float(line.rsplit(' ', 1)[1])
        return None


def wait_for(what, limit_s=60, every_s=0.05):
    """Asks until it is true; the last answer."""
    until = time.monotonic() + limit_s
    while not (answer := what()) and time.monotonic() < until:
        time.sleep(every_s)
    return answer
