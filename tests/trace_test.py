#!/usr/bin/env python3
"""The traces of one page view and of one order, as a collector gets them from the whole stack: who called whom, and which
consumers were caused by it.

trace_test.py BUILD_FOLDER
"""
import http.server
import json
import os
import sys
import threading

from report import Report
from stack import Stack, wait_for

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5  # OTLP's kinds of spans
PATIENCE_S = 20
PAGE = {'blocks': [
    {'id': 'hero', 'kind': 'hero', 'slot': 'home-hero', 'content': {'headline': 'Welcome'}},
    {'id': 'offers', 'kind': 'products', 'content': {}, 'products': ['prd_traced']}]}


class Collector:
    """OTLP over HTTP, JSON."""

    def __init__(self):
        self.spans, self.lock = [], threading.Lock()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                collector.take(self.path, self.rfile.read(int(self.headers['Content-Length'])))
                self.send_response(200)
                self.send_header('Content-Length', '2')
                self.end_headers()
                self.wfile.write(b'{}')

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, body):
        if path != '/v1/traces':
            return
        for resource in json.loads(body)['resourceSpans']:
            about = attributes(resource['resource'])
            spans = [span for scope in resource['scopeSpans'] for span in scope['spans']]
            with self.lock:
                self.spans += [{**span, 'service': about['service.name'], 'about': attributes(span)} for span in spans]

    def find(self, service, kind, **wanted):
        """Spans of a service and kind whose members are as wanted (underscores for dots in attributes)."""
        with self.lock:
            return [span for span in self.spans if span['service'] == service and span['kind'] == kind and
                    all(span.get(key, span['about'].get(key.replace('_', '.'))) == value for key, value in wanted.items())]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def attributes(thing):
    return {one['key']: one['value'].get('stringValue') or one['value'].get('intValue') for one in thing['attributes']}


def links(span):
    return [(link['traceId'], link['spanId']) for link in span.get('links', [])]


class Traces:
    def __init__(self, report, stack, collector):
        self.report, self.stack, self.collector = report, stack, collector

    def one(self, what, service, kind, **wanted):
        """The span of which there is to be one; None when there is none."""
        found = wait_for(lambda: self.collector.find(service, kind, **wanted), PATIENCE_S)
        self.report.check(len(found) == 1, f'{what}: one span, not {[span["name"] for span in found]}')
        return found[0] if found else None

    def edge(self, what, parent, child):
        good = parent and child and child['traceId'] == parent['traceId'] and child.get('parentSpanId') == parent['spanId']
        self.report.check(good, f'{what}: {child} is not below {parent}')

    def linked(self, consumer, topic, producer):
        """A consumer's span is a trace of its own, which names what caused it."""
        cause = (producer['traceId'], producer['spanId'])
        found = wait_for(lambda: [span for span in self.collector.find(consumer, CONSUMER, name=f'process {topic}')
                                  if cause in links(span)], PATIENCE_S)
        self.report.check(len(found) == 1, f'{consumer} has one consumer span with a link to {cause}, not {found}')
        self.report.check(all(span['traceId'] != cause[0] for span in found), f'{consumer}: a trace of its own')

    def page_view(self):
        outside = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
        self.stack.call('gateway', 'GET', '/v1/pages/home?visitor_id=vis_traced', expect=200,
                        headers={'traceparent': outside})
        page = self.one('the page', 'gateway', SERVER, name='GET /v1/pages/{slug}')
        if not page:
            return
        self.report.check('parentSpanId' not in page and page['traceId'] != outside[3:35],
                          f'what comes from outside is not continued: {page}')
        self.report.check((outside[3:35], outside[36:52]) in links(page), f'it is linked: {page}')
        for neighbour, name in (('personalization', 'POST /v1/decisions'), ('commerce', 'POST /v1/quotes')):
            asked = self.one(f'{neighbour}, asked', neighbour, SERVER, name=name, traceId=page['traceId'])
            asking = self.one(f'{neighbour}, being asked', 'gateway', CLIENT, spanId=(asked or {}).get('parentSpanId'))
            self.edge(f'the gateway asks {neighbour}', page, asking)
            self.edge(f'{neighbour} is asked', asking, asked)
        view = self.one('page viewed', 'gateway', PRODUCER, traceId=page['traceId'])
        if view:
            self.edge('page viewed', page, view)
            self.linked('analytics', 'fanfare.gateway.page', view)
            self.linked('personalization', 'fanfare.gateway.page', view)

    def order(self):
        self.stack.call('commerce', 'POST', '/v1/orders', expect=201,
                        body={'customer_id': 'prf_traced', 'lines': [{'product_id': 'prd_traced', 'quantity': 1}]})
        order = self.one('the order', 'commerce', SERVER, name='POST /v1/orders')
        if not order:
            return
        placed = self.one('order placed', 'commerce', PRODUCER, traceId=order['traceId'])
        if placed:
            self.edge('order placed', order, placed)
            for consumer in ('loyalty', 'crm', 'analytics', 'personalization', 'search'):
                self.linked(consumer, 'fanfare.commerce.order', placed)
        earned = wait_for(lambda: self.collector.find('loyalty', PRODUCER), PATIENCE_S)
        processing = self.collector.find('loyalty', CONSUMER, name='process fanfare.commerce.order')
        self.report.check(earned and earned[0].get('parentSpanId') in [span['spanId'] for span in processing],
                          f'what loyalty tells is below its reaction: {earned}')

    def refusal(self):
        """A problem names the trace to look for."""
        status, _, problem = self.stack.call('commerce', 'GET', '/v1/orders/ord_none')
        self.report.equal(status, 404, 'an order that nobody knows')
        spans = wait_for(lambda: self.collector.find('commerce', SERVER, traceId=problem['trace_id']), PATIENCE_S)
        self.report.equal(len(spans), 1, 'the span whose trace id the problem names')


def main(build):
    report, collector = Report(), Collector()
    with Stack(build) as stack:
        try:
            stack.start('broker')
            stack.start('content', 'personalization', 'commerce', 'loyalty', 'crm', 'analytics', 'search', 'gateway',
                        otlp_url=collector.url, trace_sample_per_mille=1000)
            stack.must('commerce', 'PUT', '/v1/products/prd_traced',
                       {'name': 'Chair', 'price': {'amount': 1000, 'currency': 'USD'}})
            stack.must('content', 'PUT', '/v1/entries/ent_home',
                       {'kind': 'page', 'slug': 'home', 'title': 'Home', 'document': PAGE})
            stack.must('content', 'POST', '/v1/entries/ent_home/publish', {})
            traces = Traces(report, stack, collector)
            report.run(traces.page_view, traces.order, traces.refusal)
            report.equal(stack.stop(), [], 'those that did not end well')
        finally:
            collector.close()
    return report.end()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
