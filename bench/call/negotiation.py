"""Offer and answer of one caller (RFC 3264): descriptions in and out, agreements for the media."""

import secrets
from dataclasses import dataclass, field, replace
from typing import Literal

from bench.call.codecs import CODECS, Codec
from bench.call.errors import MediaError, SdpError
from bench.call.media import Agreement
from bench.call.ports import Address
from bench.call.sdp import EVENTS, Audio, Description, Direction, parse_sdp, reverse
from bench.call.srtp import DEFAULT_SUITE, SUITES, Cipher, CryptoLine, make_crypto

Srtp = Literal["off", "sdes"]


@dataclass(frozen=True)
class Terms:
    """What a caller is ready to speak."""

    codecs: tuple[str, ...]
    """Names in order of preference."""
    srtp: Srtp = "off"
    suite: str = DEFAULT_SUITE


ANY = Terms(("PCMU", "PCMA", "opus"))


@dataclass
class _Keys:
    """The cipher lives as long as both keys: a fresh one would forget how often the sequence numbers have wrapped."""

    ours: CryptoLine
    theirs: CryptoLine | None = None
    cipher: Cipher | None = None

    def meet(self, theirs: CryptoLine) -> Cipher:
        if self.cipher is None or theirs.key != self.theirs_key:
            self.theirs, self.cipher = theirs, Cipher.of_sdes(self.ours, theirs)
        return self.cipher

    @property
    def theirs_key(self) -> object:
        return None if self.theirs is None else self.theirs.key


@dataclass
class Negotiation:
    """The state of offer and answer; every method may be called again for a re-INVITE."""

    terms: Terms
    address: Address
    _keys: _Keys = field(init=False)
    _ours: Description = field(init=False)

    def __post_init__(self) -> None:
        if self.terms.suite not in SUITES:
            raise MediaError(f"crypto suite {self.terms.suite} is not known: use one of {', '.join(SUITES)}")
        self._keys = _Keys(make_crypto(suite=self.terms.suite))
        crypto = (self._keys.ours,) if self.terms.srtp == "sdes" else ()
        codecs = tuple(CODECS[name] for name in self.terms.codecs)
        self._ours = Description(secrets.randbits(48), *self.address, codecs, crypto)

    @property
    def offer(self) -> str:
        return str(self._ours)

    def change(self, direction: Direction) -> str:
        """Our next offer: hold or resume."""
        self._ours = self._ours.changed(direction)
        return str(self._ours)

    def accept_answer(self, sdp: str) -> Agreement:
        """Raises MediaError with what the answer says that we cannot take."""
        audio = _parse(sdp)
        return self._agree(audio, *_choose(audio, self.terms.codecs))

    def answer(self, sdp: str) -> tuple[str, Agreement]:
        """Our answer to the peer's offer. Raises MediaError."""
        audio = _parse(sdp)
        codec, payload_type = _choose(audio, self.terms.codecs)
        events = audio.events(codec.clock_rate)
        numbers = [(codec.name, payload_type)]
        if events is not None:
            numbers.append((f"{EVENTS}/{codec.clock_rate}", events))
        if audio.encrypted:
            self._keys.ours = replace(self._keys.ours, tag=_pick(audio, self._keys.ours.suite).tag)
        self._ours = replace(
            self._ours.changed(reverse(audio.direction)),
            codecs=(codec,),
            payload_types=tuple(numbers),
            crypto=(self._keys.ours,) if audio.encrypted else (),
            rtcp_mux=audio.rtcp_mux,
        )
        return str(self._ours), self._agree(audio, codec, payload_type)

    def _agree(self, audio: Audio, codec: Codec, payload_type: int) -> Agreement:
        if audio.encrypted != (self.terms.srtp == "sdes"):
            raise MediaError(f"the peer {'wants' if audio.encrypted else 'does not take'} SRTP: use --srtp accordingly")
        mux = audio.rtcp_mux and self._ours.rtcp_mux
        return Agreement(
            codec=codec,
            payload_type=payload_type,
            events=audio.events(codec.clock_rate),
            remote=(audio.address, audio.port),
            remote_rtcp=(audio.address, audio.port if mux else audio.rtcp_port),
            cipher=self._meet(audio) if audio.encrypted else None,
            sends=audio.direction in ("sendrecv", "recvonly") and self._ours.direction in ("sendrecv", "sendonly"),
        )

    def _meet(self, audio: Audio) -> Cipher:
        try:
            return self._keys.meet(_pick(audio, self._keys.ours.suite))
        except SdpError as error:
            raise MediaError(f"the peer's keys cannot be used: {error}") from None


def _parse(sdp: str) -> Audio:
    try:
        return parse_sdp(sdp)
    except SdpError as error:
        raise MediaError(f"the peer's SDP cannot be used: {error}") from None


def _choose(audio: Audio, codecs: tuple[str, ...]) -> tuple[Codec, int]:
    chosen = audio.choose(codecs)
    if audio.port == 0 or chosen is None:
        raise MediaError(f"the peer speaks none of {', '.join(codecs)} with us: try another --codec")
    return chosen


def _pick(audio: Audio, suite: str) -> CryptoLine:
    for line in audio.crypto:
        if line.suite == suite:
            return line
    raise MediaError(f"the peer gives no key for {suite}")
