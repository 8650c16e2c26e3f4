"""From placed packets to samples, a block at a time and a side at a time.

Sound of 8 kHz is kept at that, sample for sample, until the parties of a side have been added up. A clock that drifts
costs one sample, spread over one packet, when its place is off by more than three quarters of a sample.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.finalizing import g711, g722, opus, resample
from recorder.finalizing.placement import Run
from recorder.spooling.index import Track, Where, column
from recorder.wire import Codec

NARROW = 8000
WIDE = opus.RATE
BLOCK_SECONDS = 5
_AHEAD = 0.02
"""Seconds after a block that are complete, too, for the filter that doubles the rate."""
_ROOM = 2
"""Seconds after a block in which its last packets may end."""
_SLIP = 0.75
_SNAP_SECONDS = 0.005
_LOOKAHEAD = np.zeros(256)
_LOOKAHEAD[Codec.OPUS] = opus.LOOKAHEAD_SECONDS
_LOOKAHEAD[Codec.G722] = g722.LOOKAHEAD_SECONDS
_WIDE_BAND = frozenset((Codec.OPUS, Codec.G722, Codec.L16_16000))
Samples = NDArray[np.int16]
Sums = NDArray[np.int32]


class Payloads(Protocol):
    def payload(self, where: Where) -> bytes: ...


class Cues(NamedTuple):
    """Packets in the order in which they are played, as columns."""

    start: NDArray[np.float64]
    """In seconds from the beginning."""
    run: NDArray[np.int32]
    packet: NDArray[np.int32]
    follows: NDArray[np.bool_]
    """Whether it begins where the one before it in its run ends."""


class Strip:
    """A window of one party's samples at one rate, moving over the time line."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._start = 0
        self._samples = np.zeros((BLOCK_SECONDS + _ROOM) * rate, np.int16)

    def put(self, position: int, samples: Samples) -> None:
        """What lies outside of the window is lost; inside, the later one wins."""
        start = position - self._start
        low, high = max(start, 0), min(start + len(samples), len(self._samples))
        if low < high:
            self._samples[low:high] = samples[low - start : high - start]

    def silence(self, spans: list[tuple[float, float]]) -> None:
        for start, end in spans:
            low, high = (round(at * self.rate) - self._start for at in (start, end))
            self._samples[max(low, 0) : max(high, 0)] = 0

    def window(self) -> Samples:
        """The block, and REACH samples more."""
        return self._samples[: BLOCK_SECONDS * self.rate + resample.REACH]

    def advance(self) -> None:
        size = BLOCK_SECONDS * self.rate
        self._samples[:-size] = self._samples[size:].copy()
        self._samples[-size:] = 0
        self._start += size


class _Cursor:
    """Where a run stands: keeps consecutive packets seamless."""

    def __init__(self) -> None:
        self._opus: opus.OpusDecoder | None = None
        self._g722: g722.G722Decoder | None = None
        self.position: int | None = None
        """Where the sound of the last packet ended; None when there was none."""

    def decode(self, codec: int, payload: bytes) -> Samples:
        """The sound of the run's next packet. Raises Undecodable."""
        match codec:
            case Codec.PCMU:
                return g711.MU_LAW[np.frombuffer(payload, np.uint8)]
            case Codec.PCMA:
                return g711.A_LAW[np.frombuffer(payload, np.uint8)]
            case Codec.L16_8000 | Codec.L16_16000:
                return np.frombuffer(payload, ">i2", len(payload) // 2).astype(np.int16)
            case Codec.G722:
                self._g722 = self._g722 or g722.G722Decoder()
                return self._g722.decode(payload)
            case _:
                self._opus = self._opus or opus.OpusDecoder()
                return self._opus.decode(payload)

    def fit(self, exact: float, samples: Samples, follows: bool) -> tuple[int, Samples]:
        """The position of the samples, and the samples, a little longer or shorter where the clock drifts."""
        if not follows or self.position is None:
            return round(exact), samples
        error = exact - self.position
        if abs(error) > _SNAP_SECONDS * WIDE:
            return round(exact), samples
        if abs(error) > _SLIP:
            return self.position, resample.stretch(samples, len(samples) + (1 if error > 0 else -1))
        return self.position, samples


class Voice:
    """One party: decodes its packets when their time has come."""

    def __init__(self, track: Track, runs: list[Run], payloads: Payloads, pauses: list[tuple[float, float]]) -> None:
        self._track = track
        self._payloads = payloads
        self._pauses = pauses
        self._cues = _cues(track, runs)
        self._next = 0
        self._cursors = [_Cursor() for _ in runs]
        self.strips = {rate: Strip(rate) for rate in (NARROW, WIDE)}
        self.undecodable = _soundless(track, runs)

    def render(self, until: float) -> None:
        """Fills the strips with all packets that begin before `until`, and silences the pauses."""
        end = int(np.searchsorted(self._cues.start, until))
        for row in zip(*(values[self._next : end].tolist() for values in self._cues), strict=True):
            self._play(*row)
        self._next = end
        for strip in self.strips.values():
            strip.silence(self._pauses)

    def advance(self) -> None:
        """On to the next block."""
        for strip in self.strips.values():
            strip.advance()

    def _play(self, start: float, run: int, packet: int, follows: bool) -> None:
        cursor, codec = self._cursors[run], self._track.codec[packet]
        try:
            samples = cursor.decode(codec, self._payloads.payload(self._track.where(packet)))
        except opus.Undecodable:
            self.undecodable += 1
            cursor.position = None
            return
        strip = self.strips[WIDE if codec in _WIDE_BAND else NARROW]
        position, fitted = cursor.fit(start * strip.rate, samples, follows)
        strip.put(position, fitted)
        cursor.position = position + len(fitted)


def _cues(track: Track, runs: list[Run]) -> Cues:
    """All packets with sound, as they are to be played; those of one run stay in the order of their sequence."""
    none = Cues(np.empty(0), np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.bool_))
    each = [none, *(_cues_of(track, number, run) for number, run in enumerate(runs))]
    together = Cues._make(map(np.concatenate, zip(*each, strict=True)))
    order = np.argsort(together.start, kind="stable")
    return Cues._make(values[order] for values in together)


def _cues_of(track: Track, number: int, run: Run) -> Cues:
    """What a run that takes over covers is not played: two would be heard in turns."""
    durations = np.asarray(track.duration)[run.packets]
    sounding = (durations > 0) & (run.next is None or run.start < run.next[0])
    packets = run.packets[sounding]
    early = _LOOKAHEAD[np.asarray(track.codec)[run.packets]]
    begin = column(track.timestamp)[packets]
    follows = np.zeros(len(packets), np.bool_)
    follows[1:] = begin[1:] == begin[:-1] + durations[sounding][:-1]
    start = np.maximum.accumulate(run.start - early)[sounding]
    return Cues(start, np.full(len(packets), number, np.int32), packets.astype(np.int32), follows)


def _soundless(track: Track, runs: list[Run]) -> int:
    """How many packets should hold sound and cannot."""
    silent = (np.asarray(track.duration) == 0) & (np.asarray(track.codec) != Codec.COMFORT_NOISE)
    return sum(int(np.count_nonzero(silent[run.packets])) for run in runs)


def wide_band(codecs: Iterable[int]) -> bool:
    """Whether one of them is kept at 16 kHz."""
    return not _WIDE_BAND.isdisjoint(codecs)


class Side:
    """One channel of the sound: adds its voices up, whose turn the Mixer says."""

    def __init__(self, voices: list[Voice], rate: int) -> None:
        self._voices = voices
        self._rate = rate
        self._before = np.zeros(resample.REACH, np.int32)
        """The end of the last block at 8 kHz."""

    def block(self) -> Samples:
        """The block that has been rendered."""
        return np.clip(np.rint(self._mix()), -32768, 32767).astype(np.int16)

    def _mix(self) -> NDArray[np.float64] | Sums:
        narrow = self._sum(NARROW)
        size = BLOCK_SECONDS * NARROW
        if self._rate == NARROW:
            return narrow[:size]
        doubled = resample.double(np.concatenate((self._before, narrow)))
        self._before = narrow[size - resample.REACH : size].copy()
        return doubled + self._sum(WIDE)[: BLOCK_SECONDS * WIDE]

    def _sum(self, rate: int) -> Sums:
        total = np.zeros(BLOCK_SECONDS * rate + resample.REACH, np.int32)
        for voice in self._voices:
            total += voice.strips[rate].window()
        return total


def mixed(voices: list[Voice], sides: list[Side], frames: int, rate: int) -> Iterator[list[Samples]]:
    """Blocks of all sides, each an array of samples, until there are `frames` of them; a voice may be in several."""
    done = 0
    while done < frames:
        until = float(done // rate + BLOCK_SECONDS)
        for voice in voices:
            voice.render(until + _AHEAD)
        yield [side.block()[: frames - done] for side in sides]
        for voice in voices:
            voice.advance()
        done += BLOCK_SECONDS * rate
