"""Certificates for servers on the loopback, made by hand so that the tests need no program for it.

An authority and a certificate that it signed, with keys on the curve P-256. They are the same in
every run and never end; their keys can be read off here, so nothing else may trust them.

Sources: RFC 5280 for the certificates, SEC 1 for the keys, FIPS 186-5 for the signatures.
"""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"

PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

EC_PUBLIC_KEY = "1.2.840.10045.2.1"
P_256 = "1.2.840.10045.3.1.7"
ECDSA_WITH_SHA_256 = "1.2.840.10045.4.3.2"
COMMON_NAME = "2.5.4.3"
SUBJECT_KEY, KEY_USAGE, ALTERNATIVE_NAME = "2.5.29.14", "2.5.29.15", "2.5.29.17"
BASIC_CONSTRAINTS, AUTHORITY_KEY = "2.5.29.19", "2.5.29.35"

Point = tuple[int, int]


@dataclass(frozen=True)
class Certificates:
    """PEM files: what a client is to trust, and what a server on the loopback shows."""

    authority: Path
    certificate: Path
    key: Path


def certificates(folder: Path) -> Certificates:
    """Write them into this folder."""
    authority, server = Key("authority"), Key("server")
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    made.authority.write_bytes(pem("CERTIFICATE", authority.certify(authority, 1)))
    made.certificate.write_bytes(pem("CERTIFICATE", authority.certify(server, 2)))
    made.key.write_bytes(pem("EC PRIVATE KEY", server.private))
    return made


class Key:
    """A private key, made of its owner's name."""

    def __init__(self, name: str) -> None:
        self.name = sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0C, name.encode()))))
        self.secret = number_of(name.encode())
        x, y = times(self.secret, BASE)
        self.public = b"\x04" + x.to_bytes(32) + y.to_bytes(32)
        self.id = sha256(self.public).digest()[:20]

    @property
    def private(self) -> bytes:
        return sequence(
            integer(1),
            der(0x04, self.secret.to_bytes(32)),
            der(0xA0, oid(P_256)),
            der(0xA1, bits(self.public)),
        )

    def certify(self, other: Key, serial: int) -> bytes:
        """A certificate for another's key, or for an authority's own."""
        if other is self:
            extensions = [
                extension(BASIC_CONSTRAINTS, sequence(der(0x01, b"\xff")), is_critical=True),
                # To sign certificates.
                extension(KEY_USAGE, bits(b"\x04", unused=2), is_critical=True),
            ]
        else:
            names = [der(0x87, ipaddress.ip_address(HOST).packed), der(0x82, b"localhost")]
            extensions = [
                extension(BASIC_CONSTRAINTS, sequence(), is_critical=True),
                # To sign what a handshake says.
                extension(KEY_USAGE, bits(b"\x80", unused=7), is_critical=True),
                extension(ALTERNATIVE_NAME, sequence(*names)),
                extension(AUTHORITY_KEY, sequence(der(0x80, self.id))),
            ]
        algorithm = sequence(oid(ECDSA_WITH_SHA_256))
        signed = sequence(
            der(0xA0, integer(2)),
            integer(serial),
            algorithm,
            self.name,
            # The end that RFC 5280 gives to what has none.
            sequence(der(0x17, b"200101000000Z"), der(0x18, b"99991231235959Z")),
            other.name,
            sequence(sequence(oid(EC_PUBLIC_KEY), oid(P_256)), bits(other.public)),
            der(0xA3, sequence(*extensions, extension(SUBJECT_KEY, der(0x04, other.id)))),
        )
        return sequence(signed, algorithm, bits(self.sign(signed)))

    def sign(self, content: bytes) -> bytes:
        digest = sha256(content).digest()
        once = number_of(self.secret.to_bytes(32) + digest)
        r = times(once, BASE)[0] % ORDER
        s = pow(once, -1, ORDER) * (int.from_bytes(digest) + r * self.secret) % ORDER
        return sequence(integer(r), integer(s))


def number_of(content: bytes) -> int:
    """A number from 1 to the order, without its end."""
    return int.from_bytes(sha256(content).digest()) % (ORDER - 1) + 1


def times(factor: int, point: Point) -> Point:
    """A point added to itself so often; the factor is at least 1."""
    result, power = None, point
    while factor:
        if factor & 1:
            result = power if result is None else plus(result, power)
        power = plus(power, power)
        factor >>= 1
    assert result is not None
    return result


def plus(one: Point, other: Point) -> Point:
    """The sum of two points, which are not opposite ones."""
    (x1, y1), (x2, y2) = one, other
    if one == other:
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, PRIME) % PRIME
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, PRIME) % PRIME
    x = (slope * slope - x1 - x2) % PRIME
    return x, (slope * (x1 - x) - y1) % PRIME


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def bits(content: bytes, unused: int = 0) -> bytes:
    return der(0x03, bytes([unused]) + content)


def oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = bytes([40 * first + second])
    for number in others:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | number & 0x7F)
        content += bytes(reversed(digits))
    return der(0x06, content)


def extension(id_: str, value: bytes, *, is_critical: bool = False) -> bytes:
    critical = [der(0x01, b"\xff")] if is_critical else []
    return sequence(oid(id_), *critical, der(0x04, value))


def pem(label: str, content: bytes) -> bytes:
    text = base64.encodebytes(content)
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), text, label.encode())
