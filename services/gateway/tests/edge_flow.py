#!/usr/bin/env python3
"""What the gateway keeps of content beside pages, with the real content: slugs that moved, fallbacks of locales, also with
content gone; and a CDN in front that is told what has changed, also after it was away.

edge_flow.py BUILD_FOLDER
"""
import http.server
import json
import os
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from report import Report  # noqa: E402
from stack import Stack, free_ports, wait_for  # noqa: E402


class Cdn:
    """Takes purges and notes them."""

    def __init__(self, port):
        cdn = self
        self.told, self.tokens, self.refuses = [], set(), 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                refused = cdn.refuses > 0
                if refused:
                    cdn.refuses -= 1
                else:
                    assert body['surrogate_keys'] == self.headers['Surrogate-Key'].split()
                    cdn.tokens.add(self.headers['Authorization'])
                    cdn.told += body['surrogate_keys']
                self.send_response(500 if refused else 200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def heard(self, *keys):
        """All of these; then they are forgotten."""
        good = wait_for(lambda: set(keys) <= set(self.told), 20)
        self.told.clear()
        return good


class Edge:
    def __init__(self, stack, report, cdn):
        self.stack, self.report, self.cdn = stack, report, cdn

    def publish(self, entry, slug, text, **more):
        self.stack.must('content', 'PUT', f'/v1/entries/{entry}', {
            'kind': 'page', 'slug': slug, 'document': {'blocks': [{'id': 'a', 'kind': 'text', 'content': {'text': text}}]},
            **more})
        self.stack.must('content', 'POST', f'/v1/entries/{entry}/publish', {})

    def page(self, slug, query=''):
        status, _, answer = self.stack.call('gateway', 'GET', f'/v1/pages/{slug}{query}')
        return answer if status == 200 else status

    def text(self, slug, query=''):
        answer = self.page(slug, query)
        return answer if isinstance(answer, int) else answer['blocks'][0]['content']['text']

    def shows(self, slug, text, query='', what=''):
        self.report.check(wait_for(lambda: self.text(slug, query) == text, 20), f'{what or slug}: {self.text(slug, query)}')

    def moved(self):
        self.publish('ent_offers', 'offers', 'Offers')
        self.shows('offers', 'Offers')
        self.publish('ent_offers', 'deals', 'Offers')
        self.shows('deals', 'Offers')
        answer = self.page('offers')
        self.report.equal((answer['slug'], answer['moved_from']), ('deals', 'offers'), 'an old slug leads to the new one')
        self.report.check('moved_from' not in self.page('deals'), 'the new one has not moved')
        self.publish('ent_other', 'offers', 'Other')
        self.shows('offers', 'Other', what='until something else is shown there')

    def locales(self):
        self.stack.must('content', 'PUT', '/v1/locales/gsw', {'fallbacks': ['de-CH']})
        self.publish('ent_none', 'terms', 'Terms')
        self.publish('ent_de', 'terms', 'Bedingungen', locale='de')
        self.publish('ent_hant', 'terms', '條款', locale='zh-Hant')
        self.shows('terms', 'Bedingungen', '?locale=de-AT')
        self.shows('terms', '條款', '?locale=zh-Hant-TW', 'each shorter form is asked')
        self.shows('terms', 'Terms', '?locale=fr')
        self.stack['gateway'].stop()
        self.stack['gateway'].start()  # it asks for them at its start
        self.shows('terms', 'Bedingungen', '?locale=gsw', 'a fallback that content has set, and its shorter forms')

    def alone(self):
        """With content gone, and started anew: all of it is on its own disk."""
        self.stack.stop('content')
        self.stack['gateway'].stop()
        self.stack['gateway'].start()
        self.report.equal(self.text('terms', '?locale=gsw'), 'Bedingungen', 'fallbacks without content')
        self.report.equal(self.text('deals'), 'Offers', 'pages without content')
        self.publish_later()

    def publish_later(self):
        self.stack['content'].start()
        self.publish('ent_deals', 'bargains', 'Bargains')
        self.publish('ent_deals', 'sale', 'Bargains')
        self.shows('bargains', 'Bargains')
        self.shows('sale', 'Bargains')
        self.stack.stop('content')
        self.report.equal(self.page('bargains')['moved_from'], 'bargains', 'an old slug without content')
        self.stack['content'].start()

    def purges(self):
        self.report.check(self.cdn.heard('entry:ent_offers', 'entry:ent_de'), 'the CDN was told of each entry')
        self.stack.must('commerce', 'PUT', '/v1/products/prd_a', {'name': 'Chair', 'price': {'amount': 1, 'currency': 'EUR'}})
        self.report.check(self.cdn.heard('product:prd_a', 'products'), 'and of products')
        self.cdn.refuses = 1
        self.stack.must('content', 'POST', '/v1/entries/ent_other/unpublish')
        self.report.check(self.cdn.heard('entry:ent_other'), 'what it refused it is told again')
        self.report.equal(self.cdn.tokens, {'Bearer secret'}, 'with its token')
        self.cdn.refuses = 1000
        self.publish('ent_late', 'late', 'Late')
        self.shows('late', 'Late')
        self.stack['gateway'].kill()
        self.cdn.refuses = 0
        self.stack['gateway'].start()
        self.report.check(self.cdn.heard('entry:ent_late'), 'a kill does not make it forget')


def main(build):
    report = Report()
    cdn = Cdn(free_ports(1)[0])
    with Stack(build) as stack:
        stack.add('gateway', purge_url=f'http://127.0.0.1:{cdn.server.server_port}/purge', purge_token='secret')
        stack.start('broker', 'content', 'commerce', 'gateway')
        edge = Edge(stack, report, cdn)
        report.run(edge.moved, edge.locales, edge.alone, edge.purges)
        for sentence in stack.stop():
            report.check(False, sentence)
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
