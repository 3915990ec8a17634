#!/usr/bin/env python3
"""`fanfare import` against a running stack: every kind from CSV and from JSON lines, bad lines with their reason, stopped in
the middle and gone on with, and a service that is away for a while: nothing is lost, nothing is there twice.

import_test.py BUILD_FOLDER
"""
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from report import Report
from stack import Fanfare, free_port_base, wait_for

DONE, FAILED, SOME_REJECTED = 0, 1, 3
MANY = 3000
PATIENCE_S = 30
NEEDED = 'broker,commerce,content,crm,analytics'


class Import:
    def __init__(self, report, folder, build):
        self.report, self.folder = report, folder
        self.build = build
        self.stack = Fanfare(os.path.join(folder, 'data'), free_port_base(), build)

    # ---- files and runs ----

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def lines(self, name, objects):
        return self.file(name, ''.join(json.dumps(one) + '\n' for one in objects))

    def run(self, kind, path, *options, wanted=DONE, says=None):
        """Imports; the lines that were rejected. Its exit status and what it says are as wanted."""
        done = self.stack.run('import', kind, path, *options)
        self.report.check(done.returncode == wanted, f'import {kind} {os.path.basename(path)}: status {done.returncode},'
                                                     f' wanted {wanted}: {done.stderr}')
        if says:
            self.report.check(says in done.stderr, f'import {kind}: says {says!r}: {done.stderr}')
        if wanted == FAILED:
            sentences = [line for line in done.stderr.splitlines() if line.startswith('fanfare: ')]
            self.report.equal(len(sentences), 1, f'one sentence: {done.stderr}')
        else:
            self.report.check(not os.path.exists(path + '.import-state'), 'nothing is left to go on with')
        return self.rejected(path)

    @staticmethod
    def rejected(path):
        if not os.path.exists(path + '.rejected'):
            return []
        with open(path + '.rejected', encoding='utf-8') as file:
            return [json.loads(line) for line in file]

    def is_there(self, service, path, **wanted):
        status, _, thing = self.stack.call(service, 'GET', path)
        got = {name: thing.get(name) for name in wanted} if status == 200 else thing
        self.report.equal(got, wanted, f'{path} at {service}')

    def revenue(self, currency):
        items = self.stack.must('commerce', 'GET', '/v1/revenue')['items']
        return next(((one['orders'], one['revenue']) for one in items if one['currency'] == currency), (0, 0))

    def counted(self, name):
        report = self.stack.must('analytics', 'GET', f'/v1/reports/events?name={name}&from=2020-01-01T00:00:00Z'
                                                     '&to=2030-01-01T00:00:00Z&interval=day')
        return report['events']

    def products_of(self, category):
        n, cursor = 0, ''
        while True:
            page = self.stack.must('commerce', 'GET', f'/v1/products?category={category}&limit=200{cursor}')
            n += len(page['items'])
            if 'next_cursor' not in page:
                return n
            cursor = f'&cursor={page["next_cursor"]}'

    # ---- the parts ----

    def start(self):
        self.stack.up('--only', NEEDED)

    def products(self):
        path = self.file('products.csv', '\ufeffproduct_id,name,category,price,price.currency,active\r\n'
                         'prd_c1,"Chair, ""red"" one",Seats,19.99,EUR,true\r\n'
                         'prd_c2,"two\nlines",Seats,5,JPY,false\r\n'
                         '\r\n'
                         'prd_c3,Stuhl grün\u00a0– 12" hoch,Seats,0.005,EUR,\r\n')
        self.report.equal(self.run('products', path), [], 'rejected of products.csv')
        self.is_there('commerce', '/v1/products/prd_c1', name='Chair, "red" one', category='Seats',
                      price={'amount': 1999, 'currency': 'EUR'}, active=True)
        self.is_there('commerce', '/v1/products/prd_c2', name='two\nlines', price={'amount': 5, 'currency': 'JPY'}, active=False)
        self.is_there('commerce', '/v1/products/prd_c3', name='Stuhl grün\u00a0– 12" hoch', price={'amount': 0, 'currency': 'EUR'})
        path = self.lines('products.jsonl', [{'product_id': 'prd_j1', 'name': 'Table', 'price': {'amount': 7, 'currency': 'EUR'}}])
        self.report.equal(self.run('products', path), [], 'rejected of products.jsonl')
        self.is_there('commerce', '/v1/products/prd_j1', name='Table', price={'amount': 7, 'currency': 'EUR'}, active=True)
        path = self.file('currency.csv', 'product_id,name,price\nprd_u1,Lamp,12.345\n')
        self.run('products', path, '--currency', 'USD')
        self.is_there('commerce', '/v1/products/prd_u1', price={'amount': 1234, 'currency': 'USD'})  # half to even

    def customers(self):
        path = self.file('customers.csv', 'profile_id,name,email,traits.segment,traits.city\n'
                         'prf_c1,Claire,claire@example.com,Consumer,"Henderson, KY"\nprf_c2,Sean,,Corporate,\n')
        self.report.equal(self.run('customers', path), [], 'rejected of customers.csv')
        self.is_there('crm', '/v1/profiles/prf_c1', name='Claire', email='claire@example.com',
                      traits={'segment': 'Consumer', 'city': 'Henderson, KY'})
        self.is_there('crm', '/v1/profiles/prf_c2', name='Sean', traits={'segment': 'Corporate'})
        consent = {'purpose': 'marketing', 'channel': 'email', 'source': 'import'}
        people = [{'profile_id': 'prf_j1', 'name': 'Ann', 'consents': [{**consent, 'state': 'granted'}]},
                  {'profile_id': 'prf_j2', 'name': 'Bob', 'consents': [{**consent, 'state': 'granted'},
                                                                       {**consent, 'channel': 'sms', 'state': 'refused'}]},
                  {'profile_id': 'prf_j3', 'consents': [{**consent, 'state': 'perhaps'}]}]
        path = self.lines('customers.jsonl', people)
        rejected = self.run('customers', path, wanted=SOME_REJECTED)
        self.report.equal([(one['line'], '/state' in one['reason']) for one in rejected], [(3, True)], f'{rejected}')
        before = self.consents('prf_j2')
        self.report.equal(sorted((one['channel'], one['state']) for one in before),
                          [('email', 'granted'), ('sms', 'refused')], 'consents of prf_j2')
        self.run('customers', path, wanted=SOME_REJECTED)
        self.report.equal(self.consents('prf_j2'), before, 'consents after the same file again')
        shown = self.stack.must('crm', 'GET', '/v1/profiles/prf_j2/timeline')['items']
        self.report.equal(len(shown), 2, f'what the timeline shows of them: {shown}')

    def mapped(self):
        """A list as another system writes it: its own names, semicolons, UTF-16; tried first, then imported, twice."""
        rows = ['Kundennummer;Vor- und Nachname;E-Mail;Newsletter;Seit;Notiz',
                '4711;"Grün; Ada";ada@example.com;ja;2021-05-01T10:00:00Z;x', '4712;Bo;;nein;;',
                '4713;Cy;cy@example.com;vielleicht;;', '4714;Di;no address;;;', 'a b;Ed;;;;']
        path = self.file('kunden.csv', '\r\n'.join(rows).encode('utf-16'))
        options = ('--map', 'Kundennummer=profile_id,Vor- und Nachname=name,E-Mail=email,Newsletter=consent.marketing.email,'
                   'Seit=consent.at', '--set', 'consent.source=Messe,consent.wording=News per Mail,locale=de')
        tried = self.stack.run('import', 'customers', path, *options, '--dry-run')
        self.report.equal((tried.returncode, tried.stdout), (SOME_REJECTED, '2 customers would be sent, with 2 words on consent; '
                                                             '3 cannot be used\n'), f'a dry run: {tried.stderr}')
        self.report.equal([line.split(':')[0] for line in tried.stderr.splitlines()], ['line 4', 'line 5', 'line 6'], 'its mistakes')
        self.report.equal(self.stack.call('crm', 'GET', '/v1/profiles/prf_4711')[0], 404, 'nothing was sent')
        bad = os.path.join(self.folder, 'bad.csv')
        self.run('customers', path, *options, '--rejects', bad, wanted=SOME_REJECTED)
        with open(bad, encoding='utf-8', newline='') as file:
            told = list(csv.DictReader(file, delimiter=';'))
        self.report.equal([(one['line'], one['Kundennummer']) for one in told], [('4', '4713'), ('5', '4714'), ('6', 'a b')],
                          f'the error file: {told}')
        self.report.check(all(one['reason'] for one in told), f'with reasons: {told}')
        self.is_there('crm', '/v1/profiles/prf_4711', name='Grün; Ada', email='ada@example.com', locale='de')
        os.unlink(bad)
        self.run('customers', path, *options, '--rejects', bad, wanted=SOME_REJECTED)
        history = self.stack.must('crm', 'GET', '/v1/profiles/prf_4711/consents/history')['items']
        self.report.equal([(one['state'], one['source'], one['wording'], one['at']) for one in history],
                          [('granted', 'Messe', 'News per Mail', '2021-05-01T10:00:00Z')], 'consent with its proof, once')
        self.report.equal([one['state'] for one in self.consents('prf_4712')], ['refused'], 'who said no')
        path = self.file('addresses.csv', 'email,consent.marketing.email\nEve@example.com,yes\n')
        self.report.equal([self.run('customers', path, '--id-from', 'email') for _ in range(2)], [[], []], 'a list of addresses')
        found = self.stack.must('crm', 'GET', '/v1/profiles?email=Eve@example.com')['items']
        self.report.equal(len(found), 1, 'one person')
        words = self.stack.must('crm', 'GET', f'/v1/profiles/{found[0]["profile_id"]}/consents/history')['items']
        self.report.equal([(one['state'], one['source']) for one in words], [('granted', 'import addresses.csv')], 'said once')

    def killed_customers(self):
        """Killed in the middle, gone on with: each person once, each word once."""
        path = self.file('many-people.csv', 'Nr;Name;News\n' + ''.join(f'm{i};Name {i};yes\n' for i in range(1500)))
        options = ('--map', 'Nr=profile_id,Name=name,News=consent.marketing.email')
        for stop in (200, 700):
            process = self.begin('customers', path, '--parallel', '8', *options)
            wait_for(lambda: self.stands_at(path) > stop or process.poll() is not None, PATIENCE_S, 0.002)
            process.kill()
            process.communicate()
        self.report.equal(self.run('customers', path, *options, says='going on after line'), [], 'rejected')
        for i in (0, 255, 256, 800, 1499):
            words = self.stack.must('crm', 'GET', f'/v1/profiles/prf_m{i}/consents/history')['items']
            self.report.equal(len(words), 1, f'words of prf_m{i}')

    def consents(self, profile):
        return self.stack.must('crm', 'GET', f'/v1/profiles/{profile}/consents')['items']

    def orders(self):
        before = self.revenue('EUR')
        path = self.file('orders.csv', 'order_id,customer_id,placed_at,lines.product_id,lines.quantity,lines.amount,'
                                       'lines.amount.currency\n'
                         'ord_c1,prf_c1,2024-05-01T10:00:00Z,prd_c1,2,39.98,EUR\n'
                         'ord_c1,prf_c1,2024-05-01T10:00:00Z,prd_j1,1,0.07,EUR\n'
                         'ord_c2,prf_c2,2024-05-02T10:00:00Z,prd_other,1,1.00,EUR\n')
        self.report.equal(self.run('orders', path), [], 'rejected of orders.csv')
        self.is_there('commerce', '/v1/orders/ord_c1', customer_id='prf_c1', placed_at='2024-05-01T10:00:00Z',
                      total={'amount': 4005, 'currency': 'EUR'}, channel='import')
        path = self.lines('orders.jsonl', [
            {'order_id': 'ord_j1', 'customer_id': 'prf_c1', 'placed_at': '2024-05-03T10:00:00Z',
             'lines': [{'product_id': 'prd_c1', 'quantity': 1, 'amount': {'amount': 1999, 'currency': 'EUR'}}]}])
        for _ in range(2):  # the same once more changes nothing
            self.report.equal(self.run('orders', path), [], 'rejected of orders.jsonl')
        self.report.equal(self.revenue('EUR'), (before[0] + 3, before[1] + 4005 + 100 + 1999), 'orders and revenue')

    def events(self):
        path = self.file('events.csv', 'type,userId,event,timestamp,properties.product_id,messageId\n'
                         'track,prf_c1,Seen In CSV,2024-05-01T10:00:00Z,prd_c1,m-1\n'
                         'track,prf_c2,Seen In CSV,2024-05-01T11:00:00Z,prd_c1,\n'
                         'track,,Seen In CSV,2024-05-01T11:00:00Z,prd_c1,m-3\n')
        told = [{'type': 'track', 'userId': f'prf_{i}', 'event': 'Seen In JSON', 'timestamp': '2024-05-01T10:00:00Z',
                 'properties': {'text': 'x' * 5000}} for i in range(300)]  # more than a batch may hold
        told[7]['event'] = ''
        told[200]['properties'] = {'text': 'x' * 40000}
        big = self.lines('events.jsonl', told)
        for _ in range(2):  # what has no id of its own is not doubled
            rejected = self.run('events', path, wanted=SOME_REJECTED)
            self.report.equal([one['line'] for one in rejected], [4], f'rejected of events.csv: {rejected}')
            rejected = self.run('events', big, wanted=SOME_REJECTED)
            self.report.equal([one['line'] for one in rejected], [8, 201], f'rejected of events.jsonl: {rejected}')
            self.report.check(all(one['reason'] for one in rejected), f'reasons: {[one["reason"] for one in rejected]}')
        wait_for(lambda: self.counted('Seen%20In%20JSON') >= 298, PATIENCE_S)
        time.sleep(1)  # for those that should not come
        self.report.equal(self.counted('Seen%20In%20JSON'), 298, 'events, as analytics counts them')
        self.report.equal(self.counted('Seen%20In%20CSV'), 2, 'events of the CSV')

    def bad_lines(self):
        path = self.file('bad.jsonl', b'{"product_id":"prd_b1","name":"Good","price":{"amount":1,"currency":"EUR"}}\n'
                         b'{"product_id":"prd_b2","name":7,"price":{"amount":1,"currency":"EUR"}}\n'
                         b'{"product_id":"nonsense","name":"x","price":{"amount":1,"currency":"EUR"}}\n'
                         b'{"product_id":"prd_b4","name":"x","price":{"amount":1,"currency":"EUR"},"surprise":1}\n'
                         b'this is no JSON\n'
                         b'{"name":"nobody"}\n'
                         b'{"product_id":"prd_b7","name":"\xff"}\n'
                         b'{"product_id":"prd_b8","name":"Good","price":{"amount":1,"currency":"EUR"}}')
        rejected = self.run('products', path, wanted=SOME_REJECTED, says='6 lines were rejected')
        self.report.equal([one['line'] for one in rejected], [2, 3, 4, 5, 6, 7], f'{rejected}')
        for one, word in zip(rejected, ('/name', 'product_id', '/surprise', '', 'product_id', '')):
            self.report.check(one['reason'] and word in one['reason'], f'line {one["line"]}: {one["reason"]}')
        self.report.equal(rejected[3]['text'], 'this is no JSON', 'the line as it stands')
        self.is_there('commerce', '/v1/products/prd_b8', name='Good')
        with open(path, 'rb') as file:
            repaired = file.read().replace(b'"name":7', b'"name":"x"').splitlines()[:2]
        self.report.equal(self.run('products', self.file('bad.jsonl', b'\n'.join(repaired))), [], 'rejected, once repaired')
        path = self.file('bad.csv', 'product_id,name,price,price.currency\nprd_d1,x,cheap,EUR\nprd_d2,x,1,EUR\nprd_d3,"x,1,EUR\n')
        rejected = self.run('products', path, wanted=SOME_REJECTED)
        self.report.equal([(one['line'], one['reason']) for one in rejected],
                          [(2, 'column price: "cheap" is not an amount'), (4, 'its quotes are not closed')], 'bad.csv')
        elsewhere = os.path.join(self.folder, 'elsewhere')
        self.run('products', path, '--rejects', elsewhere, wanted=SOME_REJECTED)
        self.report.check(os.path.getsize(elsewhere) > 0, 'the rejects go where they are wanted')

    def mistakes(self):
        good = self.file('good.csv', 'product_id,name\n')
        self.run('products', good)  # a header and nothing else
        for arguments, says in (
                (('chairs', good), 'products, customers, orders, events'),
                (('products',), 'products, customers, orders, events'),
                (('products', good, 'more'), 'one argument too many'),
                (('products', good, '--speed', '9'), 'there is no option --speed'),
                (('products', good, '--parallel', '0'), '--parallel is a number from 1 to 256'),
                (('products', os.path.join(self.folder, 'none.csv')), 'No such file'),
                (('products', self.file('x.txt', 'x')), 'neither .csv nor .jsonl'),
                (('products', self.file('empty.csv', '')), 'no header line'),
                (('products', self.file('typo.csv', 'product_id,nane\nprd_1,x\n')), 'the column "nane" is not in the contract'),
                (('products', self.file('twice.csv', 'product_id,name,name\n')), 'names "name" twice'),
                (('orders', good), 'there is no column order_id'),
                (('products', good, '--map', 'Nr=product_id'), 'no column "Nr", which --map names'),
                (('products', good, '--map', 'Nr'), 'is no pair'),
                (('products', good, '--set', 'shoe=44'), '"shoe", which --set names, is not in the contract'),
                (('products', good, '--id-from', 'email'), '--id-from is email, of customers'),
                (('products', good, '--delimiter', ';;'), '--delimiter is one character'),
                (('products', good, '--encoding', 'runes'), 'there is no encoding runes'),
                (('products', good, '--url', 'nonsense'), 'nonsense')):
            done = self.stack.run('import', *arguments)
            lines = done.stderr.splitlines()
            self.report.check(done.returncode == FAILED and len(lines) == 1 and lines[0].startswith('fanfare: ') and
                              says in lines[0], f'import {arguments}: {done.returncode}, {done.stderr}')

    def many(self, name, category):
        """A file that takes a while; every thousandth line is bad."""
        rows = [f'prd_{name}{i},"Product {i}",{category},{i}.25,EUR' if i % 1000 else f',"nobody {i}",x,1,EUR'
                for i in range(1, MANY + 1)]
        return self.file(f'{name}.csv', 'product_id,name,category,price,price.currency\n' + '\n'.join(rows))

    def begin(self, *arguments):
        return subprocess.Popen([self.stack.program, 'import', *arguments, '--data', self.stack.data],
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)

    @staticmethod
    def stands_at(path):
        try:
            with open(path + '.import-state', encoding='ascii') as file:
                return json.load(file)['lines']
        except (OSError, ValueError):
            return 0

    def killed(self):
        """Killed again and again in the middle, at any moment; gone on with."""
        path = self.many('k', 'Killed')
        stops = 0
        for stop in (300, 900, 1300, 2100, 2600):
            process = self.begin('products', path, '--parallel', '4')
            wait_for(lambda: self.stands_at(path) > stop or process.poll() is not None, PATIENCE_S, 0.002)
            if process.poll() is None:
                process.kill()
                stops += 1
            process.communicate()
        self.report.check(stops >= 3, f'it was stopped {stops} times')
        rejected = self.run('products', path, wanted=SOME_REJECTED, says='going on after line')
        self.report.equal([one['line'] for one in rejected], [1001, 2001, 3001], 'rejected lines, each once')
        self.report.equal(self.products_of('Killed'), MANY - 3, 'products')

    def killed_orders(self):
        """The same with orders of several lines, whose sum shows what is lost or doubled."""
        rows = [f'ord_k{i},prf_k{i % 50},2024-01-01T00:00:00Z,prd_k{j},1,{i}.01,GBP' for i in range(1000) for j in (1, 2)]
        path = self.file('orders-k.csv', 'order_id,customer_id,placed_at,lines.product_id,lines.quantity,lines.amount,'
                                         'lines.amount.currency\n' + '\n'.join(rows))
        process = self.begin('orders', path, '--parallel', '4')
        wait_for(lambda: self.stands_at(path) > 700 or process.poll() is not None, PATIENCE_S, 0.002)
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.report.equal(self.run('orders', path), [], 'rejected')
        self.report.equal(self.revenue('GBP'), (1000, sum(2 * (100 * i + 1) for i in range(1000))), 'orders and revenue')

    def another_file(self):
        """What it stood at in another file means nothing in this one."""
        path = self.many('o', 'Other')
        process = self.begin('products', path, '--parallel', '1')
        wait_for(lambda: self.stands_at(path) > 0, PATIENCE_S, 0.002)
        process.kill()
        process.communicate()
        with open(path, 'a', encoding='utf-8') as file:
            file.write('\nprd_o-more,More,Other,1,EUR\n')
        self.run('products', path, wanted=FAILED, says='--restart begins anew')
        self.run('products', path, '--restart', wanted=SOME_REJECTED)
        self.report.equal(self.products_of('Other'), MANY - 3 + 1, 'products')

    def away(self):
        """The service is stopped in the middle, and killed: the import waits and goes on."""
        path = self.many('a', 'Away')
        process = self.begin('products', path, '--parallel', '4')
        wait_for(lambda: self.stands_at(path) > 300, PATIENCE_S, 0.002)
        self.stack.fanfare('stop', 'commerce')
        stood = self.stands_at(path)
        time.sleep(2)
        self.report.check(process.poll() is None and self.stands_at(path) == stood, f'it waits at line {stood}')
        self.stack.fanfare('start', 'commerce')
        wait_for(lambda: self.stands_at(path) > stood + 600, PATIENCE_S, 0.002)
        self.report.check(process.poll() is None, 'it still runs when commerce is killed')
        os.kill(self.stack.pid('commerce'), signal.SIGKILL)
        said = process.communicate(timeout=60)[1]
        self.report.equal(process.returncode, SOME_REJECTED, f'its status: {said}')
        wait_for(lambda: self.stack.is_ready('commerce'), PATIENCE_S)
        self.report.equal([one['line'] for one in self.rejected(path)], [1001, 2001, 3001], 'rejected lines')
        self.report.equal(self.products_of('Away'), MANY - 3, 'products')

    def exported(self, path):
        done = self.stack.run('export', 'content', path)
        self.report.check(done.returncode == DONE, f'export: {done.stderr}')
        with open(path, encoding='utf-8') as file:
            return [json.loads(line) for line in file]

    def content(self):
        """Out of one stack's content and in again: the same entries, what is shown included; bad ones with their reason."""
        def entry(i, **more):
            return {'entry_id': f'ent_{i}', 'kind': 'snippet', 'slug': f's{i}', 'document': {'text': 'x' * 5000, 'i': i}, **more}
        lines = [entry(i, **({'publish': True} if i % 3 == 0 else {})) for i in range(500)]
        lines[7] = {**entry(7), 'slug': 'B A D'}
        lines[9] = entry(9, publish=True, document={'a': {'$entry': 'ent_missing'}})
        lines[10] = entry(10, publish=True, document={'a': {'$entry': 'ent_498'}})  # far behind it
        lines[498] = entry(498, publish=True)
        lines[11] = entry(11, published={'slug': 'was', 'document': {'old': True}})
        path = self.lines('content.jsonl', lines)
        rejected = self.run('content', path, wanted=SOME_REJECTED)
        self.report.equal([(one['line'], one['reason'].split(':')[0]) for one in rejected],
                          [(8, '/slug'), (10, 'taken, and not shown')], f'{rejected}')
        self.is_there('content', '/v1/entries/ent_10/published', slug='s10')
        self.is_there('content', '/v1/entries/ent_11/published', slug='was', document={'old': True})
        self.is_there('content', '/v1/entries/ent_11', slug='s11', state='changed')
        self.report.equal(self.stack.call('content', 'GET', '/v1/entries/ent_1/published')[0], 404, 'a draft is not shown')
        out = os.path.join(self.folder, 'out.jsonl')
        before = self.exported(out)
        self.report.equal(len(before), 499, 'entries in the export')
        self.report.equal(self.run('content', out), [], 'rejected of what was exported')
        self.report.check(self.exported(out) == before, 'an import of what was exported changes nothing')
        self.report.equal(self.stack.call('content', 'GET', '/v1/entries/ent_0')[2]['version'], 1, 'versions of ent_0')
        done = self.stack.run('export', 'pictures', out)
        self.report.check(done.returncode == FAILED and 'what is exported is content' in done.stderr, f'{done.stderr}')

    def content_whole(self):
        """A whole site into an empty stack: types, fallbacks, media with their bytes, where pages were before."""
        media = [b'%PDF-1.4\n' + bytes([65 + i]) * size + b'\n%%EOF\n' for i, size in enumerate((10, 9 * 1024 * 1024))]
        ids = [self.uploaded(one) for one in media]
        self.stack.must('content', 'PUT', '/v1/types/offer', {'schema': {'required': ['price']}, 'description': 'Cheap'})
        self.stack.must('content', 'PUT', '/v1/locales/de-AT', {'fallbacks': ['de-CH', 'en']})
        tea = {'entry_id': 'ent_tea', 'kind': 'item', 'type': 'offer', 'locale': 'en', 'publish': True}
        for slug in ('old-tea', 'tea'):
            path = self.lines('tea.jsonl', [{**tea, 'slug': slug, 'document': {
                'price': 5, 'files': [{'$media': one} for one in ids], 'see': {'$entry': 'ent_10'}}}])
            self.report.equal(self.run('content', path), [], f'rejected of {slug}')
        out = os.path.join(self.folder, 'site.jsonl')
        lines = self.exported(out)
        files = sorted(os.listdir(out + '.media'))
        self.report.equal(files, sorted(ids), 'files beside the export')
        for one, bytes_of in zip(ids, media):
            with open(os.path.join(out + '.media', one), 'rb') as file:
                self.report.check(file.read() == bytes_of, f'bytes of {one}')
        os.truncate(os.path.join(out + '.media', ids[1]), 100)  # as when the export before was cut short
        self.report.check(self.exported(out) == lines, 'the same again')
        self.report.equal(self.run('content', out, '--dry-run'), [], 'rejected of a dry run')
        self.report.equal(self.run('content', out), [], 'rejected where all is there already')
        other = Fanfare(os.path.join(self.folder, 'other'), free_port_base(), self.build)
        other.up('--only', 'broker,content')
        try:
            self.into_another(other, out, lines, ids)
        finally:
            other.down()

    def uploaded(self, data):
        status, _, medium = self.stack.call('content', 'POST', '/v1/media?name=terms.pdf', data, headers={'Content-Type': 'application/pdf'})
        self.report.equal(status, 200, 'an upload')
        return medium['media_id']

    def into_another(self, other, out, lines, ids):
        moved = os.path.join(out + '.media', ids[0])
        os.rename(moved, moved + '.away')
        done = other.run('import', 'content', out)
        self.report.equal(done.returncode, SOME_REJECTED, f'status without a file: {done.stderr}')
        reasons = [one['reason'] for one in self.rejected(out)]
        self.report.check(len(reasons) == 2 and 'No such file' in reasons[0] and ids[0] in reasons[1], f'{reasons}')
        os.rename(moved + '.away', moved)
        done = other.run('import', 'content', out)
        self.report.equal(done.returncode, DONE, f'status: {done.stderr}')
        copy = os.path.join(self.folder, 'copy.jsonl')
        done = other.run('export', 'content', copy)
        with open(out, encoding='utf-8') as a, open(copy, encoding='utf-8') as b:
            self.report.check(a.read() == b.read(), 'the copy is the same to the byte')
        for path in ('/v1/published/tea?type=offer&kind=item&locale=de-AT', '/v1/published/old-tea?type=offer&kind=item&locale=de-AT'):
            here, there = self.stack.must('content', 'GET', path), other.must('content', 'GET', path)
            for volatile in ('published_at', 'version'):
                here.pop(volatile), there.pop(volatile)
            self.report.equal(there, here, path)
        for one in ids:
            here, there = (stack.must('content', 'GET', f'/v1/media/{one}/info') for stack in (self.stack, other))
            self.report.equal((there['bytes'], there['name'], there['type']), (here['bytes'], here['name'], here['type']), one)

    def no_stack(self):
        self.stack.down()
        self.run('products', self.file('late.csv', 'product_id,name\nprd_1,x\n'), wanted=FAILED, says='no stack runs')


def main(build):
    report = Report()
    folder = tempfile.mkdtemp(prefix='fanfare-import-')
    test = Import(report, folder, build)
    try:
        report.run(test.start, test.products, test.customers, test.mapped, test.killed_customers, test.orders, test.events, test.bad_lines, test.mistakes,
                   test.killed, test.killed_orders, test.another_file, test.away, test.content, test.content_whole, test.no_stack)
    finally:
        test.stack.run('down')
        shutil.rmtree(folder, ignore_errors=True)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
