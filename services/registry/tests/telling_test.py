#!/usr/bin/env python3
"""Services tell the registry of themselves: whenever it comes, as often as it forgets, and they run without it.

telling_test.py BUILD_FOLDER
"""
import json
import os
import shutil
import sqlite3
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from report import Report  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

PATIENCE_S = 90  # a service asks each minute
PLACED = 'fanfare.commerce.order.placed.v1'
AWAY_AFTER_S = 7.5  # when the fourth attempt has failed: 0, 1, 3, 7 s


class Telling:
    def __init__(self, report, stack):
        self.report, self.stack = report, stack

    def catalog(self):
        return self.stack.must('registry', 'GET', '/v1/catalog')

    def known(self, *names):
        def all_run():
            services = {one['service']: one for one in self.catalog()['services']}
            return all(any(i['running'] for i in services.get(name, {'instances': []})['instances']) for name in names)
        return wait_for(all_run, PATIENCE_S, 0.2)

    def events_of_log(self, service):
        with open(self.stack[service].log, encoding='utf-8') as log:
            return [json.loads(line) for line in log if line.startswith('{')]

    def words(self, service, event):
        return [line for line in self.events_of_log(service) if line['event'] == event]

    def before_the_registry(self):
        """It is not there yet: nothing is slower, one word is said, and it is told once it comes."""
        self.stack.start('broker')
        begun = time.monotonic()
        self.stack.start('commerce', 'loyalty')
        self.report.check(time.monotonic() - begun < 10, 'both start without the registry')
        self.stack.must('commerce', 'PUT', '/v1/products/prd_1', {'name': 'Chair', 'price': {'amount': 1, 'currency': 'USD'}})
        self.report.check(wait_for(lambda: self.words('commerce', 'registry_away'), AWAY_AFTER_S * 3), 'that it is away is said')
        self.stack.start('registry')
        self.report.check(self.known('commerce', 'loyalty', 'registry'), 'all three are known')
        self.report.equal(len(self.words('commerce', 'registry_away')), 1, 'words about it')
        self.report.check(wait_for(lambda: self.words('commerce', 'registry_back'), 5), 'that it is back is said')

    def what_is_told(self):
        catalog = self.catalog()
        event = next(one for one in catalog['events'] if one['type'] == PLACED)
        self.report.equal((event['owner'], event['topic'], len(event['versions'])), ('commerce', 'fanfare.commerce.order', 1), PLACED)
        reader = next(one for one in event['readers'] if one['service'] == 'loyalty')
        self.report.check({'order_id', 'customer_id', 'total'} <= set(reader['members']), f'what loyalty reads: {reader}')
        self.report.check(event['example'] and event['running'], f'example and running versions: {event}')
        instance = next(one for one in catalog['services'] if one['service'] == 'commerce')['instances'][0]
        self.report.check(instance['instance'].endswith(f'-{self.stack.port("commerce")}'), f'its name: {instance}')
        contract = self.stack.must('registry', 'GET', f'/v1/services/commerce/contracts/{instance["contract"]}')
        self.report.check('/v1/orders' in contract['openapi']['paths'], 'its HTTP contract')
        schema = self.stack.must('registry', 'GET', f'/subjects/{PLACED}/versions/1')
        self.report.equal(json.loads(schema['schema']),
                          next(one['schema'] for one in contract['publishes'] if one['type'] == PLACED), 'the schema')

    def instances(self):
        return next(one for one in self.catalog()['services'] if one['service'] == 'commerce')['instances']

    def started_again(self):
        """The same place, no new version, one instance."""
        before = self.instances()[0]['started_at']
        self.stack['commerce'].stop()
        self.stack['commerce'].start()
        self.report.check(wait_for(lambda: self.instances()[0]['started_at'] > before, 20), 'it has its old place')
        self.report.equal(len(self.instances()), 1, 'instances')
        self.report.equal(len(next(one for one in self.catalog()['events'] if one['type'] == PLACED)['versions']), 1, 'versions')

    def forgotten(self):
        """The registry loses everything: each service that speaks next tells all of it again."""
        self.stack['registry'].stop()
        shutil.rmtree(os.path.join(self.stack.folder, 'registry'))
        self.stack['registry'].start()
        self.stack['loyalty'].stop()
        self.stack['loyalty'].start()
        self.report.check(self.known('loyalty', 'commerce'), 'both are known again')

    def refused(self):
        """Somebody has registered what its schema would break: it runs on, and says so."""
        narrow = {'type': 'object', 'additionalProperties': False, 'properties': {'order_id': {'type': 'integer'}}}
        for target in (f'/subjects/{PLACED}', f'/subjects/{PLACED}?permanent=true'):
            self.stack.must('registry', 'DELETE', target)
        self.stack.must('registry', 'POST', f'/subjects/{PLACED}/versions', {'schemaType': 'JSON', 'schema': json.dumps(narrow)})
        self.stack['registry'].stop()
        self.forget_contracts()
        self.stack['registry'].start()
        self.stack['commerce'].stop()
        self.stack['commerce'].start()
        word = wait_for(lambda: self.words('commerce', 'schema_refused'), 20)
        self.report.check(word and word[0]['type'] == PLACED, f'it says so: {word}')
        shown = wait_for(lambda: [one for one in self.catalog()['events'] if one['type'] == PLACED and one.get('refused')], 20)
        self.report.check(shown, 'the catalog shows it')
        self.report.check(self.stack.is_ready('commerce'), 'it runs all the same')

    def forget_contracts(self):
        path = os.path.join(self.stack.folder, 'registry', 'registry.db')
        with sqlite3.connect(path) as database:
            database.execute('DELETE FROM instances')
            database.execute('DELETE FROM contracts')
        database.close()

    def for_another(self):
        """A service's own token does not let it speak for another."""
        body = {'version': '1', 'contract': '0' * 64, 'started_at': '2026-01-01T00:00:00Z'}
        token = self.stack.keys.token('services:write', sub='svc:crm')
        for service, wanted in (('commerce', 403), ('crm', 404)):
            status, _, answer = self.stack.call('registry', 'PUT', f'/v1/services/{service}/instances/x', body,
                                                scopes=None, headers={'Authorization': f'Bearer {token}'})
            self.report.equal(status, wanted, f'crm speaks for {service}: {answer}')


def main(build):
    report = Report()
    with Stack(build) as stack:
        telling = Telling(report, stack)
        report.run(telling.before_the_registry, telling.what_is_told, telling.started_again, telling.forgotten,
                   telling.refused, telling.for_another)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
