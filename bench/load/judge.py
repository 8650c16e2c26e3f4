"""Listens to what came back: loss, gaps, delay, silence, and whether anybody was heard where he does not belong. Pure.

Mouth to ear is counted from the moment at which a sample's packet was sent to the moment at which the packet with that
sample came back, each with the sample's place in its packet: what the server and the way cost, without the 20 ms that
every caller spends on filling a packet and without what his own coder holds back (6.5 ms in Opus).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.call.codecs import CODECS, Decoder
from bench.call.errors import PacketError
from bench.call.rtp import RtpPacket, is_rtcp, parse_rtp
from bench.load.drive import Log
from bench.load.script import Line
from bench.load.sound import FRAMES_A_SECOND, RATES, TONE_PEAK, find_markers, held_back, payloads
from bench.load.spectrum import Spectrum
from bench.load.work import Leg, Work

FRAME_MS = 1000 // FRAMES_A_SECOND
CLEAR = 0.2
"""A tone counts as heard from this share of the loudness it was sent with (-14 dB)."""
FOREIGN = 0.02
"""A tone that does not belong there counts from this share on (-34 dB)."""
_BEYOND = 2.0
"""So many times what the coder of those who belong there makes of it by itself."""
_LONGEST_WAY = 0.45
"""Seconds. A marker that comes later is taken for another one: it is not counted."""
Wave = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Stream:
    """What one leg was sent, ordered by sequence number."""

    at_ns: npt.NDArray[np.int64]
    """In order of arrival."""
    lost: int
    doubled: int
    sources: int
    sound: Wave
    """At the codec's rate, silence where a packet is missing."""
    heard_ns: npt.NDArray[np.int64]
    """When each frame of 20 ms of `sound` came; 0: never."""
    unreadable: int = 0


@dataclass(frozen=True)
class Verdict:
    """Over all legs."""

    packets: int
    lost: int
    """Sequence numbers that never came."""
    missing: int
    """Packets short of 50 a second, whatever their sequence numbers say."""
    doubled: int
    unreadable: int
    gap_ms: dict[str, float]
    """Time between a leg's packets: p50, p99, max."""
    mouth_to_ear_ms: dict[str, float]
    """p50, p99, max and how many markers were timed."""
    dropouts: int
    """Frames of silence in the middle of what a leg should have heard without a break."""
    not_heard: tuple[tuple[int, int], ...]
    """(listener, speaker) that should have been heard, and was not."""
    wrongly_heard: tuple[tuple[int, int], ...]
    """(listener, speaker) that was heard and should not have been."""

    @property
    def right(self) -> bool:
        """Everybody heard whom he should, and nobody else."""
        return not self.not_heard and not self.wrongly_heard


def judge(work: Work, lines: list[Line], log: Log, first_ns: int, last_ns: int) -> Verdict:
    """The verdict on the time from `first_ns` to `last_ns` of the system's clock. The log holds it from its start:
    SRTP needs the packets before."""
    streams = {line.leg.number: stream_of(line, log, first_ns, last_ns) for line in lines}
    expected = int((last_ns - first_ns) / 1e6 / FRAME_MS)
    ways = [way for leg in work.legs for way in _ways(leg, work, streams[leg.number], log.sent_ns)]
    pairs = [_heard(leg, work, streams[leg.number]) for leg in work.legs]
    gaps = np.concatenate([np.zeros(0), *(np.diff(stream.at_ns) / 1e6 for stream in streams.values())])
    return Verdict(
        packets=sum(len(stream.at_ns) for stream in streams.values()),
        lost=sum(stream.lost for stream in streams.values()),
        missing=sum(max(0, expected - 1 - len(stream.at_ns)) for stream in streams.values()),
        doubled=sum(stream.doubled for stream in streams.values()),
        unreadable=sum(stream.unreadable for stream in streams.values()),
        gap_ms=_spread(gaps),
        mouth_to_ear_ms={**_spread(np.array(ways)), "markers": len(ways)},
        dropouts=sum(_dropouts(leg, work, streams[leg.number]) for leg in work.legs),
        not_heard=tuple(pair for missed, _ in pairs for pair in missed),
        wrongly_heard=tuple(pair for _, wrong in pairs for pair in wrong),
    )


def stream_of(line: Line, log: Log, first_ns: int, last_ns: int) -> Stream:
    rows = np.flatnonzero(log.legs == line.leg.number)
    packets, at, unreadable = [], [], 0
    for row in rows.tolist():
        data = log.data[row, : log.sizes[row]].tobytes()
        if is_rtcp(data):
            continue
        try:
            packet = parse_rtp(data if line.cipher is None else line.cipher.unprotect(data))
        except PacketError:
            unreadable += 1
            continue
        if packet.payload_type == line.payload_type:
            packets.append(packet)
            at.append(int(log.at_ns[row]))
    chosen = [number for number, when in enumerate(at) if first_ns <= when < last_ns]
    return _assemble(line.leg, [packets[number] for number in chosen], np.array(at, np.int64)[chosen], unreadable)


def _assemble(leg: Leg, packets: list[RtpPacket], at_ns: npt.NDArray[np.int64], unreadable: int) -> Stream:
    if not packets:
        return Stream(at_ns, 0, 0, 0, np.zeros(0, np.float32), at_ns, unreadable)
    sequences = _extended(np.array([packet.sequence for packet in packets]))
    order = np.unique(sequences, return_index=True)
    lost = int(order[0][-1] - order[0][0]) + 1 - len(order[0])
    sound, heard = _sound(leg, [packets[index] for index in order[1].tolist()], order[0], at_ns[order[1]])
    sources = len({packet.ssrc for packet in packets})
    return Stream(at_ns, lost, len(packets) - len(order[0]), sources, sound, heard, unreadable)


def _extended(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sequence numbers without their wrap at 16 bits."""
    steps = (np.diff(values) + 32768) % 65536 - 32768
    return np.concatenate([values[:1], values[0] + np.cumsum(steps)])


def _sound(
    leg: Leg, packets: list[RtpPacket], sequences: npt.NDArray[np.int64], at_ns: npt.NDArray[np.int64]
) -> tuple[Wave, npt.NDArray[np.int64]]:
    """A packet is a frame: that is what was negotiated, and what every server here sends."""
    decoder: Decoder = CODECS[leg.codec].make_decoder()
    frame = RATES[leg.codec] // FRAMES_A_SECOND
    count = int(sequences[-1] - sequences[0]) + 1
    sound, heard = np.zeros((count, frame), np.float32), np.zeros(count, np.int64)
    for place, packet, when in zip((sequences - sequences[0]).tolist(), packets, at_ns.tolist(), strict=True):
        samples = decoder.decode(packet.payload)[:frame]
        sound[place, : len(samples)] = samples
        heard[place] = when
    return sound.reshape(-1), heard


def _ways(leg: Leg, work: Work, stream: Stream, sent_ns: npt.NDArray[np.int64]) -> list[float]:
    """Milliseconds of every marker from its speaker to this leg."""
    speakers = work.heard_by(leg)
    if not speakers or not len(stream.sound):
        return []
    rate = RATES[leg.codec]
    frame = rate // FRAMES_A_SECOND
    begun = np.sort(np.concatenate([_marker_times(speaker, sent_ns) for speaker in speakers]))
    ways = []
    for at in find_markers(stream.sound, rate).tolist():
        if not (came := int(stream.heard_ns[at // frame])):
            continue
        ear = came + (at % frame) * 1_000_000_000 // rate
        before = int(np.searchsorted(begun, ear, side="right")) - 1
        way = (ear - int(begun[before])) / 1e9 if before >= 0 else _LONGEST_WAY
        if way < min(_LONGEST_WAY, 1 / len(speakers)):
            ways.append(1000 * way)
    return ways


def _marker_times(speaker: Leg, sent_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """When each marker would be heard if its packets were decoded as they are sent."""
    sent = sent_ns[round(speaker.slot * FRAMES_A_SECOND) :: FRAMES_A_SECOND, speaker.number]
    return sent + round(held_back(speaker.codec) * 1e9)


def _heard(leg: Leg, work: Work, stream: Stream) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(not heard, wrongly heard) of a listener."""
    should = {speaker.number for speaker in work.heard_by(leg)}
    own = {speaker.tone for speaker in work.heard_by(leg)}
    spectrum = Spectrum(stream.sound, RATES[leg.codec])
    missed, wrong = [], []
    for speaker in work.legs:
        if speaker.tone is None:
            continue
        if speaker.number in should and spectrum.level(speaker.tone) < CLEAR * TONE_PEAK:
            missed.append((leg.number, speaker.number))
        elif (
            speaker.number not in should
            and speaker.tone not in own
            and spectrum.holds(speaker.tone, FOREIGN * TONE_PEAK)
            and spectrum.level(speaker.tone)
            > _BEYOND * max((_made(heard, speaker.tone, spectrum.seconds) for heard in work.heard_by(leg)), default=0.0)
        ):
            wrong.append((leg.number, speaker.number))
    return missed, wrong


def _made(speaker: Leg, tone: int, seconds: int) -> float:
    """How loud another tone is in what the speaker sends: G.711 makes 2400 Hz of 800 Hz, too."""
    if speaker.tone is None:
        return 0.0
    decoder: Decoder = CODECS[speaker.codec].make_decoder()
    sound = np.concatenate([decoder.decode(payload) for payload in payloads(speaker) * seconds])
    return Spectrum(sound, RATES[speaker.codec]).level(tone)


def _dropouts(leg: Leg, work: Work, stream: Stream) -> int:
    """Tones have no pauses: a frame far below the others is a hole."""
    if not work.heard_by(leg) or not len(stream.sound):
        return 0
    frames = stream.sound.reshape(-1, RATES[leg.codec] // FRAMES_A_SECOND)
    loudness = np.sqrt((frames**2).mean(axis=1))
    return int((loudness < np.median(loudness) / 4).sum())


def _spread(values: npt.NDArray[np.float64]) -> dict[str, float]:
    if not len(values):
        return {}
    p50, p99 = np.percentile(values, (50, 99))
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2), "max": round(float(values.max()), 2)}
