#!/usr/bin/env python3
"""Fills a corpus from the conformance suites: seeds.py CONFORMANCE CORPUS"""
import json
import os
import sys


def put(corpus, target, number, text):
    folder = os.path.join(corpus, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f'seed-{number}'), 'w', encoding='utf-8') as file:
        file.write(text)


def main(conformance, corpus):
    number = 0
    folder = os.path.join(conformance, 'json-schema', 'draft2020-12')
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            for group in json.load(file):
                for test in group['tests']:
                    number += 1
                    schema, data = json.dumps(group['schema']), json.dumps(test['data'])
                    put(corpus, 'schema', number, f'{schema}\n{data}')
                    put(corpus, 'json', number, data)
                    put(corpus, 'yaml', number, json.dumps(test['data'], indent=1))
    with open(os.path.join(conformance, 'jsonlogic', 'compatible.json'), encoding='utf-8') as file:
        for test in json.load(file):
            if isinstance(test, dict):
                number += 1
                put(corpus, 'rules', number, f"{json.dumps(test['rule'])}\n{json.dumps(test.get('data'))}")
    with open(os.path.join(conformance, 'liquid', 'golden_liquid.json'), encoding='utf-8') as file:
        for test in json.load(file)['tests']:
            number += 1
            put(corpus, 'template', number, f"{json.dumps(test.get('data'))}\n{test['template']}")


if __name__ == '__main__':
    main(*sys.argv[1:])
