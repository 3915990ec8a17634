"""Reads of every service while its instances come and go: each is answered by one of the two."""
import http.client
import threading
import time

READS = {'commerce': ('GET', '/v1/products/prd_crash', None),
         'content': ('GET', '/v1/published/mixed', None),
         'crm': ('GET', '/v1/totals', None),
         'loyalty': ('GET', '/v1/totals', None),
         'personalization': ('POST', '/v1/decisions', {'customer_id': 'prf_crash-0', 'slots': ['mixed-hero']}),
         'gateway': ('GET', '/v1/pages/mixed', None),
         'registry': ('GET', '/subjects', None)}
EVERY_S, TIMEOUT_S, ROUNDS = 0.02, 3, 2


class Reads:
    """Asks the instances of a service in turn; where one does not answer well, the other is asked, as whoever stands
    before them would."""

    def __init__(self, stack, instances):
        self.stack, self.instances = stack, instances  # service -> labels
        self.answered, self.trouble = dict.fromkeys(instances, 0), []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.read)

    def read(self):
        turn = 0
        while not self.over.is_set():
            for name, labels in self.instances.items():
                self.note(name, self.ask_in_turn(labels, turn, READS[name]))
                turn += 1
                time.sleep(EVERY_S)

    def ask_in_turn(self, labels, turn, what):
        """What each said, until one answered."""
        said = []
        for i in range(len(labels) * ROUNDS):
            said.append(self.ask(labels[(turn + i) % len(labels)], *what))
            if said[-1] == 200:
                break
        return said

    def ask(self, label, method, path, body):
        try:
            return self.stack.call(label, method, path, body, timeout=TIMEOUT_S)[0]
        except (OSError, http.client.HTTPException) as error:
            return repr(error)

    def note(self, name, said):
        if 200 in said:
            self.answered[name] += 1
        elif not self.over.is_set():
            self.trouble.append(f'{name}: {said}')

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
