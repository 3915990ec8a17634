#!/usr/bin/env python3
"""Keys and tokens for tests, by nothing but the standard library: an own Ed25519 (RFC 8032), so that what the services
accept is checked against a second implementation, and what they must refuse can be made (expired, tampered, unsigned).

tokens.py FOLDER SCOPES   prints a token signed with FOLDER/signing.key
"""
import base64
import hashlib
import json
import os
import secrets
import sys
import time

REVOKED = 'a-token-that-was-revoked'
WEAK_WRITE_KEY = 'wk_weak'  # known, but it may do nothing

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P


def recover_x(y):
    """The even x of the point with this y."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return P - x if x & 1 else x


BASE = (recover_x(BASE_Y), BASE_Y, 1, recover_x(BASE_Y) * BASE_Y % P)


def add(a, b):
    """Sum of two points in extended coordinates (RFC 8032, section 5.1.4)."""
    A = (a[1] - a[0]) * (b[1] - b[0]) % P
    B = (a[1] + a[0]) * (b[1] + b[0]) % P
    C = 2 * a[3] * b[3] * D % P
    Z = 2 * a[2] * b[2] % P
    E, F, G, H = B - A, Z - C, Z + C, B + A
    return E * F % P, G * H % P, F * G % P, E * H % P


def times(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    return result


def encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, 'little')


def expand(seed):
    """Secret scalar and prefix of a seed."""
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], 'little')
    return (scalar & ~7 & ~(1 << 255)) | 1 << 254, digest[32:]


def public_key(seed):
    return encode(times(expand(seed)[0], BASE))


def number(*parts):
    return int.from_bytes(hashlib.sha512(b''.join(parts)).digest(), 'little') % ORDER


def sign(seed, message):
    scalar, prefix = expand(seed)
    r = number(prefix, message)
    R = encode(times(r, BASE))
    s = (r + number(R, public_key(seed), message) * scalar) % ORDER
    return R + s.to_bytes(32, 'little')


def decode(coded):
    y = int.from_bytes(coded, 'little') & ~(1 << 255)
    x = recover_x(y)
    if x & 1 != coded[31] >> 7:
        x = P - x
    return x, y, 1, x * y % P


def is_signed(key, message, signature):
    """Is this the signature of the message by the public key? (RFC 8032, section 5.1.7)"""
    R, s = signature[:32], int.from_bytes(signature[32:], 'little')
    return encode(times(s, BASE)) == encode(add(decode(R), times(number(R, key, message), decode(key))))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


class Keys:
    """A key folder as services read it. Made when it is missing, with the write key `write_key`."""

    def __init__(self, folder, write_key='wk_test'):
        self.folder, self.write_key = folder, write_key
        path = os.path.join(folder, 'signing.key')
        if not os.path.exists(path):
            self.make(path)
        with open(path, encoding='ascii') as file:
            self.seed = bytes.fromhex(file.read().strip())
        with open(os.path.join(folder, 'keys.json'), encoding='utf-8') as file:
            key_set = json.load(file)
        self.kid, self.revoked = key_set['keys'][0]['kid'], key_set.get('revoked', [])

    def make(self, path):
        os.makedirs(self.folder, exist_ok=True)
        seed = secrets.token_bytes(32)
        public = public_key(seed)
        key = {'crv': 'Ed25519', 'kty': 'OKP', 'x': base64url(public)}
        thumbprint = hashlib.sha256(json.dumps(key, separators=(',', ':')).encode()).digest()  # RFC 7638
        keys = {'keys': [{'kid': base64url(thumbprint), **key}],
                'write_keys': [{'hash': hashlib.sha256(key.encode()).hexdigest(), 'source': key, 'scopes': scopes}
                               for key, scopes in ((self.write_key, 'collect'), (WEAK_WRITE_KEY, 'nothing:at-all'))],
                'revoked': [REVOKED]}
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w', encoding='ascii') as file:
            file.write(seed.hex())
        with open(os.path.join(self.folder, 'keys.json'), 'w', encoding='utf-8') as file:
            json.dump(keys, file)

    def token(self, scopes, **claims):
        """A token with these scopes; other claims (exp, nbf, aud, iss, jti, sub) replace the usual ones."""
        now = int(time.time())
        body = {'iss': 'fanfare', 'aud': 'fanfare', 'sub': 'test', 'scope': scopes, 'iat': now, 'nbf': now - 5,
                'exp': now + 600, 'jti': secrets.token_hex(16), **claims}
        head = {'alg': 'EdDSA', 'typ': 'JWT', 'kid': self.kid}
        text = '.'.join(base64url(json.dumps(part, separators=(',', ':')).encode()) for part in (head, body))
        return text + '.' + base64url(sign(self.seed, text.encode()))

    def bad_tokens(self, scopes):
        """{what is wrong: token} of tokens that no service may take, whatever their scopes."""
        now = int(time.time())
        good = self.token(scopes)
        head, body, signature = good.split('.')
        unsigned = base64url(b'{"alg":"none","typ":"JWT"}')
        revoked = {'a revoked one': self.token(scopes, jti=self.revoked[0])} if self.revoked else {}
        return revoked | {
            'a tampered one': '.'.join((head, base64url(base64.urlsafe_b64decode(body + '==').replace(b'test', b'root')),
                                        signature)),
            'one of another signature': good[:-10] + 'AAAAAAAAAA',
            'an unsigned one': f'{unsigned}.{body}.',
            'an expired one': self.token(scopes, nbf=now - 1200, iat=now - 1200, exp=now - 600),
            'one not yet valid': self.token(scopes, nbf=now + 600, exp=now + 1200),
            'one for another audience': self.token(scopes, aud='elsewhere'),
            'one of another issuer': self.token(scopes, iss='elsewhere'),
            'no token at all': 'nonsense',
        }


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(Keys(sys.argv[1]).token(sys.argv[2]))
