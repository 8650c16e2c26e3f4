"""STUN messages as ICE uses them (RFC 8489, RFC 8445): parse, verify, serialize. Pure."""

import binascii
import hashlib
import hmac
import ipaddress
import struct
from dataclasses import dataclass

from relay.errors import StunError
from relay.transport.address import Address

MAGIC_COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_INDICATION = 0x0011
BINDING_SUCCESS = 0x0101
BINDING_ERROR = 0x0111

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_SIZE = _ATTRIBUTE.size + 20
_FINGERPRINT_SIZE = _ATTRIBUTE.size + 4


@dataclass(frozen=True)
class StunMessage:
    kind: int
    """Method and class, e.g. BINDING_REQUEST."""
    transaction: bytes
    """12 bytes."""
    attributes: tuple[tuple[int, bytes], ...] = ()
    """Type and value in order, without MESSAGE-INTEGRITY, FINGERPRINT and what follows them."""
    signed: bytes = b""
    """What MESSAGE-INTEGRITY covers, with the length field as the signer saw it; empty when it is not there."""
    signature: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> "StunMessage":
        """Raises StunError, also for a FINGERPRINT that is wrong."""
        if len(data) < _HEADER.size:
            raise StunError("shorter than a header")
        kind, length, cookie, transaction = _HEADER.unpack_from(data)
        if kind & 0xC000 or cookie != MAGIC_COOKIE or length % 4 or length != len(data) - _HEADER.size:
            raise StunError("not a STUN header")
        attributes, signed, signature = _parse_attributes(data)
        return cls(kind, transaction, attributes, signed, signature)

    def get(self, attribute: int) -> bytes | None:
        """The value of the first attribute of that type."""
        return next((value for kind, value in self.attributes if kind == attribute), None)

    def is_signed_by(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and was made with `key`."""
        return bool(self.signed) and hmac.compare_digest(self.signature, _sign(self.signed, key))

    def serialize(self, key: bytes | None = None) -> bytes:
        """The message with FINGERPRINT and, given a key, MESSAGE-INTEGRITY."""
        body = b"".join(_pack_attribute(kind, value) for kind, value in self.attributes)
        if key is not None:
            header = _HEADER.pack(self.kind, len(body) + _INTEGRITY_SIZE, MAGIC_COOKIE, self.transaction)
            body += _pack_attribute(MESSAGE_INTEGRITY, _sign(header + body, key))
        header = _HEADER.pack(self.kind, len(body) + _FINGERPRINT_SIZE, MAGIC_COOKIE, self.transaction)
        return header + body + _pack_attribute(FINGERPRINT, _fingerprint(header + body))


def xor_address(address: Address, transaction: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2); the same function undoes it on the packed address."""
    host = ipaddress.ip_address(address[0])
    mask = (struct.pack("!I", MAGIC_COOKIE) + transaction)[: len(host.packed)]
    masked = bytes(a ^ b for a, b in zip(host.packed, mask, strict=True))
    family = 1 if host.version == 4 else 2
    return struct.pack("!BBH", 0, family, address[1] ^ (MAGIC_COOKIE >> 16)) + masked


def error_code(code: int, reason: str) -> bytes:
    """The value of ERROR-CODE (RFC 8489 section 14.8)."""
    return struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()


def _parse_attributes(data: bytes) -> tuple[tuple[tuple[int, bytes], ...], bytes, bytes]:
    attributes: list[tuple[int, bytes]] = []
    signed = signature = b""
    position = _HEADER.size
    while position < len(data):
        kind, value = _attribute_at(data, position)
        if kind == FINGERPRINT:
            _check_fingerprint(data, position, value)
            break
        if kind == MESSAGE_INTEGRITY and not signed:
            signed, signature = _signed_part(data, position), value
        elif not signed:  # what follows MESSAGE-INTEGRITY is not authentic and is ignored (RFC 8489 section 14.5)
            attributes.append((kind, value))
        position += _ATTRIBUTE.size + len(value) + -len(value) % 4
    return tuple(attributes), signed, signature


def _attribute_at(data: bytes, position: int) -> tuple[int, bytes]:
    kind, length = _ATTRIBUTE.unpack_from(data, position)  # lengths are multiples of four, so a header always fits
    start = position + _ATTRIBUTE.size
    if start + length > len(data):
        raise StunError("attribute is cut")
    return kind, data[start : start + length]


def _signed_part(data: bytes, position: int) -> bytes:
    length = position + _INTEGRITY_SIZE - _HEADER.size
    return data[:2] + struct.pack("!H", length) + data[4:position]


def _check_fingerprint(data: bytes, position: int, value: bytes) -> None:
    if position + _FINGERPRINT_SIZE != len(data) or value != _fingerprint(data[:position]):
        raise StunError("wrong fingerprint")


def _pack_attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _sign(data: bytes, key: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha1).digest()


def _fingerprint(data: bytes) -> bytes:
    return struct.pack("!I", binascii.crc32(data) ^ _FINGERPRINT_XOR)
