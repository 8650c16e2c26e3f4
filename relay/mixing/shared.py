"""What is made once in a tick for all who hear it: the packets of Opus, and the frames of G.711. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from relay.codecs import g711
from relay.codecs.opus_choir import encode_each
from relay.mixing.choir import Choir, Numbers
from relay.mixing.hearing import NO_MIX, Mixes
from relay.mixing.resample import NARROW, RATES
from relay.mixing.sending import OpusSender, Packet
from relay.party import Party, Room
from relay.passing.outbound import Heard, Voices
from relay.passing.waiting import FRAME

Faults = list[tuple[str, Exception]]
"""(leg, error)"""


class Mixed(msgspec.Struct, frozen=True):
    """What there is to hear in a tick, by rate."""

    mixes: Mapping[int, Mixes]
    sounds: Mapping[int, npt.NDArray[np.int16]]
    """int16[mixes, samples]."""

    def number(self, rate: int, row: int) -> int:
        """Of the mix that a row hears at a rate; NO_MIX: silence."""
        return int(self.mixes[rate].of_row[row])

    @property
    def numbers(self) -> Numbers:
        """int64[len(RATES), rows]: the mix that each row of sound hears at each rate."""
        return np.stack([self.mixes[rate].of_row for rate in RATES])


class _Settled(msgspec.Struct, frozen=True):
    """A tick in which nobody moves."""

    mixes: list[Mixes]
    changes: int
    """Of the choir."""
    wanted: dict[OpusSender, int]
    """What each sender is to encode."""

    def holds(self, mixes: list[Mixes], choir: Choir) -> bool:
        """Whether it is so again."""
        same = all(now is then for now, then in zip(mixes, self.mixes, strict=True))
        return same and self.changes == choir.changes


class Shared:
    """The Opus of all legs of a worker: what each sender makes of a tick, for all legs that it is shared by."""

    def __init__(self) -> None:
        self.choir = Choir()
        """Those whose packets are sent in columns."""
        self._restless: set[Room] = set()
        self._settled: _Settled | None = None

    def encode(
        self, mixed: Mixed, mixed_for: Iterable[Party], faults: Faults
    ) -> tuple[dict[OpusSender, list[Packet]], Voices]:
        """For those who are mixed for one by one, and for the choir. `faults` is told of those whose sender cannot."""
        wanted = self._arrange(mixed, [leg for leg in mixed_for if isinstance(leg.sender, OpusSender)])
        encoded: dict[OpusSender, list[Packet]] = {}
        for sender, outcome in _encoded(mixed, wanted):
            if isinstance(outcome, Exception):  # one leg's fault must not silence the worker
                faults += [(leg.name, outcome) for leg in (*mixed_for, *self.choir) if leg.sender is sender]
            else:
                encoded[sender] = outcome
        return encoded, self._voices(encoded, len(mixed.mixes[NARROW].of_row))

    def _arrange(self, mixed: Mixed, one_by_one: list[Party]) -> dict[OpusSender, int]:
        """What each sender is to encode. Rooms in which nobody moves are seen to all at once."""
        if not one_by_one and not len(self.choir) and not self._restless:
            return {}
        mixes = list(mixed.mixes.values())
        if not one_by_one and self._settled is not None and self._settled.holds(mixes, self.choir):
            return self._settled.wanted
        wanted, restless = self.choir.listen(mixed.numbers) if len(self.choir) else ({}, set[Room]())
        restless |= {leg.room for leg in one_by_one}
        for room in self._restless - restless:
            room.sharing.forget()
        self._restless = restless
        self._settled = None if restless else _Settled(mixes, self.choir.changes, wanted)
        if not restless:
            return wanted
        singers = self.choir.of(restless)
        by_room: dict[Room, list[Party]] = defaultdict(list)
        for leg in sorted((*one_by_one, *singers), key=lambda leg: leg.row):
            by_room[leg.room].append(leg)
        for leg in singers:
            wanted.pop(_sender(leg), None)
        before = [leg.sender for leg in singers]
        for room, legs in by_room.items():
            hearings = [(leg, _sender(leg), mixed.number(leg.sender.rate, leg.row)) for leg in legs]
            wanted.update(room.sharing.arrange(hearings))
        if any(leg.sender is not sender for leg, sender in zip(singers, before, strict=True)):
            self.choir.touch()
        return wanted

    def _voices(self, encoded: Mapping[OpusSender, list[Packet]], rows: int) -> Voices:
        if not len(self.choir):
            return Voices.none(rows)
        whole = {sender: packets[0][0] for sender, packets in encoded.items() if len(packets) == 1}
        width = max((1, *map(len, whole.values())))
        octets = b"".join(payload.ljust(width, b"\0") for payload in whole.values())
        return Voices(
            octets=np.frombuffer(octets, np.uint8).reshape(-1, width),
            sizes=np.array([len(payload) for payload in whole.values()], np.int64),
            places=self.choir.places(list(whole), rows),
        )


def heard_by_all(mixed: Mixed, laws: Collection[g711.Law], voices: Voices) -> Heard:
    """The mixes of 8 kHz in each of these laws of G.711, and what the choir is sent."""
    mixes, sounds = mixed.mixes[NARROW], mixed.sounds[NARROW]
    if not len(sounds) or not laws:
        return Heard(_SILENCE, np.full(len(mixes.of_row), NO_MIX, np.int64), voices)
    octets = np.empty((len(g711.LAWS), len(sounds) + 1, FRAME), np.uint8)
    for number, law in enumerate(g711.LAWS):
        if law in laws:
            octets[number, :-1] = g711.encode(law, sounds)
    octets[:, -1:] = _SILENCE
    return Heard(octets, mixes.of_row, voices)


def _encoded(mixed: Mixed, wanted: Mapping[OpusSender, int]) -> Iterable[tuple[OpusSender, list[Packet] | Exception]]:
    """What becomes of each sender's mix: those that are packets of a tick are made together, but for a sender's first,
    whose fault nobody else is to suffer from."""
    together: dict[int, list[OpusSender]] = defaultdict(list)
    for sender, number in wanted.items():
        if number != NO_MIX and sender.is_whole and sender.begun:
            together[sender.rate].append(sender)
        else:
            yield sender, _alone(sender, None if number == NO_MIX else mixed.sounds[sender.rate][number])
    for rate, senders in together.items():
        sounds = mixed.sounds[rate][[wanted[sender] for sender in senders]]
        outcomes = encode_each([sender.encoder for sender in senders], sounds)
        for sender, outcome in zip(senders, outcomes, strict=True):
            yield sender, outcome if isinstance(outcome, Exception) else sender.made(outcome)


def _alone(sender: OpusSender, sound: npt.NDArray[np.int16] | None) -> list[Packet] | Exception:
    try:
        return sender.send_silence() if sound is None else sender.send(sound)
    except Exception as error:
        return error


def _sender(leg: Party) -> OpusSender:
    if not isinstance(leg.sender, OpusSender):
        raise AssertionError("only senders of Opus are shared")
    return leg.sender


_SILENCE = np.repeat(np.array([g711.SILENCE[law] for law in g711.LAWS], np.uint8), FRAME).reshape(-1, 1, FRAME)

NOTHING = Heard(_SILENCE, np.zeros(0, np.int64), Voices.none(0))
"""For nobody."""
