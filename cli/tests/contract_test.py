#!/usr/bin/env python3
"""`fanfare contract check` and `docs` on source trees and git repositories made for it.

contract_test.py PROGRAM
"""
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from report import Report, skip  # noqa: E402

LEVEL = 'fanfare.stock.level.changed.v1'
COMMON = """components:
  schemas:
    Money:
      type: object
      required: [amount, currency]
      properties: { amount: { type: integer }, currency: { type: string } }
"""
OPENAPI = """openapi: 3.1.0
info: { title: Stock, version: 1.0.0, description: What is <there> & how many. }
servers: [{ url: 'http://127.0.0.1:8199' }]
paths:
  /v1/levels/{product_id}:
    get:
      operationId: get_level
      summary: How many there are
      security: [{ token: ['stock:read'] }]
      parameters:
        - { name: product_id, in: path, required: true, schema: { type: string, maxLength: 80 }, example: prd_1 }
      responses:
        '200':
          description: The level.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/Level' }
              example: { product_id: prd_1, count: 3 }
        '404': { description: No such product. }
    put:
      operationId: put_level
      summary: Set how many there are
      security: [{ token: ['stock:write'] }]
      parameters:
        - { name: product_id, in: path, required: true, schema: { type: string } }
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: '#/components/schemas/Level' }, example: { product_id: prd_1, count: 3 } } }
      responses:
        '204': { description: Set. }
components:
  schemas:
    Level:
      type: object
      required: [product_id, count]
      properties:
        product_id: { type: string }
        count: { type: integer, minimum: 0 }
        price: { $ref: '../../contracts/common.yaml#/components/schemas/Money' }
"""
EVENT = {
    'title': 'Level changed',
    'x-event': {'type': LEVEL, 'topic': 'fanfare.stock.level', 'subject': 'product_id', 'erasable': False,
                'keeping': 'forever', 'partitions': 6},
    'type': 'object',
    'required': ['product_id', 'level'],
    'properties': {'product_id': {'type': 'string'}, 'level': {'type': 'integer'}, 'shelf': {'type': 'string'},
                   'value': {'$ref': '../../../contracts/common.yaml#/components/schemas/Money'}},
    'examples': [{'product_id': 'prd_1', 'level': 3}],
}
SHOP = """static const struct reaction reactions[] = {
    ON(STOCK_LEVEL_CHANGED_V1, on_level_changed, READS("product_id",
                                                       "level")),
};
"""
WINDOW = 'static const struct reaction reactions[] = { ON(STOCK_LEVEL_CHANGED_V1, on_level, READS("product_id", "shelf")) };\n'
CALLER = 'struct call call = { .path = stock_get_level_target(ctx->arena, &in) };\n'


class Tree:
    """A source tree with one service that publishes, two that read and one of them that calls."""

    def __init__(self, folder):
        self.folder = folder
        self.write('contracts/common.yaml', COMMON)
        self.write('services/stock/openapi.yaml', OPENAPI)
        self.event(EVENT)
        self.write('services/shop/service.c', SHOP)
        self.write('services/shop/api.c', CALLER)
        self.write('services/window/service.c', WINDOW)

    def write(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)

    def event(self, schema, name='level_changed.v1'):
        self.write(f'services/stock/events/{name}.json', json.dumps(schema))

    def change(self, path, old, new):
        with open(os.path.join(self.folder, path), encoding='utf-8') as file:
            text = file.read()
        assert old in text, (path, old)
        self.write(path, text.replace(old, new))

    def remove(self, path):
        path = os.path.join(self.folder, path)
        (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)

    def git(self, *arguments):
        subprocess.run(['git', '-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'init.defaultBranch=main',
                        '-C', self.folder, *arguments], check=True, capture_output=True)

    def commit(self):
        if not os.path.isdir(os.path.join(self.folder, '.git')):
            self.git('init')
        self.git('add', '-A')
        self.git('commit', '-m', 'as it is', '--allow-empty')


def without(schema, member):
    """The event without this member."""
    copy = json.loads(json.dumps(schema))
    del copy['properties'][member]
    copy['required'] = [name for name in copy['required'] if name != member]
    return copy


class Test:
    def __init__(self, program, folder, report):
        self.program, self.folder, self.report, self.n = os.path.abspath(program), folder, report, 0

    def tree(self):
        self.n += 1
        tree = Tree(os.path.join(self.folder, str(self.n)))
        tree.commit()
        return tree

    def run(self, tree, *arguments):
        return subprocess.run([self.program, 'contract', *arguments], cwd=tree.folder, text=True, capture_output=True,
                              check=False, stdin=subprocess.DEVNULL)

    def check(self, tree, against='HEAD', status=1, more=()):
        """Findings of check --json, {(rule, event or operation): finding}; the exit status is what it should be."""
        done = self.run(tree, 'check', '--against', against, '--json', *more)
        self.report.equal(done.returncode, status, f'exit status: {done.stdout[:2000]}{done.stderr}')
        findings = json.loads(done.stdout)['findings'] if done.stdout else []
        return {(one['rule'], one.get('event') or one.get('operation')): one for one in findings}

    # ---- what is found ----

    def nothing(self):
        tree = self.tree()
        self.report.equal(self.check(tree, status=0), {}, 'findings')
        told = self.run(tree, 'check', '--against', 'HEAD').stdout
        self.report.equal(told, 'contracts against HEAD: 0 breaking, 0 warnings\n', 'what is said')

    def a_member_that_is_read(self):
        """Renamed in the schema and in the reaction that reads it, as the compiler makes one do: the reader that runs is named."""
        tree = self.tree()
        renamed = without(EVENT, 'level')
        renamed['properties']['count'] = {'type': 'integer'}
        renamed['required'].append('count')
        tree.event(renamed)
        tree.change('services/shop/service.c', '"level"', '"count"')
        found = self.check(tree)
        gone = found.get(('member-gone', LEVEL), {})
        self.report.equal((gone.get('severity'), gone.get('breaks'), gone.get('member')), ('breaking', ['shop'], 'level'), 'gone')
        self.report.equal((gone.get('file'), gone.get('pointer')),
                          ('services/stock/events/level_changed.v1.json', '/properties/level'), 'where')
        self.report.check(('member-unknown', LEVEL) in found and ('required', LEVEL) in found, f'old events: {sorted(found)}')
        told = self.run(tree, 'check', '--against', 'HEAD').stdout
        self.report.check(re.search(r'^breaking +stock: ' + re.escape(LEVEL) + r', level$', told, re.M), told)
        self.report.check(re.search(r'^ +read by shop$', told, re.M), f'the reader is named: {told}')

    def a_member_that_another_reads(self):
        tree = self.tree()
        tree.event(without(EVENT, 'shelf'))
        self.report.equal(self.check(tree)['member-gone', LEVEL]['breaks'], ['window'], 'whom it breaks')

    def a_member_that_nobody_reads(self):
        tree = self.tree()
        tree.event(without(EVENT, 'value'))
        self.report.equal(self.check(tree)['member-gone', LEVEL]['breaks'], [], 'whom it breaks')
        self.report.check('no service here reads that' in self.run(tree, 'check', '--against', 'HEAD').stdout, 'and it says so')

    def an_event(self):
        tree = self.tree()
        tree.remove('services/stock/events')
        found = self.check(tree)['event-removed', LEVEL]
        self.report.equal(sorted(found['breaks']), ['shop', 'window'], 'all its readers')

    def additions(self):
        tree = self.tree()
        more = json.loads(json.dumps(EVENT))
        more['properties']['note'] = {'type': 'string'}
        tree.event(more)
        found = self.check(tree, status=0)
        self.report.equal({one['severity'] for one in found.values()}, {'fine'}, 'severities')
        told = self.run(tree, 'check', '--against', 'HEAD', '--all').stdout
        self.report.check(f'fine      stock: {LEVEL}, note' in told, told)

    def operations(self):
        tree = self.tree()
        tree.change('services/stock/openapi.yaml', '    get:\n      operationId: get_level', '    head:\n      operationId: get_level')
        tree.change('services/stock/openapi.yaml', "['stock:write']", "['stock:admin']")
        found = self.check(tree)
        gone = found.get(('operation-removed', 'get_level'), {})
        self.report.equal((gone.get('breaks'), gone.get('place')), (['shop'], 'get_level'), 'who calls what is gone')
        self.report.equal(found['scope-changed', 'put_level']['breaks'], [], 'who calls what wants another scope')

    def what_is_shared(self):
        """A schema of another file that all use: told once, with the places."""
        tree = self.tree()
        tree.change('contracts/common.yaml', 'amount: { type: integer }', 'amount: { type: string }')
        found = self.check(tree)
        self.report.check({('type-changed', LEVEL), ('type-changed', 'get_level'), ('type-changed', 'put_level')} <= set(found), f'{sorted(found)}')
        told = self.run(tree, 'check', '--against', 'HEAD').stdout
        self.report.check('contracts/common.yaml#/components/schemas/Money/properties/amount/type' in told, told)

    def a_personal_member(self):
        tree = self.tree()
        more = json.loads(json.dumps(EVENT))
        more['properties']['email'] = {'type': 'string', 'x-personal': True}
        tree.event(more)
        found = self.check(tree)
        self.report.equal(found['personal-not-erasable', LEVEL]['member'], 'email', 'what is personal')

    def a_service(self):
        tree = self.tree()
        tree.remove('services/stock')
        found = self.check(tree)
        self.report.check({('operation-removed', 'get_level'), ('operation-removed', 'put_level'), ('event-removed', LEVEL)} <= set(found),
                          f'{sorted(found)}')

    # ---- against what ----

    def revisions(self):
        tree = self.tree()
        tree.event(without(EVENT, 'level'))
        tree.commit()
        tree.commit()
        self.check(tree, 'HEAD~2')
        self.check(tree, 'HEAD~1', status=0)

    def a_folder(self):
        tree, other = self.tree(), self.tree()
        tree.event(without(EVENT, 'level'))
        self.check(tree, other.folder)
        self.check(other, '.', status=0)

    def below(self):
        """From inside the tree, and of another than this."""
        tree = self.tree()
        tree.event(without(EVENT, 'level'))
        done = subprocess.run([self.program, 'contract', 'check', '--against', 'HEAD'], text=True, capture_output=True,
                              cwd=os.path.join(tree.folder, 'services', 'shop'), check=False)
        self.report.equal(done.returncode, 1, f'inside: {done.stdout}{done.stderr}')
        done = subprocess.run([self.program, 'contract', 'check', '--against', 'HEAD', '--root', tree.folder], text=True,
                              capture_output=True, cwd='/', check=False)
        self.report.equal(done.returncode, 1, f'outside: {done.stdout}{done.stderr}')

    # ---- accepted ----

    def accepted(self):
        tree = self.tree()
        tree.event(without(EVENT, 'shelf'))
        entries = [f'- {{ service: stock, event: {LEVEL}, rule: {rule}, place: shelf, why: nothing is on shelves any more }}\n'
                   for rule in ('member-gone', 'member-unknown')]
        tree.write('contracts/accepted.yaml', ''.join(entries))
        found = self.check(tree, status=0)
        self.report.check(found['member-gone', LEVEL]['accepted'], 'the finding is told all the same')
        told = self.run(tree, 'check', '--against', 'HEAD').stdout
        self.report.check('0 breaking, 0 warnings, 2 accepted' in told and 'accepted  stock:' in told, told)
        tree.write('elsewhere.yaml', entries[0])
        self.check(tree, status=1, more=('--accept', 'elsewhere.yaml'))
        tree.event(EVENT)
        done = self.run(tree, 'check', '--against', 'HEAD')
        self.report.check('entry 1 accepts nothing' in done.stderr and done.returncode == 0, f'not needed any more: {done.stderr}')
        tree.write('contracts/accepted.yaml', '- { service: stock, rule: member-gone, place: shelf }\n')
        self.report.equal(self.run(tree, 'check', '--against', 'HEAD').returncode, 2, 'without a reason')

    # ---- what cannot be judged ----

    def refused(self):
        """(how, arguments, what the sentence holds): exit status 2."""
        def broken(path, text):
            tree = self.tree()
            tree.write(path, text)
            return tree
        lost = {**EVENT, 'properties': {**EVENT['properties'], 'x': {'$ref': '#/$defs/gone'}}}
        cases = [
            ('no --against', self.tree(), ('check',), '--against says'),
            ('no revision', self.tree(), ('check', '--against', 'nothing'), 'neither a folder nor a revision'),
            ('an option', self.tree(), ('check', '--against', '--output=x'), 'neither a folder nor a revision'),
            ('no command', self.tree(), (), 'check, can-deploy, docs or rules'),
            ('no such option', self.tree(), ('check', '--what'), 'no option --what'),
            ('bad YAML', broken('services/stock/openapi.yaml', 'a: [1'), ('check', '--against', 'HEAD'), 'services/stock/openapi.yaml'),
            ('bad JSON', broken('services/stock/events/level_changed.v1.json', '{'), ('check', '--against', 'HEAD'), 'level_changed.v1.json'),
            ('no type', broken('services/stock/events/level_changed.v1.json', '{}'), ('check', '--against', 'HEAD'), 'x-event has no type'),
            ('nowhere', broken('services/stock/events/level_changed.v1.json', json.dumps(lost)), ('check', '--against', 'HEAD'), 'leads nowhere'),
            ('no such list', self.tree(), ('check', '--against', 'HEAD', '--accept', 'none.yaml'), 'none.yaml cannot be read'),
            ('no out', self.tree(), ('docs',), '--out says'),
            ('no registry', self.tree(), ('check', '--against', 'http://127.0.0.1:1'), '127.0.0.1:1'),
            ('no service', self.tree(), ('can-deploy',), 'can-deploy what?'),
        ]
        for how, tree, arguments, sentence in cases:
            done = self.run(tree, *arguments)
            self.report.check(done.returncode == 2 and sentence in done.stderr, f'{how}: {done.returncode} {done.stdout}{done.stderr}')
        done = subprocess.run([self.program, 'contract', 'check', '--against', 'HEAD'], cwd='/', text=True, capture_output=True, check=False)
        self.report.check(done.returncode == 2 and '--root' in done.stderr, f'outside of any tree: {done.stderr}')

    def rules(self):
        done = self.run(self.tree(), 'rules')
        self.report.check(done.returncode == 0 and re.search(r'^\| `member-gone` \|  \|  \| breaking \|  \| breaking \|', done.stdout, re.M), done.stdout[:500])

    # ---- docs ----

    def docs(self):
        tree = self.tree()
        out = os.path.join(tree.folder, 'reference')
        done = self.run(tree, 'docs', '--out', out)
        self.report.equal((done.returncode, sorted(os.listdir(out))), (0, ['index.html', 'stock.html', 'style.css']), 'files')
        pages = {name: Page(os.path.join(out, name)) for name in ('index.html', 'stock.html')}
        for name, page in pages.items():
            lost = [link for link in page.links if not self.leads(link, name, pages, out)]
            self.report.equal(lost, [], f'{name}: links that lead nowhere')
        stock = pages['stock.html'].text
        for word in ('What is <there> & how many.', '/v1/levels/{product_id}', 'stock:read', 'called by shop', LEVEL, 'at most 80 characters',
                     'Level', 'Money', 'fanfare.stock.level', '"level": 3', 'No such product.'):
            self.report.check(word in stock, f'stock.html tells {word}')
        self.report.check('shop, window' in pages['index.html'].text, 'index.html tells the readers')

    @staticmethod
    def leads(link, name, pages, out):
        page, _, anchor = link.partition('#')
        page = page or name
        if not anchor:
            return os.path.exists(os.path.join(out, page))
        return page in pages and anchor in pages[page].anchors


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.text = [], set(), ''
        with open(path, encoding='utf-8') as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if 'href' in attrs:
            self.links.append(attrs['href'])
        if 'id' in attrs:
            self.anchors.add(attrs['id'])

    def handle_data(self, data):
        self.text += data


def main(program):
    if not shutil.which('git'):
        skip('there is no git')
    report = Report()
    with tempfile.TemporaryDirectory(prefix='fanfare-') as folder:
        test = Test(program, folder, report)
        report.run(test.nothing, test.a_member_that_is_read, test.a_member_that_another_reads, test.a_member_that_nobody_reads,
                   test.an_event, test.additions, test.operations, test.what_is_shared, test.a_personal_member, test.a_service,
                   test.revisions, test.a_folder, test.below, test.accepted, test.refused, test.rules, test.docs)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
