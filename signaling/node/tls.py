"""The certificate of SIP, HTTPS and softphones: the configured one, or a self-signed one made at the first start."""

import datetime
import hashlib
import ipaddress
import os
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from signaling.errors import ConfigError

log = structlog.get_logger()
LIFE_DAYS = 397
"""What browsers accept at most."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy only; TLS 1.3 has nothing else."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and newer with forward secrecy. Raises ConfigError when the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"the certificate {certificate} and key {key} cannot be used: {reason}") from None


def client_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Verifies those to whom we connect, and shows our certificate to those who ask. Raises ConfigError."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    _load(context, certificate, key)
    return context


class Renewal:
    """Certificate and key of the files as they are now, for connections from now on; those that are up stay."""

    def __init__(self, files: Callable[[], tuple[Path, Path]], contexts: Sequence[ssl.SSLContext]) -> None:
        """`files`: certificate and key, as the contexts were made of them."""
        self._files = files
        self._contexts = contexts
        self._loaded = self._content()

    async def check(self) -> None:
        """Raises ConfigError or OSError when there are new files that cannot be used: the former ones stay in use."""
        content = self._content()
        if content == self._loaded:
            return
        self._loaded = content
        files = self._files()
        server_context(*files)  # a key that does not fit must harm no context in use
        for context in self._contexts:
            _load(context, *files)
        log.info("= certificate renewed")

    def _content(self) -> tuple[bytes, bytes]:
        certificate, key = self._files()
        return certificate.read_bytes(), hashlib.sha256(key.read_bytes()).digest()


def self_signed(folder: Path, address: str) -> tuple[Path, Path]:
    """Certificate and key in the folder, made if they are not there or run out within a day."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not (certificate.exists() and key.exists() and _lasts(certificate)):
        folder.mkdir(parents=True, exist_ok=True)
        _make(certificate, key, address)
    return certificate, key


def _lasts(certificate: Path) -> bool:
    end = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return end - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=1)


def _make(certificate: Path, key: Path, address: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Telephonist")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    if address != "127.0.0.1":
        names.append(x509.IPAddress(ipaddress.ip_address(address)))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=LIFE_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
