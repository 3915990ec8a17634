"""An SMTP server that counts what it takes, and that can be told to misbehave; and what email hears, put on the log."""
import collections
import json
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

Taken = collections.namedtuple('Taken', 'message_id to at')
MESSAGE_ID = re.compile(rb'^Message-ID:\s*<([^@>]+)@', re.MULTILINE | re.IGNORECASE)


class Sink:
    """Takes mail on a port of the loopback, a thread for each connection. `taken` has a Taken for each final dot, noted before
    it is answered. `script` maps a stage (greeting, ehlo, starttls, mail, rcpt, data, dot) to what is done there instead of
    saying yes: a reply ('451 4.3.0 later'), or `hang`, `reset`, `close`, `nonsense`; `slow` says yes after a second. `certificate`: (certificate, key) to offer
    STARTTLS with."""

    def __init__(self, certificate=None):
        self.taken, self.script, self.certificate = [], {}, certificate
        self.n_connections, self.offered = 0, collections.Counter()  # stages that were reached
        self.open, self.lock = set(), threading.Lock()
        self.socket = socket.create_server(('127.0.0.1', 0), backlog=200)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.socket.close()
        self.drop()

    def drop(self):
        """Ends all connections."""
        with self.lock:
            ending, self.open = self.open, set()
        for connection in ending:
            end(connection, True)

    def counts(self):
        """{message id: how often}"""
        return collections.Counter(one.message_id for one in list(self.taken))

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.open.add(connection)
                self.n_connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            Talk(self, connection).run()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(connection)
            end(connection, False)


def end(connection, reset):
    try:
        if reset:  # with RST instead of FIN
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
    except OSError:
        pass


class Talk:
    """One connection."""

    def __init__(self, sink, connection):
        self.sink, self.connection, self.secure, self.to = sink, connection, False, None
        self.input = connection.makefile('rb')

    def say(self, text):
        self.connection.sendall(text.encode() + b'\r\n')

    def answer(self, stage, yes):
        """Says yes unless the script has something else; True: yes was said."""
        self.sink.offered[stage] += 1
        wanted = self.sink.script.get(stage)
        if wanted == 'slow':
            time.sleep(1)
        if wanted in (None, 'slow'):
            self.say(yes)
            return True
        if wanted == 'hang':
            while self.connection.recv(4096):
                pass
            raise EOFError
        if wanted in ('reset', 'close'):
            end(self.connection, wanted == 'reset')
            raise EOFError
        self.say('?!' if wanted == 'nonsense' else wanted)
        if wanted.startswith('421'):
            raise EOFError
        return False

    def line(self):
        text = self.input.readline()
        if not text:
            raise EOFError
        return text.decode().strip()

    def run(self):
        self.answer('greeting', '220 sink.example ready')
        while True:
            line = self.line()
            word = line.split(' ')[0].upper()
            if word == 'EHLO':
                offers = ['sink.example', 'PIPELINING', 'SIZE 10000000'] + ['STARTTLS'] * bool(self.sink.certificate and not self.secure)
                self.answer('ehlo', '\r\n'.join(f'250{" " if i == len(offers) - 1 else "-"}{offer}' for i, offer in enumerate(offers)))
            elif word == 'STARTTLS':
                self.start_tls()
            elif word == 'MAIL':
                self.answer('mail', '250 2.1.0 ok')
            elif word == 'RCPT':
                self.to = re.search('<(.*)>', line)[1]
                self.answer('rcpt', '250 2.1.5 ok')
            elif word == 'DATA':
                if self.answer('data', '354 go on'):
                    self.take()
            elif word == 'QUIT':
                self.say('221 bye')
                return
            else:
                self.say('250 ok')

    def start_tls(self):
        if not self.answer('starttls', '220 go on'):
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.sink.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.input, self.secure = self.connection.makefile('rb'), True

    def take(self):
        lines = []
        while (line := self.input.readline()) != b'.\r\n':
            if not line:
                raise EOFError
            lines.append(line)
        found = MESSAGE_ID.search(b''.join(lines))
        if 'dot' not in self.sink.script or self.sink.script['dot'] in ('hang', 'reset', 'close', 'nonsense', 'slow'):
            self.sink.taken.append(Taken(found and found[1].decode(), self.to, time.time()))
        self.answer('dot', '250 2.0.0 taken')


class Told:
    """What others tell email, as if by them: straight onto the log."""

    def __init__(self, stack):
        self.stack, self.n = stack, 0

    def tell(self, topic, kind, key, *facts):
        """Events of one kind; `key` names the member that is their key."""
        kcat = subprocess.Popen(['kcat', '-P', '-b', f'127.0.0.1:{self.stack.ports["broker"]}', '-t', topic, '-K', '\t',
                                 '-H', 'content-type=application/cloudevents+json'], stdin=subprocess.PIPE, text=True)
        for data in facts:
            self.n += 1
            event = {'specversion': '1.0', 'id': f'evt-{kind}-{time.time_ns()}-{self.n}', 'type': f'fanfare.{kind}.v1', 'source': '/fanfare/test',
                     'subject': data[key], 'time': '2026-01-01T00:00:00Z', 'data': data}
            kcat.stdin.write(f'{data[key]}\t{json.dumps(event)}\n')
        kcat.stdin.close()
        if kcat.wait() != 0:
            raise SystemExit(f'kcat could not write to {topic}')

    def people(self, names, domain='shop.example'):
        """Each with an address, who consents."""
        self.tell('fanfare.crm.profile', 'crm.profile.updated', 'profile_id', *(
            {'profile_id': name, 'email': f'{name}@{domain}', 'name': f'Person {name}', 'version': 1,
             'updated_at': '2026-01-01T00:00:00Z'} for name in names))
        self.tell('fanfare.crm.consent', 'crm.consent.changed', 'profile_id', *(
            {'profile_id': name, 'purpose': 'marketing', 'channel': 'email', 'state': 'granted',
             'changed_at': '2026-01-01T00:00:00Z'} for name in names))

    def template(self, slug, html='<p>Hello {{ person.name }}</p>', subject='Hello'):
        self.tell('fanfare.content.entry', 'content.entry.published', 'entry_id', {
            'entry_id': f'ent_{slug}', 'kind': 'email_template', 'slug': slug, 'version': 1,
            'document': {'subject': subject, 'html': html}, 'published_at': '2026-01-01T00:00:00Z'})

    def ask_launch(self, launch, **more):
        self.tell('email.commands', 'email.delivery.asked', 'campaign_id', {
            'command_id': f'cmd_{launch}', 'campaign_id': 'cmp_test', 'launch_id': launch, 'action': 'do',
            'expires_at': '2099-01-01T00:00:00Z', 'template': 'hello', 'audience': {'everyone': True}, **more})

    def launch(self, launch):
        self.tell('fanfare.campaign.campaign', 'campaign.campaign.launched', 'campaign_id', {
            'campaign_id': 'cmp_test', 'launch_id': launch, 'name': 'Test', 'launched_at': '2026-01-01T00:00:00Z'})

    def ask_message(self, key, person, purpose='service', **more):
        self.tell('email.commands', 'email.message.asked', 'person_id', {
            'command_id': f'cmd_{key}', 'message_key': key, 'person_id': person, 'template': 'hello', 'purpose': purpose,
            'expires_at': '2099-01-01T00:00:00Z', **more})
