"""Each service in two versions, `old` and `new`, in one stack: commerce-old, commerce-new, ..."""
import json
import time

from stack import wait_for

OLD, NEW = 'old', 'new'
OTHER = {OLD: NEW, NEW: OLD}
PATIENCE_S = 40
FROM_BEFORE = 'is newer than this program\'s'  # said by programs that refuse every schema but theirs
MAY_SAY = ('has taken away', 'was written by a later program')  # of a schema that contracts, of the log's files

PAGE = {'blocks': [{'id': 'hero', 'kind': 'hero', 'slot': 'mixed-hero', 'content': {'headline': 'Hello'},
                    'variants': {'customer': {'headline': 'Hello again'}}},
                   {'id': 'offers', 'kind': 'products', 'content': {}, 'products': ['prd_crash']}]}
HERO = {'slot': 'mixed-hero', 'name': 'Mixed', 'variants': [{'variant': 'customer',
                                                             'rule': {'>': [{'var': 'orders.count'}, 0]}}]}


class Pair:
    """The two versions, and what is asked of both. `programs`: {OLD: folder, NEW: folder}."""

    def __init__(self, report, stack, programs):
        self.report, self.stack, self.programs = report, stack, programs
        self.tracked = set()  # messageId of each call that analytics took
        self.page_version = 0
        self.refused = set()  # labels of those that did not start on what they found, as they may

    def publish(self, at):
        """A next version of the page, from that instance of content."""
        self.page_version += 1
        entry = {'kind': 'page', 'slug': 'mixed', 'title': f'Version {self.page_version}', 'document': PAGE}
        self.stack.must(at, 'PUT', '/v1/entries/ent_mixed', entry)
        self.stack.must(at, 'POST', '/v1/entries/ent_mixed/publish', {})

    def page(self, at):
        return self.stack.call(at, 'GET', '/v1/pages/mixed?customer_id=prf_crash-0')

    def check_page(self, at):
        """What was published last comes, for this customer, with nothing by default: the other version's neighbours
        answer."""
        def whole():
            status, _, page = self.page(at)
            return status == 200 and page['defaults'] == [] and page['title'] == f'Version {self.page_version}'
        self.report.check(wait_for(whole, PATIENCE_S), f'{at}: the page without defaults: {self.page(at)}')
        pages = [self.page(at) for _ in range(10)]
        self.report.check(all(status == 200 and page['defaults'] == [] for status, _, page in pages),
                          f'{at}: ten times without defaults: {pages}')

    def track(self, at):
        """A word of a site through that gateway, told until it is taken."""
        message = f'mixed-{len(self.tracked)}-{at}'
        body = {'writeKey': self.stack.keys.write_key, 'userId': 'prf_crash-0', 'event': 'Mixed', 'messageId': message}
        status = wait_for(lambda: self.stack.call(at, 'POST', '/v1/track', body, scopes=None)[0] == 200, PATIENCE_S)
        if self.report.check(status, f'{at}: what a site tells is taken'):
            self.tracked.add(message)

    def check_tracked(self, at):
        def counted():
            return self.stack.must(at, 'GET', '/v1/reports/events?name=Mixed')['events']
        wait_for(lambda: counted() >= len(self.tracked), PATIENCE_S)
        self.report.equal(counted(), len(self.tracked), f'events that sites told, as {at} has them')

    def start_or_hear(self, label):
        """Starts it. False when it refuses what it finds, which a program may do where something was taken away; one from
        before that rule refuses whatever is newer."""
        service = self.stack[label]
        service.start(wait=False)
        wait_for(lambda: self.stack.is_ready(label) or not service.is_running(), PATIENCE_S, 0.02)
        if service.is_running():
            return True
        said = service.last_words(1).strip()
        if service.wait() == 1 and any(words in said for words in MAY_SAY):
            print(f'  {label} refuses, as it may: {said}', flush=True)
        elif service.wait() == 1 and FROM_BEFORE in said:
            self.report.skip(f'{label} does not start again: it is from before programs lived with what was added: {said}')
        else:
            self.report.check(False, f'{label} does not start: {service.last_words()}')
            return False
        service.process = None
        self.refused.add(label)
        return False

    def start_log(self, side):
        """That version's; where it does not take the files as they are, the new one goes on."""
        self.stack.add('broker', build=self.programs[side])
        if not self.start_or_hear('broker'):
            self.stack.add('broker', build=self.programs[NEW]).start()

    def subjects(self, at):
        return sorted(self.stack.call(at, 'GET', '/subjects', expect=200)[2])
