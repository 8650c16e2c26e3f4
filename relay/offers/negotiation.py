"""Offer and answer of a leg (RFC 3264): what both can, where to send, under which keys. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from relay.api import Direction
from relay.errors import BadSdp, NoCommonCodec
from relay.formats import Codec, EventFormat, SendFormat
from relay.offers.audio import Audio, Format, Peer, audio_lines, read_audio
from relay.offers.sdp import Attribute, MediaDescription, SessionDescription
from relay.offers.securing import (
    CLEAR,
    Keying,
    Proposal,
    Security,
    attributes_of,
    attributes_offered,
    choose_line,
    meet,
    settle,
)
from relay.transport.address import Address
from relay.transport.ice import Credentials

VOICE = ("opus", "G722", "PCMU", "PCMA", "L16")
_MAX_BITRATE = 64_000
_OFFERED = {
    "opus": (Format(111, Codec("opus", 48000, 2), "minptime=10;useinbandfec=1"),),
    "G722": (Format(9, Codec("G722")),),
    "PCMU": (Format(0, Codec("PCMU")),),
    "PCMA": (Format(8, Codec("PCMA")),),
    "L16": (Format(112, Codec("L16", 16000)), Format(113, Codec("L16"))),
}
_OFFERED_BESIDE = (Format(13, Codec("CN")), Format(101, Codec("telephone-event"), "0-15"))
_ANSWERED_PARAMETERS = {"opus": "minptime=10;useinbandfec=1", "telephone-event": "0-15"}


@dataclass(frozen=True)
class Local:
    """Our half, whatever the peer says."""

    session: int
    version: int
    address: Address
    rtcp_port: int
    codecs: tuple[str, ...]
    keying: Keying
    fingerprint: str = ""
    """Of our certificate, as SDP says it (RFC 8122)."""
    extra: tuple[Attribute, ...] = ()
    """Put into every audio line of ours, e.g. a=ssrc."""


@dataclass(frozen=True)
class Agreement:
    """What both sides said, as what we have to do."""

    send: SendFormat
    receive: Mapping[int, Codec]
    direction: Direction
    remote: Address | None
    remote_rtcp: Address | None
    rtcp_mux: bool
    events: EventFormat | None = None
    """None: the peer takes no telephone events."""
    security: Security = CLEAR
    """Of an RTP peer."""
    protocol: str = ""
    """Of an RTP peer's line."""
    peer: Peer | None = None
    """Of a browser."""
    credentials: Credentials | None = None
    """Ours for ICE with that browser."""
    sdp: str = field(default="", repr=False)
    """Our answer; it holds our key."""

    @property
    def encrypted(self) -> bool:
        return self.peer is not None or self.security != CLEAR


def answer_rtp(offer: SessionDescription, local: Local, previous: Security) -> Agreement:
    """Answers an RTP peer's offer. `previous`: what is in use, which stays where it can.

    Raises BadSdp, NoCommonCodec, SrtpRequired, SrtpNotAllowed."""
    choice = choose_line(offer, local.keying)
    audio, security = choice.audio, meet(choice, previous)
    formats = common(audio.formats, local.codecs)
    extra = list(attributes_of(security, local.fingerprint))
    if audio.rtcp_mux:
        extra.append(Attribute("rtcp-mux"))
    else:
        extra.append(Attribute("rtcp", str(local.rtcp_port)))
    line = audio_line(local, audio.protocol, formats, audio.direction, extra)
    agreement = agree(audio, formats, formats)
    said = str(make_answer(offer, local, audio.index, line))
    return replace(agreement, security=security, protocol=audio.protocol, sdp=said)


@dataclass(frozen=True)
class Offer:
    """What we offered to an RTP peer and have to remember until it answers."""

    sdp: str = field(repr=False)
    formats: tuple[Format, ...]
    proposal: Proposal | None = None
    """None: to a browser."""

    @property
    def encrypted(self) -> bool:
        """Whether it can be taken with SRTP only."""
        return self.proposal is None or self.proposal.is_binding

    def preliminary(self) -> SendFormat:
        """What we should send if the peer took our first choice."""
        return SendFormat(self.formats[0].codec, self.formats[0].payload_type)

    def receive(self) -> Mapping[int, Codec]:
        """Payload types as we gave them out."""
        return {form.payload_type: form.codec for form in self.formats}


def offer_rtp(local: Local, proposal: Proposal, agreed: Mapping[int, Codec]) -> Offer:
    """Our offer. `agreed`: the payload types in use, which keep their meaning and go first (RFC 3264 section 8.3.2).

    Raises NoCommonCodec when no codec of ours is allowed."""
    formats = offered_formats(local.codecs, agreed)
    extra = [*attributes_offered(proposal, local.fingerprint)]
    extra += [Attribute("rtcp-mux"), Attribute("rtcp", str(local.rtcp_port))]
    line = audio_line(local, proposal.protocol, formats, "sendrecv", extra)
    session = SessionDescription(local.session, local.version, local.address[0], (line,))
    return Offer(str(session), formats, proposal)


def offered_formats(codecs: Sequence[str], agreed: Mapping[int, Codec]) -> tuple[Format, ...]:
    """Raises NoCommonCodec."""
    voice = [form for name in codecs for form in _OFFERED.get(name, ())]
    if not voice:
        raise NoCommonCodec("none of the codecs asked for is known here")
    return _with_agreed((*voice, *_OFFERED_BESIDE), agreed)


def _with_agreed(formats: Sequence[Format], agreed: Mapping[int, Codec]) -> tuple[Format, ...]:
    """Voice first; a codec once, and what would take a number that is in use is left out."""
    numbers: dict[Codec, int] = {}
    for number, codec in agreed.items():
        numbers.setdefault(codec, number)
    kept = [Format(number, codec, _ANSWERED_PARAMETERS.get(codec.name, "")) for codec, number in numbers.items()]
    new = [form for form in formats if form.codec not in numbers and form.payload_type not in agreed]
    return tuple(sorted((*kept, *new), key=lambda form: form.codec.name not in VOICE))


def take_answer(offer: Offer, answer: SessionDescription) -> Agreement:
    """What an RTP peer's answer to our offer means. Raises BadSdp, NoCommonCodec, SrtpRequired."""
    lines = list(audio_lines(answer))
    if not lines or lines[0][0] != 0:
        raise NoCommonCodec("the audio line was refused")
    if offer.proposal is None:
        raise AssertionError("an RTP peer was offered what a browser is")
    audio, security = read_audio(answer, 0), settle(offer.proposal, answer)
    offered = {form.codec for form in offer.formats}
    answered = tuple(form for form in audio.formats if form.codec in offered)
    agreement = agree(audio, answered, ())
    return replace(
        agreement,
        receive=received(offer.formats, answered),
        security=security,
        protocol=offer.proposal.protocol,
    )


def received(offered: Sequence[Format], answered: Sequence[Format]) -> Mapping[int, Codec]:
    """Our numbers come first (RFC 3264 section 5.1); some peers send those of their answer, which are free then."""
    ours = {form.payload_type: form.codec for form in offered}
    said = {form.codec for form in answered}
    kept = {number: codec for number, codec in ours.items() if codec in said}
    return kept | {form.payload_type: form.codec for form in answered if form.payload_type not in ours}


def common(formats: Sequence[Format], codecs: Sequence[str]) -> tuple[Format, ...]:
    """The peer's formats that are allowed, in the peer's order; events and comfort noise always are."""
    voice = [form for form in formats if form.codec.name in VOICE and form.codec.name in codecs]
    if not voice:
        raise NoCommonCodec("none of the codecs offered is allowed here")
    beside = [form for form in formats if form.codec.name not in VOICE]
    return tuple(replace(form, parameters=_ANSWERED_PARAMETERS.get(form.codec.name, "")) for form in (*voice, *beside))


def same_family(agreement: Agreement, address: Address) -> None:
    """Raises BadSdp when the peer's address cannot be reached from ours."""
    if agreement.remote is not None and (":" in agreement.remote[0]) != (":" in address[0]):
        raise BadSdp("the peer's address is of another family than ours")


def agree(audio: Audio, theirs: Sequence[Format], ours: Sequence[Format]) -> Agreement:
    """`theirs`: what the peer receives; `ours`: what we do."""
    chosen = next((form for form in theirs if form.codec.name in VOICE), None)
    if chosen is None:
        raise NoCommonCodec("the peer takes no voice codec")
    said = next(form for form in audio.formats if form.payload_type == chosen.payload_type)
    return Agreement(
        send=_send_format(said, audio.ptime_ms),
        receive={form.payload_type: form.codec for form in ours},
        direction=audio.direction,
        remote=audio.remote,
        remote_rtcp=audio.remote_rtcp,
        rtcp_mux=audio.rtcp_mux,
        events=_event_format(theirs, chosen.codec.clock),
    )


def _event_format(theirs: Sequence[Format], clock: int) -> EventFormat | None:
    """RFC 4733 section 2.1: events share their timestamps with the sound, so that one of its clock is the right one."""
    formats = [
        EventFormat(form.payload_type, form.codec.clock) for form in theirs if form.codec.name == "telephone-event"
    ]
    return min(formats, key=lambda form: form.clock != clock, default=None)


def _send_format(form: Format, ptime_ms: int) -> SendFormat:
    plain = SendFormat(form.codec, form.payload_type, _fitting(form.codec, ptime_ms))
    if form.codec.name != "opus":
        return plain
    # RFC 7587 section 6.1: what the receiver can use or wants to get.
    return SendFormat(
        form.codec,
        form.payload_type,
        ptime_ms,
        bitrate=min(max(form.parameter("maxaveragebitrate", plain.bitrate), 6_000), _MAX_BITRATE),
        fec=form.parameter("useinbandfec", 0) == 1,
        dtx=form.parameter("usedtx", 0) == 1,
        max_playback_rate=max(form.parameter("maxplaybackrate", plain.max_playback_rate), 8_000),
    )


def _fitting(codec: Codec, ptime_ms: int) -> int:
    """A packet length that the codec has and that fits into a datagram of an Ethernet."""
    if codec.name == "L16" and codec.clock == 16_000:
        return min(ptime_ms, 40)
    return ptime_ms


def audio_line(
    local: Local, protocol: str, formats: Sequence[Format], direction: Direction, extra: Sequence[Attribute]
) -> MediaDescription:
    maps = [attribute for form in formats for attribute in form.attributes()]
    attributes = (*maps, Attribute("ptime", "20"), Attribute(direction), *extra, *local.extra)
    numbers = tuple(str(form.payload_type) for form in formats)
    return MediaDescription("audio", local.address[1], protocol, numbers, local.address[0], attributes)


def make_answer(offer: SessionDescription, local: Local, index: int, line: MediaDescription) -> SessionDescription:
    media = tuple(line if at == index else media.refused() for at, media in enumerate(offer.media))
    return SessionDescription(local.session, local.version, local.address[0], media)
