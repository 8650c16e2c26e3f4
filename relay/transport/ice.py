"""An ICE-lite agent (RFC 8445 section 2.5): answers the peer's checks, remembers which addresses passed one. Pure.

We are always controlled: the peer is a full agent and nominates. Consent to send (RFC 7675) is what its checks renew.
"""

import secrets
import string
from dataclasses import dataclass

from relay.errors import StunError
from relay.transport import stun
from relay.transport.address import Address
from relay.transport.stun import StunMessage
from vault.pii import Pii

CONSENT_SECONDS = 30.0
"""RFC 7675 section 5.1: consent expires 30 s after the last valid check."""
MAX_ADDRESSES = 16
"""A peer that roams further than this loses its oldest address."""
_ICE_CHARS = string.ascii_letters + string.digits + "+/"
_REQUIRED = range(0x0000, 0x8000)
_KNOWN = {stun.USERNAME, stun.PRIORITY, stun.USE_CANDIDATE}


@dataclass(frozen=True)
class Credentials:
    ufrag: str
    password: Pii[str]

    @classmethod
    def generate(cls) -> "Credentials":
        """48 bits of fragment, 144 of password: above the 24 and 128 of RFC 8445 section 5.3."""
        return cls(_random(8), Pii(_random(24)))


def ufrag_of(message: StunMessage) -> str:
    """The receiver's fragment in a check's USERNAME: the part before the colon. Empty when there is none."""
    value = message.get(stun.USERNAME) or b""
    return value.partition(b":")[0].decode("ascii", "replace")


class IceLite:
    """One peer's checks. Times are seconds of any clock that does not jump."""

    def __init__(self, local: Credentials, remote: Credentials, now: float) -> None:
        self._local = local
        self._remote_ufrag = remote.ufrag
        self._addresses: dict[Address, None] = {}
        self._last_check = now
        self.selected: Address | None = None
        """Where to send: the last address that was nominated."""

    @property
    def ufrag(self) -> str:
        return self._local.ufrag

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Those that passed a check, the most recent last."""
        return tuple(self._addresses)

    def is_valid(self, address: Address) -> bool:
        return address in self._addresses

    def consent_expires(self) -> float:
        """When sending must end unless a check comes before."""
        return self._last_check + CONSENT_SECONDS

    def receive(self, message: StunMessage, source: Address, now: float) -> bytes | None:
        """The response to send to `source`, or None. Raises StunError for what is no check."""
        if message.kind == stun.BINDING_INDICATION:
            return None  # a keep-alive: no answer, and no proof of consent either
        if message.kind != stun.BINDING_REQUEST:
            raise StunError("not a binding request")
        if refusal := self._refuse(message):
            return refusal
        self._accept(message, source, now)
        value = stun.xor_address(source, message.transaction)
        response = StunMessage(stun.BINDING_SUCCESS, message.transaction, ((stun.XOR_MAPPED_ADDRESS, value),))
        return response.serialize(self._key())

    def _refuse(self, message: StunMessage) -> bytes | None:
        username = f"{self._local.ufrag}:{self._remote_ufrag}".encode()
        if message.get(stun.USERNAME) != username or not message.is_signed_by(self._key()):
            # RFC 8489 section 9.1.3; without integrity, since the peer has shown no credentials.
            return _error(message, (stun.ERROR_CODE, stun.error_code(401, "Unauthenticated"))).serialize()
        unknown = [kind for kind, _ in message.attributes if kind in _REQUIRED and kind not in _KNOWN]
        if unknown:
            listed = b"".join(kind.to_bytes(2, "big") for kind in unknown)
            code = (stun.ERROR_CODE, stun.error_code(420, "Unknown Attribute"))
            return _error(message, code, (stun.UNKNOWN_ATTRIBUTES, listed)).serialize(self._key())
        if message.get(stun.ICE_CONTROLLED) is not None:
            # A lite agent cannot become controlling (RFC 8445 section 6.1.1): the peer has to.
            return _error(message, (stun.ERROR_CODE, stun.error_code(487, "Role Conflict"))).serialize(self._key())
        return None

    def _accept(self, message: StunMessage, source: Address, now: float) -> None:
        self._last_check = now
        self._addresses.pop(source, None)
        self._addresses[source] = None
        if message.get(stun.USE_CANDIDATE) is not None:
            self.selected = source
        while len(self._addresses) > MAX_ADDRESSES:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        del self._addresses[next(address for address in self._addresses if address != self.selected)]

    def _key(self) -> bytes:
        return self._local.password.reveal().encode()


def _error(message: StunMessage, *attributes: tuple[int, bytes]) -> StunMessage:
    return StunMessage(stun.BINDING_ERROR, message.transaction, attributes)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARS) for _ in range(length))
