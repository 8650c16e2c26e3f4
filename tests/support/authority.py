"""An authority of the test's own, and certificates that it issues."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Certificate and key, as PEM files."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        paths[0].write_bytes(self.pem)
        paths[1].write_bytes(self.key_pem)
        return paths

    def issue(self, *names: x509.GeneralName, days: int = 1) -> "Issued":
        return _issue(self, x509.SubjectAlternativeName(names), days)

    def context(self, folder: Path, name: str, trusted: "Issued") -> ssl.SSLContext:
        """Of a client that shows this certificate and believes one authority."""
        made = ssl.create_default_context(cadata=trusted.pem.decode())
        made.load_cert_chain(*self.write(folder, name))
        return made


def make_authority(name: str) -> Issued:
    return _issue(None, x509.BasicConstraints(ca=True, path_length=None), 1, name)


def _issue(by: Issued | None, extension: x509.ExtensionType, days: int, name: str = "peer") -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Issued(made, key)
