"""The Superstore data set as import files: products, customers and orders, one JSON object a line.

Amounts are exact decimals, rounded half to even to cents. The dates are moved so that the last order is yesterday; each
customer gets an address under example.com and a consent to mail, which one in ten refuses.
"""
import collections
import csv
import datetime
import decimal
import json
import os
import unicodedata

CENT = decimal.Decimal(1)


def cents(text):
    return int((decimal.Decimal(text) * 100).quantize(CENT, rounding=decimal.ROUND_HALF_EVEN))


def rows_of(path):
    with open(path, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def list_price(row):
    """What one piece costs before the line's discount."""
    full = decimal.Decimal(row['Sales']) / (decimal.Decimal(row['Quantity']) * (1 - decimal.Decimal(row['Discount'])))
    return int((full * 100).quantize(CENT, rounding=decimal.ROUND_HALF_EVEN))


def products(rows):
    """The latest line of a product names and prices it."""
    latest = {}
    for row in sorted(rows, key=lambda row: (row['Order Date'], int(row['Row ID']))):
        latest[row['Product ID']] = row
    for product_id, row in sorted(latest.items()):
        yield {'product_id': f'prd_{product_id}', 'name': row['Product Name'], 'category': row['Category'],
               'subcategory': row['Sub-Category'], 'price': {'amount': list_price(row), 'currency': 'USD'}}


def address(customer_id, name):
    plain = unicodedata.normalize('NFKD', name).encode('ascii', 'ignore').decode().lower()
    local = '.'.join(part for part in ''.join(c if c.isalnum() else ' ' for c in plain).split())
    return f'{local}.{customer_id.lower()}@example.com'


def customers(rows):
    seen = {row['Customer ID']: row for row in rows}
    for number, (customer_id, row) in enumerate(sorted(seen.items())):
        state = 'refused' if number % 10 == 9 else 'granted'
        yield {'profile_id': f'prf_{customer_id}', 'name': row['Customer Name'],
               'email': address(customer_id, row['Customer Name']),
               'traits': {'segment': row['Segment'], 'region': row['Region']},
               'consents': [{'purpose': 'marketing', 'channel': 'email', 'state': state, 'source': 'import'}]}


def orders(rows, today):
    last = max(datetime.date.fromisoformat(row['Order Date']) for row in rows)
    shift = today - datetime.timedelta(days=1) - last
    by_id = collections.OrderedDict()
    for row in rows:
        by_id.setdefault(row['Order ID'], []).append(row)
    for order_id, lines in by_id.items():
        placed = datetime.date.fromisoformat(lines[0]['Order Date']) + shift
        yield {'order_id': f'ord_{order_id}', 'customer_id': f'prf_{lines[0]["Customer ID"]}',
               'placed_at': f'{placed}T12:00:00Z', 'channel': 'import',
               'lines': [{'product_id': f'prd_{line["Product ID"]}', 'quantity': int(line['Quantity']),
                          'amount': {'amount': cents(line['Sales']), 'currency': 'USD'}} for line in lines]}


def total(order):
    return sum(line['amount']['amount'] for line in order['lines'])


def write(path, things):
    with open(path, 'w', encoding='utf-8') as file:
        for thing in things:
            file.write(json.dumps(thing, ensure_ascii=False, separators=(',', ':')) + '\n')


def prepare(source, folder, today):
    """Writes products.jsonl, customers.jsonl, orders.jsonl; gives the three lists."""
    rows = rows_of(source)
    made = {'products': list(products(rows)), 'customers': list(customers(rows)), 'orders': list(orders(rows, today))}
    for name, things in made.items():
        write(os.path.join(folder, f'{name}.jsonl'), things)
    return made
