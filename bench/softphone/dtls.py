"""The client's side of a DTLS handshake with use_srtp (RFC 5764), datagrams in and out."""

import datetime
from dataclasses import dataclass
from functools import cache

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from bench.call.errors import MediaError
from bench.call.srtp import Cipher

PROFILE = b"SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
_KEYS = {
    b"SRTP_AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
_MTU = 1200


@dataclass(frozen=True)
class Identity:
    """One for all softphones of a process: what is measured is the server, not key generation."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.certificate)


def fingerprint_of(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


@cache
def identity() -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "softphone")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return Identity(key, certificate)


class Dtls:
    """`begin`, then `receive` each datagram until `cipher` is there; `take` what is to be sent after each."""

    def __init__(self, fingerprint: str) -> None:
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)  # self-signed: the fingerprint in the SDP decides
        context.use_certificate(identity().certificate)
        context.use_privatekey(identity().key)
        context.set_tlsext_use_srtp(PROFILE)
        self._connection = SSL.Connection(context)
        self._connection.set_ciphertext_mtu(_MTU)
        self._connection.set_connect_state()
        self._fingerprint = fingerprint
        self.cipher: Cipher | None = None

    def begin(self) -> None:
        self._advance()

    def receive(self, data: bytes) -> None:
        """Raises MediaError when the handshake fails or the certificate is not the one of the SDP."""
        self._connection.bio_write(data)
        self._advance()

    def get_timeout(self) -> float | None:
        """Seconds until `repeat` is due; None: it is not."""
        return None if self.cipher is not None else self._connection.DTLSv1_get_timeout()

    def repeat(self) -> None:
        self._connection.DTLSv1_handle_timeout()

    def take(self) -> list[bytes]:
        datagrams = []
        while True:
            try:
                datagrams.append(self._connection.bio_read(4096))
            except SSL.WantReadError:
                return [record for data in datagrams for record in split_records(data)]

    def _advance(self) -> None:
        if self.cipher is not None:
            return
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            raise MediaError(f"DTLS failed: {error}") from None
        self._finish()

    def _finish(self) -> None:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or fingerprint_of(certificate) != self._fingerprint:
            raise MediaError("DTLS: the server's certificate is not the one of its SDP")
        profile, key, salt = _KEYS[self._connection.get_selected_srtp_profile()]
        material = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        keys = [material[:key], material[key : 2 * key]]
        salts = [material[2 * key : 2 * key + salt], material[2 * key + salt :]]
        self.cipher = Cipher(profile, keys[0] + salts[0], keys[1] + salts[1])


def split_records(data: bytes) -> list[bytes]:
    """The memory buffer has forgotten where datagrams end: each DTLS record goes alone (RFC 6347 §4.1)."""
    records = []
    while len(data) >= 13:
        end = 13 + int.from_bytes(data[11:13], "big")
        records.append(data[:end])
        data = data[end:]
    return records
