"""Trunks that show who they are by a certificate (mutual TLS): whose a certificate is, once its chain is verified."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from signaling.center.resources import PeerCertificate, Trunk
from signaling.errors import ConfigError


@dataclass(frozen=True)
class _Expected:
    trunk: str
    name: str
    authorities: tuple[x509.Certificate, ...]


class Peers:
    """Raises ConfigError for a file of authorities that cannot be used."""

    def __init__(self, trunks: Iterable[tuple[str, Trunk]]) -> None:
        """`trunks`: by their unique names."""
        self._expected = [
            _Expected(name, trunk.certificate.name.lower(), _read(name, trunk.certificate))
            for name, trunk in trunks
            if trunk.certificate is not None
        ]

    def ask(self, context: ssl.SSLContext) -> None:
        """Makes a server ask for certificates. Who shows none gets in as before; whose chain leads to none of the
        authorities does not."""
        if not self._expected:
            return
        context.verify_mode = ssl.CERT_OPTIONAL
        # An authority of ours may be an intermediate one: what it has issued is enough.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        self.trust(context)

    def trust(self, context: ssl.SSLContext) -> None:
        """Their authorities are believed, too."""
        for expected in self._expected:
            pem = b"".join(authority.public_bytes(_PEM) for authority in expected.authorities)
            context.load_verify_locations(cadata=pem.decode())

    def trunks_of(self, shown: bytes) -> frozenset[str]:
        """The trunks that a certificate is of, in DER, whose chain was verified. It must have been issued by one of a
        trunk's own authorities, so that one carrier's authority cannot speak for another carrier.

        Nothing shown is of nobody."""
        try:
            certificate = x509.load_der_x509_certificate(shown)
        except ValueError:
            return frozenset()
        names = _names(certificate)
        return frozenset(
            expected.trunk
            for expected in self._expected
            if expected.name in names and any(_has_issued(each, certificate) for each in expected.authorities)
        )


_PEM = serialization.Encoding.PEM


def _read(trunk: str, certificate: PeerCertificate) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(Path(certificate.authority).read_bytes()))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no PEM certificates"
        raise ConfigError(
            f"trunk {trunk.partition('/')[2]}: {certificate.authority} cannot be used: {reason}"
        ) from None


def _names(certificate: x509.Certificate) -> frozenset[str]:
    """The SIP identities of RFC 5922 section 7.1: hosts of SIP URIs, else DNS names, whole and without wildcards."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    uris = [uri.lower() for uri in alternative.get_values_for_type(x509.UniformResourceIdentifier)]
    hosts = frozenset(uri.removeprefix("sip:") for uri in uris if uri.startswith("sip:") and "@" not in uri)
    return hosts or frozenset(name.lower() for name in alternative.get_values_for_type(x509.DNSName))


def _has_issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
