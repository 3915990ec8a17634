#!/usr/bin/env python3
"""A neighbour that misbehaves: a proxy in front of a service, told line by line on its standard input how.

faulty.py LISTEN_PORT SERVICE_PORT

    well            every answer as the service gave it
    slow MS         each answer comes so much later
    fail PER_MILLE  so many of the requests are answered 500, and the service does not see them
    garbage         each answer is bytes that are no HTTP
    half            half of each answer, then its end of the connection is closed, and the other end is left open
    count           prints how many requests have come so far

Each is answered with a line on the standard output once it holds. Ends with its standard input.
"""
import asyncio
import os
import random
import subprocess
import sys

BROKEN = b'HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'


class Faulty:
    """The proxy as a process; give its port to whoever is to meet a bad neighbour."""

    def __init__(self, port, to):
        self.port = port
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(port), str(to)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.tell('well')

    def tell(self, *words):
        self.process.stdin.write(' '.join(str(word) for word in words) + '\n')
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def count(self):
        return int(self.tell('count'))

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Proxy:
    def __init__(self, port, to):
        self.port, self.to = port, to
        self.mode, self.amount, self.requests = 'well', 0, 0

    def order(self, line):
        word, *amount = line.split()
        if word == 'count':
            return str(self.requests)
        self.mode, self.amount = word, float(amount[0]) if amount else 0
        return word

    async def message(self, reader):
        """One request or answer, whole; b'' at the end of the connection."""
        try:
            head = await reader.readuntil(b'\r\n\r\n')
        except asyncio.IncompleteReadError:
            return b''
        for line in head.split(b'\r\n'):
            if line.lower().startswith(b'content-length:'):
                return head + await reader.readexactly(int(line.split(b':')[1]))
        return head

    async def answer(self, request, service):
        if self.mode == 'fail' and random.random() * 1000 < self.amount:
            return BROKEN
        service[1].write(request)
        answer = await self.message(service[0])
        if self.mode == 'slow':
            await asyncio.sleep(self.amount / 1000)
        if self.mode == 'garbage':
            return os.urandom(200)
        return answer

    async def serve(self, reader, writer):
        service = None
        try:
            service = await asyncio.open_connection('127.0.0.1', self.to)
            while request := await self.message(reader):
                self.requests += 1
                answer = await self.answer(request, service)
                if self.mode == 'half':
                    writer.write(answer[:len(answer) // 2])
                    writer.write_eof()
                    await reader.read()
                    break
                if not answer:
                    break
                writer.write(answer)
                await writer.drain()
                if self.mode == 'garbage':
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for one in [writer] + ([service[1]] if service else []):
                one.close()

    async def run(self):
        orders = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        server = await asyncio.start_server(self.serve, '127.0.0.1', self.port, backlog=500)
        while line := await orders.readline():
            print(self.order(line.decode()), flush=True)
        server.close()
        os._exit(0)  # whatever connections are still open


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(Proxy(int(sys.argv[1]), int(sys.argv[2])).run())
