"""A leg's side of the exchange of session descriptions: remembers what was said before."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Protocol

from relay.errors import BadSdp
from relay.formats import Codec
from relay.offers.browser_negotiation import answer_browser, offer_browser, take_browser_answer
from relay.offers.negotiation import (
    VOICE,
    Agreement,
    Local,
    Offer,
    answer_rtp,
    offer_rtp,
    same_family,
    take_answer,
)
from relay.offers.sdp import Attribute, SessionDescription
from relay.offers.securing import Keying, Security, propose
from relay.streams.stream import SendStream
from relay.transport.address import Address
from relay.transport.ice import Credentials


class RtpNegotiator:
    """Of an RTP leg. What it returns is in force only once the leg applies it."""

    def __init__(
        self, address: Address, rtcp_port: int, codecs: Sequence[str], keying: Keying, fingerprint: str = ""
    ) -> None:
        """`fingerprint`: of our certificate; needed where there may be a DTLS handshake."""
        self._fingerprint = fingerprint
        self._address = address
        self._rtcp_port = rtcp_port
        self._codecs = tuple(codecs)
        self._keying = keying
        self._session = secrets.randbits(62)
        self._version = 0
        self._offer: Offer | None = None
        self._security, self._protocol = Security(), ""
        self._agreed: Mapping[int, Codec] = {}

    def answer(self, text: str) -> Agreement:
        """Our answer to the peer's offer. Raises LegError."""
        agreement = self._keep(answer_rtp(SessionDescription.parse(text), self._next(), self._security))
        self._offer = None
        return agreement

    def offer(self) -> Offer:
        """Our offer; how media are encrypted and the payload types that are in use stay. Raises NoCommonCodec."""
        proposal = propose(self._keying, self._protocol, self._security)
        self._offer = offer_rtp(self._next(), proposal, self._agreed)
        return self._offer

    def take_answer(self, text: str) -> Agreement:
        """What the peer's answer to our offer means. A later one takes its place: an INVITE may reach several phones,
        of which first one and then another is heard (RFC 3261 section 13.2.2.4). Raises LegError, BadSdp also when
        there was no offer."""
        if self._offer is None:
            raise BadSdp("there was no offer of ours")
        return self._keep(take_answer(self._offer, SessionDescription.parse(text)))

    def _keep(self, agreement: Agreement) -> Agreement:
        """Raises BadSdp when the peer's address cannot be used."""
        same_family(agreement, self._address)
        self._security, self._protocol, self._agreed = agreement.security, agreement.protocol, agreement.receive
        return agreement

    def _next(self) -> Local:
        """For the next description of ours: each has a higher version than the last (RFC 3264 section 8)."""
        self._version += 1
        port, fingerprint = self._rtcp_port, self._fingerprint
        return Local(self._session, self._version, self._address, port, self._codecs, self._keying, fingerprint)


BROWSER = Keying("required", keys="dtls")


class IceKeeper(Protocol):
    """Who has our ICE credentials: the transport."""

    def credentials_for(self, theirs: Credentials) -> Credentials:
        """Ours for those in the peer's offer."""

    def credentials_to_offer(self) -> Credentials:
        """Ours for an offer of ours."""

    def credentials_answered(self, theirs: Credentials) -> Credentials:
        """Ours for those in the peer's answer: those that were offered."""


class BrowserNegotiator:
    """Of a browser leg. What it returns is in force only once the leg applies it."""

    def __init__(
        self, address: Address, fingerprint: str, stream: SendStream, ice: IceKeeper, codecs: Sequence[str] = VOICE
    ) -> None:
        self._address = address
        self._extra = (
            Attribute("fingerprint", fingerprint),
            Attribute("msid", f"telephonist {stream.cname}"),
            Attribute("ssrc", f"{stream.ssrc} cname:{stream.cname}"),
        )
        self._ice = ice
        self._codecs = tuple(codecs)
        self._session = secrets.randbits(62)
        self._version = 0
        self._offer: Offer | None = None
        self._agreed: Mapping[int, Codec] = {}

    def answer(self, text: str) -> Agreement:
        """Our answer to the browser's offer. Raises LegError."""
        return self._keep(answer_browser(SessionDescription.parse(text), self._next(), self._ice.credentials_for))

    def offer(self) -> Offer:
        """Our offer; payload types and ICE credentials that are in use stay. Raises NoCommonCodec."""
        self._offer = offer_browser(self._next(), self._ice.credentials_to_offer(), self._agreed)
        return self._offer

    def take_answer(self, text: str) -> Agreement:
        """What the browser's answer to our offer means. Raises LegError, BadSdp also when there was no offer."""
        if self._offer is None:
            raise BadSdp("there was no offer of ours")
        said = SessionDescription.parse(text)
        return self._keep(take_browser_answer(self._offer, said, self._ice.credentials_answered))

    def _keep(self, agreement: Agreement) -> Agreement:
        self._agreed, self._offer = agreement.receive, None
        return agreement

    def _next(self) -> Local:
        self._version += 1
        port = self._address[1]
        return Local(self._session, self._version, self._address, port, self._codecs, BROWSER, extra=self._extra)


Negotiator = RtpNegotiator | BrowserNegotiator
