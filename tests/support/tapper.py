"""A synthetic relay worker: makes the tap records of parties that speak tones, and talks to a recorder's tap socket."""

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from ipc.frames import FrameReader, frame
from recorder.wire import ACKNOWLEDGEMENT, BATCH, Codec, Kind, Record, pack
from relay.codecs import g711, g722, l16, opus
from tests.support.impair import CLEAN, Impairment, Network
from tests.support.tones import Samples, tone

MS = 1_000_000
TICK = 20 * MS
CLOCK = 100 * MS
EPOCH = 5_000_000_000_000
"""Where the worker's clock stands when a call begins."""
Span = tuple[float, float]


class Speaker(msgspec.Struct, frozen=True):
    """One party: what it sends, over which network, and what the worker is told to leave out."""

    party: int
    freq: float = 440.0
    codec: Codec = Codec.PCMU
    begin: float = 0.0
    """Seconds from the call's beginning."""
    end: float = 10.0
    pauses: tuple[Span, ...] = ()
    network: Impairment = CLEAN
    seed: int = 1
    skew: float = 0.0
    """By which part the sender's clock is faster than the worker's."""
    sound: Samples | None = None
    """Instead of the tone, from `begin` on, at the codec's own rate."""
    first_sequence: int = 65_000
    first_timestamp: int = 123_456
    ssrc: int = 0
    """0: one of its own."""
    ends: bool = True


def codec_rate(codec: Codec) -> int:
    return 16000 if codec in (Codec.OPUS, Codec.G722, Codec.L16_16000) else 8000


def clock_of(codec: Codec) -> int:
    return {Codec.OPUS: 48000, Codec.L16_16000: 16000}.get(codec, 8000)


def speak(recording: str, speaker: Speaker) -> list[Record]:
    """All records of one party, in the order of the tap."""
    name = bytes.fromhex(recording)
    events = list(_events(name, speaker))
    network: Network[Record] = Network(speaker.network, speaker.seed)
    sent = ((_at(speaker.begin) + _sent_after(speaker, index), record) for index, record in _packets(name, speaker))
    arrived = [delivered.packet._replace(clock=delivered.at_ns) for delivered in network.carry(sent)]
    heard = [record for record in arrived if _is_tapped(speaker, record.clock)]
    return sorted(events + heard, key=lambda record: record.clock)


def call(recording: str, speakers: Iterable[Speaker]) -> list[Record]:
    """The records of several parties, in the order of the tap."""
    return sorted((record for one in speakers for record in speak(recording, one)), key=lambda record: record.clock)


def batches(records: Iterable[Record]) -> Iterator[bytes]:
    """What the worker writes each tick, without the batch numbers."""
    due, body = EPOCH + TICK, bytearray()
    for record in records:
        if record.clock >= due and body:
            yield bytes(body)
            body.clear()
        due = max(due, record.clock - record.clock % TICK + TICK)
        body += pack(record)
    if body:
        yield bytes(body)


class Tapper:
    """A worker's end of the tap: keeps what was not acknowledged, and says it again on the next connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._worker = secrets.token_bytes(16)
        self._number = 0
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.acknowledged = 0

    async def connect(self) -> None:
        """Raises OSError."""
        reader, self._writer = await asyncio.open_unix_connection(self._path)
        self._writer.write(frame(self._worker) + b"".join(self._held.values()))
        self._reading = asyncio.create_task(self._read(reader))

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
            self._writer = None

    def send(self, body: bytes) -> None:
        """One batch; kept when there is no connection."""
        self._number += 1
        data = self._held[self._number] = frame(BATCH.pack(self._number) + body)
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)

    async def drained(self, timeout: float = 10.0) -> None:
        """Until everything is acknowledged. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while self._held:
                self._changed.clear()
                await self._changed.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for payload in frames.feed(data):
                    self._acknowledge(*ACKNOWLEDGEMENT.unpack(payload))

    def _acknowledge(self, number: int) -> None:
        assert number <= self._number, "the recorder acknowledged what was never sent"
        self.acknowledged = max(self.acknowledged, number)
        while self._held and next(iter(self._held)) <= number:
            self._held.popitem(last=False)
        self._changed.set()


def _at(seconds: float) -> int:
    return EPOCH + round(seconds * 1e9)


def _sent_after(speaker: Speaker, index: int) -> int:
    return round(index * TICK / (1 + speaker.skew))


def _events(name: bytes, speaker: Speaker) -> Iterator[Record]:
    yield Record(name, Kind.BEGIN, speaker.party, _at(speaker.begin))
    for start, end in speaker.pauses:
        yield Record(name, Kind.PAUSE, speaker.party, _at(start))
        if end < speaker.end:
            yield Record(name, Kind.RESUME, speaker.party, _at(end))
    for clock in range(_at(speaker.begin), _at(speaker.end), CLOCK):
        yield Record(name, Kind.CLOCK, speaker.party, clock)
    if speaker.ends:
        yield Record(name, Kind.END, speaker.party, _at(speaker.end))


def _is_tapped(speaker: Speaker, clock: int) -> bool:
    paused = any(_at(start) <= clock < _at(end) for start, end in speaker.pauses)
    return not paused and _at(speaker.begin) <= clock < _at(speaker.end)


def _packets(name: bytes, speaker: Speaker) -> Iterator[tuple[int, Record]]:
    rate = codec_rate(speaker.codec)
    sound = speaker.sound
    if sound is None:
        sound = tone(speaker.freq, speaker.end - speaker.begin, rate)
    step = rate // 50
    for index, payload in enumerate(_encode(speaker.codec, sound, step)):
        timestamp = speaker.first_timestamp + index * clock_of(speaker.codec) // 50
        sequence = speaker.first_sequence + index
        ssrc = speaker.ssrc or 7000 + speaker.party
        yield index, Record(name, Kind.PACKET, speaker.party, 0, speaker.codec, sequence, timestamp, ssrc, payload)


def _encode(codec: Codec, sound: Samples, step: int) -> Iterator[bytes]:
    whole = sound[: len(sound) // step * step].reshape(-1, step)
    if codec is Codec.OPUS:
        encoder = opus.Encoder(16000, 32000)
        yield from (encoder.encode(np.ascontiguousarray(row)) for row in whole)
    elif codec is Codec.G722:
        g722_encoder = g722.Encoder()
        yield from (g722_encoder.encode(row) for row in whole)
    elif codec in (Codec.L16_8000, Codec.L16_16000):
        yield from (l16.encode(row) for row in whole)
    else:
        law: g711.Law = "PCMU" if codec is Codec.PCMU else "PCMA"
        yield from (g711.encode(law, row).tobytes() for row in whole)
