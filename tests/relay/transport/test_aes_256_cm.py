"""AES_256_CM_HMAC_SHA1_80 (RFC 6188) against an implementation that shares nothing with libsrtp."""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from relay.streams.rtp import RtpPacket, serialize
from relay.transport.srtp import SUITES, Srtp
from vault.pii import Pii

SUITE = SUITES["AES_256_CM_HMAC_SHA1_80"]
KEY = bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
SALT = bytes.fromhex("3b04803de51ee7c96423ab5b78d2")
"""Master key and salt of RFC 6188 section 7.4."""


def keystream(key: bytes, counter: int, size: int) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(16))).encryptor().update(bytes(size))


def derive(label: int, size: int) -> bytes:
    """RFC 3711 section 4.3.1, with a key derivation rate of 0."""
    return keystream(KEY, (int.from_bytes(SALT) ^ (label << 48)) << 16, size)


def protect(packet: bytes) -> bytes:
    """RFC 3711 sections 4.1.1 and 4.2, before the sequence number wraps for the first time."""
    sequence, ssrc = int.from_bytes(packet[2:4]), int.from_bytes(packet[8:12])
    counter = (int.from_bytes(derive(2, 14)) << 16) ^ (ssrc << 64) ^ (sequence << 16)
    payload = bytes(
        a ^ b for a, b in zip(packet[12:], keystream(derive(0, 32), counter, len(packet) - 12), strict=True)
    )
    sealed = packet[:12] + payload
    return sealed + hmac.digest(derive(1, 20), sealed + bytes(4), hashlib.sha1)[:10]


def packet(number: int) -> bytes:
    return serialize(RtpPacket(0, False, 0xCAFEBABE, number, 160 * number, bytes(range(160))))


def test_keys_are_those_of_the_rfc() -> None:
    assert derive(0, 32).hex() == "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
    assert derive(2, 14).hex() == "fa31791685ca444a9e07c6c64e93"
    assert derive(1, 20).hex() == "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"


def test_each_understands_the_other() -> None:
    ours = Srtp.from_keys(SUITE, Pii(KEY + SALT), Pii(KEY + SALT))
    for number in (1, 2, 900):
        assert ours.protect(packet(number)) == protect(packet(number))
        assert ours.unprotect(protect(packet(number))) == packet(number)
