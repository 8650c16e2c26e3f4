"""Offer and answer with those who speak ICE and DTLS-SRTP, as browsers do (RFC 8829, RFC 8842). Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from relay.errors import BadSdp, NoCommonCodec
from relay.formats import Codec
from relay.offers.audio import DTLS, SDES, Audio, Peer, audio_lines, read_audio, read_peer
from relay.offers.negotiation import (
    Agreement,
    Local,
    Offer,
    agree,
    audio_line,
    common,
    make_answer,
    offered_formats,
    received,
)
from relay.offers.sdes import usable
from relay.offers.sdp import Attribute, SessionDescription
from relay.offers.securing import Keying
from relay.transport.address import Address
from relay.transport.ice import Credentials

MID = "0"
_LITE = Attribute("ice-lite")


def is_for_ice(offer: SessionDescription, keying: Keying) -> bool:
    """Whether an RTP peer's offer is met as a browser's is: it has DTLS-SRTP with ICE, and no key of SDES that goes
    before."""
    lines = list(audio_lines(offer))
    keyed = keying.keys == "sdes" and any(line.protocol in SDES and usable(line.values("crypto")) for _, line in lines)
    return (
        keying.srtp != "off"
        and not keyed
        and any(line.protocol in DTLS and (line.value("ice-ufrag") or offer.value("ice-ufrag")) for _, line in lines)
    )


def answer_browser(
    offer: SessionDescription, local: Local, credentials: Callable[[Credentials], Credentials]
) -> Agreement:
    """Answers a browser's offer. `credentials` gives ours for those of the peer.

    Raises BadSdp, NoCommonCodec."""
    index = next((index for index, line in audio_lines(offer) if line.protocol in DTLS), None)
    if index is None:
        raise BadSdp("no audio line for DTLS-SRTP")
    audio, peer = _read(offer, index)
    formats = common(audio.formats, local.codecs)
    ours = credentials(peer.credentials)
    extra = [*_ice_attributes(local, ours), Attribute("setup", "active" if peer.setup == "passive" else "passive")]
    if peer.mid is not None:
        extra.insert(0, Attribute("mid", peer.mid))
    line = audio_line(local, audio.protocol, formats, audio.direction, extra)
    group = (Attribute("group", f"BUNDLE {peer.mid}"),) if peer.bundled else ()
    answer = replace(make_answer(offer, local, index, line), attributes=(*group, _LITE))
    return replace(agree(audio, formats, formats), peer=peer, credentials=ours, sdp=str(answer))


def offer_browser(local: Local, ours: Credentials, agreed: Mapping[int, Codec]) -> Offer:
    """Our offer, with `ours` for ICE; it leaves the peer the choice who begins the DTLS handshake. `agreed`: as in
    offer_rtp.

    Raises NoCommonCodec when no codec of ours is allowed."""
    formats = offered_formats(local.codecs, agreed)
    extra = [Attribute("mid", MID), *_ice_attributes(local, ours), Attribute("setup", "actpass")]
    line = audio_line(local, DTLS[0], formats, "sendrecv", extra)
    head = (Attribute("group", f"BUNDLE {MID}"), _LITE)
    return Offer(str(SessionDescription(local.session, local.version, local.address[0], (line,), head)), formats)


def take_browser_answer(
    offer: Offer, answer: SessionDescription, credentials: Callable[[Credentials], Credentials]
) -> Agreement:
    """What the answer to our offer means. `credentials` gives ours for those of the peer.

    Raises BadSdp, NoCommonCodec."""
    lines = list(audio_lines(answer))
    if not lines or lines[0][0] != 0:
        raise NoCommonCodec("the audio line was refused")
    if lines[0][1].protocol not in DTLS:
        raise BadSdp("the answer has another protocol than the offer")
    audio, peer = _read(answer, 0)
    offered = {form.codec for form in offer.formats}
    answered = tuple(form for form in audio.formats if form.codec in offered)
    return replace(
        agree(audio, answered, ()),
        receive=received(offer.formats, answered),
        peer=_answering(peer),
        credentials=credentials(peer.credentials),
    )


def _ice_attributes(local: Local, ours: Credentials) -> tuple[Attribute, ...]:
    """What an audio line of ours says of ICE: all that there is to say, since our one candidate is known."""
    return (
        Attribute("ice-ufrag", ours.ufrag),
        Attribute("ice-pwd", ours.password.reveal()),
        Attribute("rtcp-mux"),
        Attribute("candidate", _candidate(local.address)),
        Attribute("end-of-candidates"),
    )


def _answering(peer: Peer) -> Peer:
    """RFC 4145 section 4: an answer that says nothing is that of the active side, and it cannot leave it open."""
    return replace(peer, setup="active") if peer.setup == "actpass" else peer


def _read(session: SessionDescription, index: int) -> tuple[Audio, Peer]:
    """Raises BadSdp."""
    audio = read_audio(session, index)
    peer = read_peer(session, audio.line)
    if not audio.rtcp_mux:
        raise BadSdp("a=rtcp-mux is missing")
    return audio, peer


def _candidate(address: Address) -> str:
    # RFC 8445 section 5.1.2.1: type preference 126, local preference 65535, component 1; there is one candidate only.
    return f"1 1 udp {126 << 24 | 65535 << 8 | 255} {address[0]} {address[1]} typ host"
