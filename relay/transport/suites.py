"""Crypto suites of SRTP (RFC 3711, RFC 6188, RFC 7714). Pure."""

import secrets
from dataclasses import dataclass

from vault.pii import Pii


@dataclass(frozen=True)
class Suite:
    name: str
    """As in RFC 4568, RFC 6188 section 7 and RFC 7714 section 14.2."""
    cipher_key_size: int
    salt_size: int
    tag_size: int
    """Of SRTP, in octets, as all sizes here. That of SRTCP is 10 wherever it is not AEAD."""
    aead: bool = False

    @property
    def key_size(self) -> int:
        """Of master key and master salt together."""
        return self.cipher_key_size + self.salt_size

    def new_key(self) -> Pii[bytes]:
        return Pii(secrets.token_bytes(self.key_size))


SUITES = {
    suite.name: suite
    for suite in (
        # First the one that every peer has: some look at the first only.
        Suite("AES_CM_128_HMAC_SHA1_80", 16, 14, 10),
        Suite("AEAD_AES_256_GCM", 32, 12, 16, aead=True),
        Suite("AEAD_AES_128_GCM", 16, 12, 16, aead=True),
        Suite("AES_256_CM_HMAC_SHA1_80", 32, 14, 10),
        Suite("AES_CM_128_HMAC_SHA1_32", 16, 14, 4),
    )
}
