#!/usr/bin/env python3
"""Puts the starter templates together, as lines that `fanfare import starters` publishes.

starters.py FOLDER OUTPUT

Each FOLDER/<slug>.html begins with what is not HTML (title, subject, preheader, and which footer it has) between two lines of
dashes; <slug>.txt is its plain part. layout.html is around all of them.
"""
import json
import os
import sys

PARTS = ('layout', 'footer-marketing', 'footer-service')
NAMES = ("{%- assign brand = data.brand | default: 'Your Shop' -%}{%- assign home = data.home | default: 'https://shop.example/' -%}"
         "{%- assign postal = data.postal | default: 'Your Shop, 1 Example Street, 12345 Example Town' -%}\n")


def read(folder, name):
    with open(os.path.join(folder, name), encoding='utf-8') as file:
        return file.read()


def entry(folder, slug):
    _, head, body = read(folder, slug + '.html').split('---\n', 2)
    said = dict(line.split(': ', 1) for line in head.splitlines())
    footer = 'footer-' + said['footer']
    html = read(folder, 'layout.html').replace('[[body]]', body.strip()).replace('[[footer]]', read(folder, footer + '.html').strip())
    text = NAMES + read(folder, slug + '.txt').rstrip() + '\n\n' + read(folder, footer + '.txt')
    document = {'subject': said['subject'], 'preheader': said['preheader'], 'html': html, 'text': text}
    return {'entry_id': 'ent_starter_' + slug, 'kind': 'email_template', 'slug': slug, 'title': said['title'],
            'document': document, 'publish': True}


def main():
    folder, output = sys.argv[1:]
    slugs = sorted(name[:-5] for name in os.listdir(folder) if name.endswith('.html') and name[:-5] not in PARTS)
    with open(output, 'w', encoding='utf-8') as file:
        for slug in slugs:
            file.write(json.dumps(entry(folder, slug), ensure_ascii=False) + '\n')


if __name__ == '__main__':
    main()
