"""A headless Chromium (Debian's `chromium`), driven over its own pipe by the DevTools protocol: no driver, no ports."""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome')
ANSWER_S = 30


def program():
    """Its path, or None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """with Browser() as browser: page = browser.visitor(); page.go('http://...'); page.js('document.title')"""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='fanfare-browser-')
        theirs, self.to = os.pipe()
        self.of, back = os.pipe()

        def plumb():  # it reads from 3 and writes to 4
            spare = os.dup(back)
            os.dup2(theirs, 3)
            os.dup2(spare, 4)
        self.process = subprocess.Popen(
            [program(), '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
             '--disable-background-networking', f'--user-data-dir={self.folder}', '--remote-debugging-pipe'],
            close_fds=False, preexec_fn=plumb, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, 'HOME': self.folder})
        os.close(theirs)
        os.close(back)
        self.number, self.unread, self.events = 0, b'', []
        return self

    def __exit__(self, *_):
        try:
            self.ask('Browser.close')
            self.process.wait(10)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.of)
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self, until):
        """The next one that comes; TimeoutError when none does."""
        while b'\0' not in self.unread:
            if not select.select([self.of], [], [], max(until - time.monotonic(), 0))[0]:
                raise TimeoutError('the browser says nothing')
            came = os.read(self.of, 1 << 20)
            if not came:
                raise OSError('the browser has ended')
            self.unread += came
        text, _, self.unread = self.unread.partition(b'\0')
        return json.loads(text)

    def ask(self, method, session=None, **params):
        self.number += 1
        text = {'id': self.number, 'method': method, 'params': params, **({'sessionId': session} if session else {})}
        os.write(self.to, json.dumps(text).encode() + b'\0')
        until = time.monotonic() + ANSWER_S
        while True:
            message = self.message(until)
            if message.get('id') == self.number:
                if 'error' in message:
                    raise OSError(f'{method}: {message["error"]["message"]}')
                return message['result']
            self.events.append((message.get('sessionId'), message.get('method')))

    def wait(self, session, event):
        until = time.monotonic() + ANSWER_S
        while (session, event) not in self.events:
            message = self.message(until)
            self.events.append((message.get('sessionId'), message.get('method')))

    def visitor(self):
        """A page with cookies of its own."""
        context = self.ask('Target.createBrowserContext')['browserContextId']
        target = self.ask('Target.createTarget', url='about:blank', browserContextId=context)['targetId']
        return Page(self, self.ask('Target.attachToTarget', targetId=target, flatten=True)['sessionId'])


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.ask('Page.enable')

    def ask(self, method, **params):
        return self.browser.ask(method, self.session, **params)

    def loading(self, do):
        """Does it, and waits until the page that comes of it is loaded."""
        self.browser.events.clear()
        do()
        self.browser.wait(self.session, 'Page.loadEventFired')

    def go(self, url):
        self.loading(lambda: self.ask('Page.navigate', url=url))

    def js(self, text):
        """The value of an expression; None for what is no JSON."""
        result = self.ask('Runtime.evaluate', expression=text, returnByValue=True)
        if 'exceptionDetails' in result:
            raise OSError(f'{text}: {result["exceptionDetails"]["exception"].get("description")}')
        return result['result'].get('value')

    def click(self, selector):
        """On what leads to another page."""
        self.loading(lambda: self.js(f'document.querySelector({json.dumps(selector)}).click()'))

    def text(self, selector):
        return self.js(f'(document.querySelector({json.dumps(selector)}) || {{}}).innerText')

    def took_ms(self):
        """From the request to the last byte, as the browser measured it."""
        return self.js('(e => e.responseEnd - e.requestStart)(performance.getEntriesByType("navigation")[0])')
