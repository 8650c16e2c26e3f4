"""What a measurement asks of a server: legs, who shares a room, who speaks, who is to be heard. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

CodecName = Literal["PCMU", "opus"]
FIRST_HZ, LAST_HZ = 400, 3000
NEAREST_HZ = 5
"""With less between them, two tones cannot be told apart in a few seconds of a stream that is not perfect."""
MAX_TONES = (LAST_HZ - FIRST_HZ) // NEAREST_HZ


@dataclass(frozen=True)
class Leg:
    """A caller: 50 packets of 20 ms a second to the server, and as many back."""

    number: int
    room: int
    codec: CodecName
    srtp: bool
    tone: int | None
    """Hz, of none of the next MAX_TONES legs; None: it sends silence."""
    slot: float = 0.0
    """When in each second its marker sounds, in seconds."""


@dataclass(frozen=True)
class Work:
    name: str
    title: str
    legs: tuple[Leg, ...]

    @property
    def rooms(self) -> dict[int, list[Leg]]:
        rooms: dict[int, list[Leg]] = {}
        for leg in self.legs:
            rooms.setdefault(leg.room, []).append(leg)
        return rooms

    def heard_by(self, leg: Leg) -> tuple[Leg, ...]:
        """Who speaks in its room, without itself."""
        return tuple(other for other in self.rooms[leg.room] if other.tone is not None and other is not leg)

    def plain(self) -> "Work":
        """The same without SRTP."""
        return replace(self, legs=tuple(replace(leg, srtp=False) for leg in self.legs))


def pairs(codecs: tuple[CodecName, CodecName], srtp: tuple[bool, bool]) -> Callable[[int], Iterator[Leg]]:
    """Rooms of two, both speaking."""

    def legs(count: int) -> Iterator[Leg]:
        tones = _tones(count)
        for number in range(count):
            side = number % 2
            yield Leg(number, number // 2, codecs[side], srtp[side], tones[number], 0.5 * side)

    return legs


def conference(codec: CodecName, srtp: bool, speakers: int = 3) -> Callable[[int], Iterator[Leg]]:
    """One room; the speakers' markers do not fall together."""

    def legs(count: int) -> Iterator[Leg]:
        tones = [FIRST_HZ + 130 * number + 13 * number**2 for number in range(speakers)]  # no sum or difference of two
        for number in range(count):
            speaks = number < speakers
            slot = round(50 * number / speakers) / 50 if speaks else 0.0
            yield Leg(number, 0, codec, srtp, tones[number] if speaks else None, slot)

    return legs


@dataclass(frozen=True)
class Kind:
    """A kind of work that can be had in any size."""

    title: str
    legs: Callable[[int], Iterator[Leg]]
    default: int
    pair: bool


KINDS = {
    "pcmu-room": Kind("PCMU conference, one room, 3 speakers", conference("PCMU", True), 100, False),
    "pcmu-pairs": Kind("PCMU rooms of 2", pairs(("PCMU", "PCMU"), (True, True)), 200, True),
    "pcmu-pairs-plain": Kind("PCMU rooms of 2, plain RTP", pairs(("PCMU", "PCMU"), (False, False)), 200, True),
    "opus-room": Kind("Opus conference, one room, 3 speakers", conference("opus", True), 80, False),
    "opus-pairs": Kind("Opus rooms of 2", pairs(("opus", "opus"), (True, True)), 80, True),
    "srtp-rtp": Kind("PCMU, SRTP <-> RTP, calls of 2", pairs(("PCMU", "PCMU"), (True, False)), 400, True),
    "pcmu-opus": Kind("PCMU <-> Opus, calls of 2", pairs(("PCMU", "opus"), (False, False)), 40, True),
}


def make_work(kind: str, legs: int | None = None) -> Work:
    """Raises ValueError for a kind that does not exist or a number of legs that it cannot have."""
    if kind not in KINDS:
        raise ValueError(f"there is no work named {kind}: choose of {', '.join(KINDS)}")
    chosen = KINDS[kind]
    count = chosen.default if legs is None else legs
    if chosen.pair and (count < 2 or count % 2):
        raise ValueError(f"{kind} takes an even number of legs")
    if not chosen.pair and count < 4:
        raise ValueError(f"{kind} takes 4 legs or more")
    return Work(kind, chosen.title, tuple(chosen.legs(count)))


def _tones(count: int) -> list[int]:
    """Frequencies for so many, each its own as far as there are enough."""
    step = max(NEAREST_HZ, min(130, (LAST_HZ - FIRST_HZ) // max(1, count)))
    return [FIRST_HZ + step * (number % MAX_TONES) for number in range(count)]
