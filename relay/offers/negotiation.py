"""Offer and answer of a leg (RFC 3264): what both can, where to send, under which keys. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from relay.api import Direction, Srtp
from relay.errors import BadSdp, NoCommonCodec, SrtpNotAllowed, SrtpRequired
from relay.formats import Codec, EventFormat, SendFormat
from relay.offers.audio import PLAIN, SDES, Audio, Format, Peer, audio_lines, read_audio
from relay.offers.sdes import Crypto
from relay.offers.sdp import Attribute, MediaDescription, SessionDescription
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
    srtp: Srtp
    suites: tuple[str, ...] = ()
    """Those that may be used, the best first; empty: all that we have, as the peer likes them."""
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
    ours: Crypto | None = None
    """Our SRTP key; None: plain RTP, or DTLS."""
    theirs: Crypto | None = None
    peer: Peer | None = None
    """Of a browser."""
    credentials: Credentials | None = None
    """Ours for ICE with that browser."""
    sdp: str = field(default="", repr=False)
    """Our answer; it holds our key."""


def answer_rtp(offer: SessionDescription, local: Local, previous: Crypto | None) -> Agreement:
    """Answers an RTP peer's offer. `previous`: our key so far, kept while the suite stays.

    Raises BadSdp, NoCommonCodec, SrtpRequired, SrtpNotAllowed."""
    audio, theirs = _choose_line(offer, local)
    ours = None if theirs is None else _our_key(theirs, previous)
    formats = common(audio.formats, local.codecs)
    extra = list(_crypto_attributes(ours))
    if audio.rtcp_mux:
        extra.append(Attribute("rtcp-mux"))
    else:
        extra.append(Attribute("rtcp", str(local.rtcp_port)))
    line = audio_line(local, audio.protocol, formats, audio.direction, extra)
    agreement = agree(audio, formats, formats)
    return replace(agreement, ours=ours, theirs=theirs, sdp=str(make_answer(offer, local, audio.index, line)))


@dataclass(frozen=True)
class Offer:
    """What we offered to an RTP peer and have to remember until it answers."""

    sdp: str = field(repr=False)
    formats: tuple[Format, ...]
    crypto: tuple[Crypto, ...] = ()

    def preliminary(self) -> SendFormat:
        """What we should send if the peer took our first choice."""
        return SendFormat(self.formats[0].codec, self.formats[0].payload_type)

    def receive(self) -> Mapping[int, Codec]:
        """Payload types as we gave them out."""
        return {form.payload_type: form.codec for form in self.formats}


def offer_rtp(local: Local, crypto: tuple[Crypto, ...], agreed: Mapping[int, Codec]) -> Offer:
    """Our offer; SRTP if there is `crypto`. `agreed`: the payload types in use, which keep their meaning and go first
    (RFC 3264 section 8.3.2).

    Raises NoCommonCodec when no codec of ours is allowed."""
    formats = offered_formats(local.codecs, agreed)
    extra = [attribute for key in crypto for attribute in _crypto_attributes(key)]
    extra += [Attribute("rtcp-mux"), Attribute("rtcp", str(local.rtcp_port))]
    line = audio_line(local, SDES[0] if crypto else PLAIN[0], formats, "sendrecv", extra)
    session = SessionDescription(local.session, local.version, local.address[0], (line,))
    return Offer(str(session), formats, crypto)


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
    audio = read_audio(answer, 0)
    if audio.protocol not in (SDES if offer.crypto else PLAIN):
        raise BadSdp("the answer has another protocol than the offer")
    theirs = next(iter(audio.crypto), None) if offer.crypto else None
    ours = next((key for key in offer.crypto if theirs and key.tag == theirs.tag and key.suite == theirs.suite), None)
    if offer.crypto and ours is None:
        raise SrtpRequired("the answer takes no key of the offer")
    offered = {form.codec for form in offer.formats}
    answered = tuple(form for form in audio.formats if form.codec in offered)
    agreement = agree(audio, answered, ())
    return replace(agreement, receive=received(offer.formats, answered), ours=ours, theirs=theirs)


def received(offered: Sequence[Format], answered: Sequence[Format]) -> Mapping[int, Codec]:
    """Our numbers come first (RFC 3264 section 5.1); some peers send those of their answer, which are free then."""
    ours = {form.payload_type: form.codec for form in offered}
    said = {form.codec for form in answered}
    kept = {number: codec for number, codec in ours.items() if codec in said}
    return kept | {form.payload_type: form.codec for form in answered if form.payload_type not in ours}


def _choose_line(offer: SessionDescription, local: Local) -> tuple[Audio, Crypto | None]:
    """The audio line to take, and the peer's key when it is one with SRTP."""
    lines = list(audio_lines(offer))
    secure = [read_audio(offer, index) for index, line in lines if line.protocol in SDES]
    plain = [read_audio(offer, index) for index, line in lines if line.protocol in PLAIN]
    if not secure and not plain:
        raise BadSdp("no audio line for RTP or SRTP")
    keyed = next(((audio, key) for audio in secure if (key := _best(audio.crypto, local.suites)) is not None), None)
    if keyed is not None and local.srtp != "off":
        return keyed
    if local.srtp == "required":
        raise SrtpRequired("no audio line with SRTP and a key that can be used")
    if not plain:
        raise SrtpNotAllowed("SRTP is off here, or no suite of the offer is known")
    return plain[0], None


def _best(keys: Sequence[Crypto], suites: Sequence[str]) -> Crypto | None:
    """The key to take of those that are offered: which suite of several, the answerer says (RFC 4568 section 5.1.2)."""
    allowed = [key for key in keys if key.suite.name in suites] if suites else keys
    return min(allowed, key=lambda key: suites.index(key.suite.name) if suites else 0, default=None)


def _our_key(theirs: Crypto, previous: Crypto | None) -> Crypto:
    if previous is not None and previous.suite == theirs.suite:
        return replace(previous, tag=theirs.tag)
    return Crypto.generate(theirs.tag, theirs.suite)


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


def _crypto_attributes(key: Crypto | None) -> list[Attribute]:
    return [] if key is None else [Attribute("crypto", key.value())]


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
