"""Debian's python3-dkim verifies both signatures of odd messages, and neither of a message that was changed afterwards.

dkim_verify_test.py DKIM_SIGN
"""
import os
import random
import subprocess
import sys
import tempfile

import dkim

FROM = b'From: Shop <shop@example.com>\r\n'
HEADERS = [
    b'', b'Subject: plain\r\n', b'Subject:\r\n', b'Subject: \r\n', b'Subject:no space\r\n',
    b'Subject: a  b\t c  \r\n', b'Subject: folded\r\n  twice\r\n\tand tab\r\n', b'SUBJECT: capitals\r\n',
    b'Subject: one\r\nSubject: two\r\n', b'To: a@example.org\r\nCc: b@example.org\r\nTo: c@example.org\r\n',
    b'List-Unsubscribe: <https://example.com/?a=b>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n',
    b'Subject: =?utf-8?B?w6Q=?=\r\nX-Other: not signed\r\n', b'Subject: ' + b'x' * 900 + b'\r\n',
]
BODIES = [
    b'', b'\r\n', b'\r\n\r\n\r\n', b'a\r\n', b'a', b'a\r\n\r\n\r\n', b' \r\n', b'a \t \r\n b  c\t\r\n', b'  lead\r\n',
    b'a\r\n \r\n\t\r\n', b'.\r\n..\r\n', b'From here\r\n', b'\r\n\r\nlate\r\n', b'\xc3\xa4\xff\x00\r\n', b'y' * 5000 + b'\r\n',
    b'a ', b'a\r\n ', b'=20\r\n', b'x \r\n' * 1000,
]
PIECES = [b' ', b'\t', b'        ', b'\r\n', b'\r\n\r\n', b'word', b'=20', b'\xc3\xa4', b'\x00\x1f', b'.', b'a longer piece of text']
RANDOM = random.Random(6376)
BODIES += [b''.join(RANDOM.choices(PIECES, k=RANDOM.randrange(1, 60))) for _ in range(200)]


def verified(message, records, index):
    try:
        return dkim.DKIM(message).verify(idx=index,
                                         dnsfunc=lambda name, timeout=5: records.get(name.decode().rstrip('.')))
    except dkim.DKIMException as error:
        return False


def main():
    messages = [FROM + header + b'\r\nbody\r\n' for header in HEADERS]
    messages += [FROM + b'Subject: s\r\n\r\n' + body for body in BODIES]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, str(i)) for i in range(len(messages))]
        for path, message in zip(paths, messages):
            with open(path, 'wb') as file:
                file.write(message)
        out = subprocess.run([sys.argv[1], *paths], stdout=subprocess.PIPE, check=True).stdout.decode()
        records = {name: text.encode() for name, text in (line.split(' ', 1) for line in out.splitlines())}
        for path, message in zip(paths, messages):
            with open(path + '.signed', 'rb') as file:
                signed = file.read()
            changed = signed.replace(b'shop@', b'shoq@'), signed + b'more\r\n', b'From: x@example.com\r\n' + signed
            for index in (0, 1):
                whole = verified(signed, records, index)
                forged = [verified(other, records, index) for other in changed]
                if not signed.endswith(message) or not whole or any(forged):
                    wrong += 1
                    print(f'signature {index}, whole {whole}, forged {forged}: {message[:80]!r}')
    print(f'{len(messages)} messages, 2 signatures each: {wrong} wrong')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
