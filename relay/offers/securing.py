"""How an RTP peer's media are encrypted: by keys in the description (SDES, RFC 4568), by a DTLS handshake on the media
ports without ICE (RFC 5763), or not at all. Either may stand in an RTP/AVP line, and binds nobody there (RFC 8643).
Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relay.api import Keys, Srtp
from relay.errors import BadSdp, SrtpNotAllowed, SrtpRequired
from relay.offers.audio import (
    DTLS,
    PLAIN,
    SDES,
    Audio,
    DtlsSide,
    Fingerprint,
    audio_lines,
    has_fingerprint,
    read_audio,
    read_dtls,
)
from relay.offers.sdes import Crypto
from relay.offers.sdp import Attribute, SessionDescription
from relay.transport.srtp import SUITES, Suite


@dataclass(frozen=True)
class Keying:
    """Whether an RTP leg is encrypted, and how."""

    srtp: Srtp = "offered"
    suites: tuple[str, ...] = ()
    """Of SDES, the best first; empty: all that we have, as the peer likes them."""
    keys: Keys = "sdes"
    """How we offer to agree on keys, and what we prefer of a peer's offer of both."""

    def known(self) -> Sequence[Suite]:
        """Suites to be offered, the best first."""
        return [SUITES[name] for name in self.suites or SUITES if name in SUITES]


@dataclass(frozen=True)
class Handshake:
    """What both sides said of a DTLS association: another one has to be made when this is another one (RFC 8842)."""

    fingerprints: tuple[Fingerprint, ...]
    """Of the peer's certificate."""
    association: str
    """The peer's a=tls-id; empty where it has none."""
    active: bool
    """We send the ClientHello."""


@dataclass(frozen=True)
class Security:
    """What both agreed on; with nothing in it, media go in clear."""

    ours: Crypto | None = None
    theirs: Crypto | None = None
    handshake: Handshake | None = None


CLEAR = Security()


@dataclass(frozen=True)
class Choice:
    """The audio line of an offer that is taken, and what it is secured by; with neither, it goes in clear."""

    audio: Audio
    key: Crypto | None = None
    dtls: DtlsSide | None = None


@dataclass(frozen=True)
class Proposal:
    """What an offer of ours says of it."""

    protocol: str
    crypto: tuple[Crypto, ...] = ()
    dtls: bool = False

    @property
    def is_binding(self) -> bool:
        """Whether the peer has to encrypt to take it."""
        return self.protocol not in PLAIN


def choose_line(offer: SessionDescription, keying: Keying) -> Choice:
    """Raises BadSdp, SrtpRequired, SrtpNotAllowed."""
    known = (*PLAIN, *SDES, *DTLS)
    audios = [read_audio(offer, index) for index, line in audio_lines(offer) if line.protocol in known]
    if not audios:
        raise BadSdp("no audio line for RTP or SRTP")
    if keying.srtp != "off":
        secured = [choice for audio in audios for choice in _secured(offer, audio, keying)]
        if secured:
            return min(secured, key=lambda choice: (choice.key is None) != (keying.keys == "dtls"))
    if keying.srtp == "required":
        raise SrtpRequired("no audio line with SRTP and a key that can be used")
    plain = next((audio for audio in audios if audio.protocol in PLAIN), None)
    if plain is None:
        raise SrtpNotAllowed("SRTP is off here, or no suite of the offer is known")
    return Choice(plain)


def _secured(offer: SessionDescription, audio: Audio, keying: Keying) -> Iterator[Choice]:
    if audio.protocol not in DTLS and (key := _best(audio.crypto, keying.suites)) is not None:
        yield Choice(audio, key=key)
    if audio.protocol in DTLS or has_fingerprint(offer, audio.line):
        yield Choice(audio, dtls=read_dtls(offer, audio.line))


def _best(keys: Sequence[Crypto], suites: Sequence[str]) -> Crypto | None:
    """The key to take of those that are offered: which suite of several, the answerer says (RFC 4568 section 5.1.2)."""
    allowed = [key for key in keys if key.suite.name in suites] if suites else keys
    return min(allowed, key=lambda key: suites.index(key.suite.name) if suites else 0, default=None)


def meet(choice: Choice, previous: Security) -> Security:
    """Our side of what an offer asks for. What is in use stays where it can: our key while the suite does, who began
    the handshake while its certificate does."""
    if choice.key is not None:
        return Security(_our_key(choice.key, previous.ours), choice.key)
    if choice.dtls is not None:
        return Security(handshake=_handshake(choice.dtls, _is_active(choice.dtls, previous.handshake)))
    return CLEAR


def _our_key(theirs: Crypto, previous: Crypto | None) -> Crypto:
    if previous is not None and previous.suite == theirs.suite:
        return Crypto(theirs.tag, previous.suite, previous.key)
    return Crypto.generate(theirs.tag, theirs.suite)


def _handshake(peer: DtlsSide, active: bool) -> Handshake:
    return Handshake(peer.fingerprints, peer.association, active)


def _is_active(peer: DtlsSide, previous: Handshake | None) -> bool:
    """Who may choose leaves it to the peer: it listens when it has our answer, and a NAT in front of it lets us in once
    it has sent."""
    if peer.setup != "actpass":
        return peer.setup == "passive"
    return previous == _handshake(peer, active=True)


def propose(keying: Keying, protocol: str, previous: Security) -> Proposal:
    """`protocol`: of the line that is in use, empty in a first offer. What is in use is offered again."""
    if protocol:
        in_use = () if previous.ours is None else (previous.ours,)
        return Proposal(protocol, in_use, previous.handshake is not None)
    if keying.srtp == "off":
        return Proposal(PLAIN[0])
    if keying.keys == "dtls":
        return Proposal("UDP/TLS/RTP/SAVP" if keying.srtp == "required" else PLAIN[0], dtls=True)
    keys = tuple(Crypto.generate(tag, suite) for tag, suite in enumerate(keying.known(), 1))
    return Proposal(SDES[0] if keying.srtp == "required" else PLAIN[0], keys)


def settle(proposal: Proposal, answer: SessionDescription) -> Security:
    """What the answer to our offer means. Raises BadSdp, SrtpRequired."""
    audio = read_audio(answer, 0)
    if proposal.dtls and (audio.protocol in DTLS or has_fingerprint(answer, audio.line)):
        peer = read_dtls(answer, audio.line)
        # RFC 4145 section 4: an answer that says nothing is that of the active side, and it cannot leave it open.
        return Security(handshake=_handshake(peer, peer.setup == "passive"))
    if proposal.crypto and audio.line.value("crypto") is not None and audio.protocol not in DTLS:
        return _by_key(proposal, audio)
    if proposal.is_binding:
        raise SrtpRequired("the answer has no key that fits the offer")
    if audio.protocol not in PLAIN:
        raise BadSdp("the answer has another protocol than the offer")
    return CLEAR


def _by_key(proposal: Proposal, audio: Audio) -> Security:
    theirs = next(iter(audio.crypto), None)
    ours = next((key for key in proposal.crypto if theirs and (key.tag, key.suite) == (theirs.tag, theirs.suite)), None)
    if ours is None:
        raise SrtpRequired("the answer takes no key of the offer")
    return Security(ours, theirs)


def attributes_of(security: Security, fingerprint: str) -> tuple[Attribute, ...]:
    """What an answer says; `fingerprint`: of our certificate."""
    if security.handshake is not None:
        role = "active" if security.handshake.active else "passive"
        return Attribute("fingerprint", fingerprint), Attribute("setup", role)
    return () if security.ours is None else (Attribute("crypto", security.ours.value()),)


def attributes_offered(proposal: Proposal, fingerprint: str) -> tuple[Attribute, ...]:
    keys = tuple(Attribute("crypto", key.value()) for key in proposal.crypto)
    handshake = (Attribute("fingerprint", fingerprint), Attribute("setup", "actpass")) if proposal.dtls else ()
    return (*keys, *handshake)
