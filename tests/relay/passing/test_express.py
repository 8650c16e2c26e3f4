"""Two legs whose packets go by runs, and the same two without any: nothing that is sent, told or counted differs."""

import contextlib
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pytest

from ipc.messages import Event
from recorder.wire import Record
from relay import api
from relay.api import Hear, Tap
from relay.formats import Codec
from relay.lines import Way
from relay.lines.batch import Batch
from relay.lines.native import NativeLines
from relay.lines.plain import PlainLines
from relay.lines.table import BATCH
from relay.passing.outbound import Heard
from relay.passing.waiting import Coded, Frames, Peaks
from relay.streams.rtp import RtpPacket, parse, serialize
from relay.switchboard import Switchboard
from relay.tapping.tap import TapBook
from tests.relay.calls import MS, OPUS, PCMU, TICK, Peer
from tests.relay.process import ADDRESS, free_ports, offer
from tests.support.impair import CLEAN, Delivered, Impairment
from tests.support.tones import tone

BEAT = 2 * MS
BOTH = (Hear("one", "two"), Hear("two", "one"))
ROUGH = Impairment(loss=0.03, burst=0.005, delay_ms=30, jitter_ms=15, reorder=0.02, duplicate=0.03, duplicate_ms=0)
WORN = Impairment(loss=0.01, delay_ms=20, jitter_ms=6, reorder=0.01, duplicate=0.01, duplicate_ms=0)
JITTER = Impairment(delay_ms=20, jitter_ms=9)
Arrivals = list[Delivered[RtpPacket]]


class MemoryLines(PlainLines):
    """Datagrams are put in and taken out by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: list[tuple[int, bytes, int]] = []
        self.sent: dict[int, list[bytes]] = defaultdict(list)
        self.kept = 0
        self.rested = 0
        self.listened = 0
        """Packets that were made in columns."""
        self.taken = 0
        """Packets that went by runs."""

    def _open(self, line: int, sock: socket.socket) -> None: ...

    def _lead(self, line: int, way: Way | None) -> None: ...

    def _close(self, line: int) -> None: ...

    def _receive(self) -> tuple[Batch, bool]:
        now, self.coming = self.coming[:BATCH], self.coming[BATCH:]
        for place, (line, data, arrival_ns) in enumerate(now):
            self._batch.put(place, (line, 0, arrival_ns), data)
        self._batch.fill(len(now))
        return self._batch, bool(self.coming)

    def _send(self, packets: list[tuple[int, bytes]]) -> Iterable[tuple[int, Exception]]:
        for line, packet in packets:
            self.sent[line].append(packet)
        return []


class NativeMemoryLines(NativeLines):
    """Likewise; what is sent comes out of a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: list[tuple[int, bytes, int]] = []
        self.sent: dict[int, list[bytes]] = defaultdict(list)
        self.kept = self.taken = self.rested = self.listened = 0
        self._of_port: dict[int, int] = {}
        self._sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sink.setblocking(False)
        self._sink.bind((ADDRESS, 0))

    def _open(self, line: int, sock: socket.socket) -> None:
        super()._open(line, sock)
        self._of_port[sock.getsockname()[1]] = line

    def _lead(self, line: int, way: Way | None) -> None:
        super()._lead(line, way and Way(self._sink.getsockname(), way.srtp, way.mux))

    def _receive(self) -> tuple[Batch, bool]:
        self.fetch()
        now, self.coming = self.coming[:BATCH], self.coming[BATCH:]
        for place, (line, data, arrival_ns) in enumerate(now):
            self._batch.put(place, (line, 0, arrival_ns), data)
        self._batch.fill(len(now))
        return self._batch, bool(self.coming)

    def fetch(self) -> None:
        """What was sent until now."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, (_, port) = self._sink.recvfrom(2048)
                self.sent[self._of_port[port]].append(data)

    def shut(self) -> None:
        super().shut()
        self._sink.close()


@dataclass
class World:
    board: Switchboard
    lines: MemoryLines | NativeMemoryLines
    events: list[Event] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    async def open(self, formats: str, *attributes: str, legs: tuple[str, ...] = ("one", "two")) -> None:
        for leg in legs:
            await self.board.handle(api.AddRtpLeg(leg, "room", ADDRESS, offer(9, *attributes, formats=formats)))
        await self.hear(*(Hear(a, b) for a in legs for b in legs if a != b))

    async def hear(self, *hearing: Hear, taps: tuple[Tap, ...] = ()) -> None:
        await self.board.handle(api.SetRoom("room", hearing, taps))

    def settle(self) -> None:
        """All that was sent is here."""
        if isinstance(self.lines, NativeMemoryLines):
            self.lines.fetch()

    def run(self, arrivals: dict[int, Arrivals], from_ms: int, until_ms: int) -> None:
        """Beats and ticks; packets come in on the line of that number."""
        waiting = sorted(
            (item.at_ns, line, serialize(item.packet))
            for line, items in arrivals.items()
            for item in items
            if from_ms * MS < item.at_ns <= until_ms * MS
        )
        for now in range(from_ms * MS + BEAT, until_ms * MS + 1, BEAT):
            while waiting and waiting[0][0] <= now:
                at, line, data = waiting.pop(0)
                self.lines.coming.append((line, data, at))
            if now % TICK == 0:
                self.board.tick(now)
                self.board.look_after_legs(now, now // TICK % 10, 10)
            else:
                self.board.beat()

    @property
    def kept(self) -> int:
        """Packets that were played from columns."""
        return self.lines.kept

    async def reports(self) -> dict[str, api.LegReport]:
        told = await self.board.handle(api.GetLegs())
        assert isinstance(told, api.Legs)
        return {leg.leg: leg for leg in told.legs}


Worlds = tuple[World, World, World]


@pytest.fixture
async def worlds(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worlds]:
    """With runs, in numpy and in C, and without."""
    monkeypatch.setattr("relay.streams.stream.secrets.randbits", lambda bits: (1 << bits) - 40)
    all_ = (
        make_world(monkeypatch, MemoryLines(), True),
        make_world(monkeypatch, NativeMemoryLines(), True),
        make_world(monkeypatch, MemoryLines(), False),
    )
    yield all_
    for world in all_:
        world.board.close()


def make_world(
    monkeypatch: pytest.MonkeyPatch,
    lines: MemoryLines | NativeMemoryLines,
    runs: bool,
    book: TapBook | None = None,
) -> World:
    """What is told to another book is not in its records."""
    first = free_ports()
    monkeypatch.setattr("relay.switchboard.make_lines", lambda: lines)
    events: list[Event] = []
    records: list[Record] = []
    taps = TapBook(records.append) if book is None else book
    board = Switchboard((first, first + 39), taps, events.append)
    if not runs:
        lines.express = None
        for method in ("_begin_run", "_begin_keeping", "_begin_listening"):
            monkeypatch.setattr(board, method, lambda *begin: None)
    play = board._express.play

    def counted(now_ns: int, peaks: Peaks) -> tuple[list[Frames], list[Coded]]:
        frames, coded = play(now_ns, peaks)
        lines.kept += len(board._express._table.waiting)
        lines.rested += int((board._express._table.waiting._rest._rested > 0).sum())
        return frames, coded

    take = board._express.take

    def counting(batch: Batch) -> Iterable[int]:
        left = list(take(batch))
        lines.taken += len(batch) - len(left)
        return left

    send = board._outbound.send

    def sending(heard: Heard) -> None:
        lines.listened += len(board._outbound)
        send(heard)

    monkeypatch.setattr(board._outbound, "send", sending)
    monkeypatch.setattr(board._express, "play", counted)
    monkeypatch.setattr(board._express, "take", counting)
    board.listen(ADDRESS, 0)
    return World(board, lines, events, records)


async def assert_alike(worlds: Worlds) -> None:
    for world in worlds:
        world.settle()
    for fast in worlds[:2]:
        await _assert_same(fast, worlds[2])


async def _assert_same(one: World, other: World) -> None:
    assert one.lines.sent.keys() == other.lines.sent.keys()
    for line, packets in one.lines.sent.items():
        for a, b in zip(map(parse, packets), map(parse, other.lines.sent[line]), strict=True):
            assert a == b
    assert one.records == other.records
    assert _rounded(one.events) == _rounded(other.events)
    first, second = await one.reports(), await other.reports()
    for leg, report in first.items():
        assert _rounded([report]) == _rounded([second[leg]])


def _rounded(told: Iterable[object]) -> list[str]:
    """Figures of jitter are sums in another order."""
    return [str(_round(one)) for one in told]


def _round(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, tuple):
        return tuple(_round(part) for part in value)
    fields = getattr(value, "__struct_fields__", None)
    return value if fields is None else {name: _round(getattr(value, name)) for name in fields}


def speech(codec: str, seconds: float, how: Impairment, seed: int) -> Arrivals:
    peer = Peer("", OPUS if codec == "opus" else PCMU, seed=seed)
    return peer.send(tone(500, seconds, peer.rate), how=how)


FORMATS = {"PCMU": ("0 101",), "opus": ("96 101", "a=rtpmap:96 opus/48000/2")}


@pytest.mark.parametrize("codec", FORMATS)
@pytest.mark.parametrize(("how", "seed"), [(CLEAN, 1), (JITTER, 2), (ROUGH, 3), (ROUGH, 4)])
async def test_a_call_is_the_same(worlds: Worlds, codec: str, how: Impairment, seed: int) -> None:
    for world in worlds:
        await world.open(*FORMATS[codec])
        arrivals = {0: speech(codec, 6, how, seed), 1: speech(codec, 6, how, seed + 50)}
        world.run(arrivals, 0, 6_400)
    assert all(world.lines.taken > (500 if how is not ROUGH else 200) for world in worlds[:2])
    assert worlds[2].lines.taken == 0
    await assert_alike(worlds)


def changed(arrivals: Arrivals, change: Callable[[int, RtpPacket], RtpPacket]) -> Arrivals:
    return [Delivered(item.at_ns, change(number, item.packet)) for number, item in enumerate(arrivals)]


def _with(packet: RtpPacket, **fields: object) -> RtpPacket:
    values = {name: getattr(packet, name) for name in packet.__struct_fields__} | fields
    return RtpPacket(**values)


ODDITIES: dict[str, Callable[[int, RtpPacket], RtpPacket]] = {
    "digits": lambda n, p: _with(p, payload_type=101, payload=bytes([5, 10, 0, 160])) if 100 <= n < 106 else p,
    "another source": lambda n, p: _with(p, ssrc=99, sequence=p.sequence + 900) if n >= 150 else p,
    "a jump of the clock": lambda n, p: _with(p, timestamp=p.timestamp + 80_000) if n >= 150 else p,
    "numbers begin anew": lambda n, p: _with(p, sequence=p.sequence + 20_000) if n >= 150 else p,
    "a marker": lambda n, p: _with(p, marker=n % 40 == 7),
    "another length": lambda n, p: _with(p, payload=p.payload[:80]) if n % 50 == 9 else p,
    "a codec that was not agreed on": lambda n, p: _with(p, payload_type=18) if n % 50 == 9 else p,
    "sources that contributed": lambda n, p: _with(p, csrcs=(1, 2)) if n % 50 == 9 else p,
    "the low end of the counters": lambda n, p: _with(p, sequence=p.sequence - 100, timestamp=p.timestamp - 16_000),
}


def conference(seconds: float, how: Impairment, seed: int, codec: Codec = PCMU) -> dict[int, Arrivals]:
    """Two speak in turn, with pauses in which there is a faint noise, and one is silent."""
    arrivals = {}
    for line in range(3):
        peer = Peer("", codec, seed=seed + line)
        sound = tone(400 + 100 * line, seconds, peer.rate)
        spoken = (np.arange(len(sound)) // peer.rate) % 3 == line
        noise = np.random.default_rng(line).integers(-20, 20, len(sound)).astype(np.int16)
        quiet = noise if line else np.zeros(len(sound), np.int16)
        arrivals[line] = peer.send(np.where(spoken & (line < 2), sound, quiet).astype(np.int16), how=how)
    return arrivals


THREE = ("one", "two", "three")
SPELL = Impairment(delay_ms=10, jitter_ms=60)


@pytest.mark.parametrize(("how", "seed"), [(CLEAN, 1), (JITTER, 2), (SPELL, 5), (ROUGH, 3), (ROUGH, 4)])
async def test_a_conference_is_the_same(worlds: Worlds, how: Impairment, seed: int) -> None:
    for world in worlds:
        await world.open(*FORMATS["PCMU"], legs=THREE)
        arrivals = conference(6, how, seed)
        if how is SPELL:  # then the delay shrinks again
            arrivals = {
                line: sorted(
                    [item for item in items if item.at_ns < 2000 * MS]
                    + [item for item in conference(6, CLEAN, seed)[line] if item.at_ns >= 2200 * MS],
                    key=lambda item: item.at_ns,
                )
                for line, items in arrivals.items()
            }
        world.run(arrivals, 0, 6_200)
    assert all(world.kept > (700 if how in (CLEAN, JITTER) else 200) for world in worlds[:2])
    await assert_alike(worlds)


@pytest.mark.parametrize(("how", "seed"), [(JITTER, 2), (SPELL, 5), (ROUGH, 3)])
async def test_a_conference_of_opus_is_the_same(worlds: Worlds, how: Impairment, seed: int) -> None:
    for world in worlds:
        await world.open(*FORMATS["opus"], legs=THREE)
        world.run(conference(5, how, seed, OPUS), 0, 5_200)
    assert all(world.kept > (600 if how is JITTER else 150) for world in worlds[:2])
    assert [world.lines.listened > 700 for world in worlds] == [True, True, False]
    await assert_alike(worlds)


async def test_silence_is_told_of_who_is_played_from_columns(worlds: Worlds) -> None:
    """Of the one who never sounds, until he does."""
    _, world, _ = worlds
    await world.open(*FORMATS["PCMU"], legs=THREE)
    silence, sound = np.zeros(8000 * 34, np.int16), tone(500, 34, 8000)
    loud_at_last = np.concatenate([silence, sound[: 8000 * 3]])
    sounds = {0: loud_at_last, 1: np.tile(sound, 2)[: len(loud_at_last)], 2: np.tile(sound, 2)[: len(loud_at_last)]}
    world.run({line: Peer("", PCMU, seed=line).send(each) for line, each in sounds.items()}, 0, 37_000)
    assert world.kept > 5000
    alarms = [(each.leg, each.alarm, each.on) for each in world.events if isinstance(each, api.MediaAlarm)]
    assert alarms == [("one", "silence", True), ("one", "silence", False)]


MANY = tuple(f"leg {number}" for number in range(8))
PAUSING = (
    "96 101",
    "a=rtpmap:96 opus/48000/2",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:96 usedtx=1;useinbandfec=1",
)


async def test_who_parts_from_a_shared_encoder_and_comes_back_is_the_same(worlds: Worlds) -> None:
    """Two of a large room speak now and then, beside pauses of which nothing is sent, digits, peers that lose packets,
    a leg that goes and one that comes and has packets of another length."""
    everybody = [Hear(a, b) for a in MANY for b in MANY if a != b]
    for world in worlds:
        for number, leg in enumerate(MANY[:7]):
            formats, *attributes = PAUSING if number > 3 else FORMATS["opus"]
            await world.board.handle(api.AddRtpLeg(leg, "room", ADDRESS, offer(9, *attributes, formats=formats)))
        await world.hear(*everybody)
        spoken = conference(7, CLEAN, 5, OPUS)
        arrivals = {line: spoken[min(line, 2)] for line in range(len(MANY))}
        world.run(arrivals, 0, 2_500)
        await world.board.handle(api.SendDigits(MANY[5], "5", 120))
        world.run(arrivals, 2_500, 3_500)
        for leg in MANY[4:7]:
            world.board._engine.expect_loss(leg, 5.0)
        world.run(arrivals, 3_500, 4_500)
        formats, *attributes = PAUSING
        await world.board.handle(
            api.AddRtpLeg(MANY[7], "room", ADDRESS, offer(9, *attributes, "a=ptime:40", formats=formats))
        )
        await world.board.handle(api.DropLeg(MANY[3]))
        del arrivals[3]
        await world.hear(*everybody[:30])
        world.run(arrivals, 4_500, 7_500)
    assert [world.lines.listened > 1_500 for world in worlds] == [True, True, False]
    await assert_alike(worlds)


def switched_off(seconds: float, how: Impairment, seed: int) -> dict[int, Arrivals]:
    """One goes on speaking; the other two are switched off now and then."""
    arrivals = {}
    for line in range(3):
        peer = Peer("", OPUS, seed=seed + line)
        sound = tone(400 + 100 * line, seconds, peer.rate)
        second = np.arange(len(sound)) // peer.rate
        on = (line == 0) | ((line == 1) & (second != 1) & (second != 2)) | ((line == 2) & (second == 4))
        arrivals[line] = peer.send(np.where(on, sound, 0).astype(np.int16), how=how)
    return arrivals


@pytest.mark.parametrize(("how", "seed"), [(CLEAN, 1), (JITTER, 2), (SPELL, 5), (WORN, 3)])
async def test_a_microphone_that_is_switched_off_is_the_same(worlds: Worlds, how: Impairment, seed: int) -> None:
    for world in worlds:
        await world.open(*FORMATS["opus"], legs=THREE)
        world.run(switched_off(6, how, seed), 0, 6_200)
    least = 120 if how is not WORN else 20
    # In numpy a second packet in a batch ends the run.
    assert [world.lines.rested > least for world in worlds] == [how is not SPELL, True, False]
    await assert_alike(worlds)


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_what_is_out_of_order_in_a_conference_is_the_same(worlds: Worlds, oddity: str) -> None:
    for world in worlds:
        await world.open(*FORMATS["PCMU"], legs=THREE)
        arrivals = conference(4, CLEAN, 1)
        arrivals[0] = changed(arrivals[0], ODDITIES[oddity])
        world.run(arrivals, 0, 4_200)
    assert all(world.kept > 300 for world in worlds[:2])
    await assert_alike(worlds)


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_what_is_out_of_order_is_the_same(worlds: Worlds, oddity: str) -> None:
    for world in worlds:
        await world.open(*FORMATS["PCMU"])
        arrivals = {0: changed(speech("PCMU", 4.5, CLEAN, 1), ODDITIES[oddity]), 1: speech("PCMU", 4.5, CLEAN, 2)}
        world.run(arrivals, 0, 4_600)
    assert all(world.lines.taken > 300 for world in worlds[:2])
    await assert_alike(worlds)


async def test_who_drifts_away_and_who_stops_for_a_while_is_the_same(worlds: Worlds) -> None:
    for world in worlds:
        await world.open(*FORMATS["PCMU"])
        late = [
            Delivered(item.at_ns + max(0, n - 100) * 60 * MS, item.packet)
            for n, item in enumerate(speech("PCMU", 4, CLEAN, 1))
        ]
        pausing = [item for item in speech("PCMU", 8, CLEAN, 2) if not 2000 * MS < item.at_ns < 4000 * MS]
        world.run({0: late, 1: pausing}, 0, 9_000)
    await assert_alike(worlds)


async def test_changes_in_the_middle_are_the_same(worlds: Worlds) -> None:
    tap = (Tap("one", "00" * 16, 0),)
    for world in worlds:
        await world.open(*FORMATS["PCMU"])
        arrivals = {0: speech("PCMU", 9, CLEAN, 1), 1: speech("PCMU", 9, CLEAN, 2)}
        world.run(arrivals, 0, 1_000)
        await world.hear(*BOTH, taps=tap)
        world.run(arrivals, 1_000, 2_000)
        await world.hear(Hear("one", "two", 0.5), Hear("two", "one"), taps=tap)
        world.run(arrivals, 2_000, 3_000)
        await world.hear(*BOTH)
        world.run(arrivals, 3_000, 4_000)
        await world.board.handle(api.SendDigits("one", "5", 120))
        world.run(arrivals, 4_000, 5_000)
        await world.board.handle(api.MaskDigits("two", True))
        world.run(arrivals, 5_000, 6_000)
        await world.board.handle(api.MaskDigits("two", False))
        world.run(arrivals, 6_000, 7_000)
        await world.board.handle(api.Renegotiate("one", offer(9, "a=recvonly")))
        world.run(arrivals, 7_000, 8_000)
        await world.board.handle(api.Renegotiate("one", offer(9, "a=sendonly")))
        world.run(arrivals, 8_000, 9_000)
    assert all(world.lines.taken > 300 for world in worlds[:2])
    clocks = [[(r.kind, r.sequence, r.timestamp, r.payload) for r in world.records] for world in worlds]
    assert clocks[0] == clocks[1] == clocks[2] and len(clocks[0]) > 90
    for world in worlds:
        world.records.clear()
    await assert_alike(worlds)


@pytest.mark.parametrize(("how", "seed"), [(JITTER, 2), (ROUGH, 3)])
async def test_a_call_of_two_codecs_is_the_same(worlds: Worlds, how: Impairment, seed: int) -> None:
    for world in worlds:
        for leg, codec in (("one", "PCMU"), ("two", "opus")):
            formats, *attributes = FORMATS[codec]
            command = api.AddRtpLeg(leg, "room", ADDRESS, offer(9, *attributes, formats=formats))
            await world.board.handle(command)
        await world.hear(*BOTH, taps=tuple(Tap(leg, "00" * 16, party) for party, leg in enumerate(("one", "two"))))
        world.run({0: speech("PCMU", 5, how, seed), 1: speech("opus", 5, how, seed + 1)}, 0, 5_200)
    assert all(world.kept > (400 if how is JITTER else 100) for world in worlds[:2])
    for party in (0, 1):
        told = [
            [(r.kind, r.codec, r.sequence, r.timestamp, r.ssrc, r.payload) for r in world.records if r.party == party]
            for world in worlds
        ]
        assert told[0] == told[1] == told[2] and len(told[0]) > 200
    for world in worlds:
        world.records.clear()
    await assert_alike(worlds)


async def test_a_packet_that_comes_twice_in_a_batch_goes_once(worlds: Worlds) -> None:
    for world in worlds:
        await world.open(*FORMATS["PCMU"])
        twice = [item for item in speech("PCMU", 2, CLEAN, 1) for _ in range(2)]
        world.run({0: twice, 1: speech("PCMU", 2, CLEAN, 2)}, 0, 2_100)
    await assert_alike(worlds)


async def test_a_leg_that_goes_leaves_the_other_as_it_was(worlds: Worlds) -> None:
    for world in worlds:
        await world.open(*FORMATS["PCMU"])
        arrivals = {0: speech("PCMU", 2, CLEAN, 1), 1: speech("PCMU", 2, CLEAN, 2)}
        world.run(arrivals, 0, 1_000)
        told = await world.board.handle(api.DropLeg("two"))
        assert isinstance(told, api.LegReport) and told.packets_received == 48 and told.faults == 0
        world.run({0: arrivals[0]}, 1_000, 2_000)
    await assert_alike(worlds)


async def test_a_leg_that_fails_to_look_harms_nobody(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    world, *_ = worlds
    await world.open(*FORMATS["PCMU"])
    arrivals = {0: speech("PCMU", 7, CLEAN, 1), 1: speech("PCMU", 7, CLEAN, 2)}
    world.run(arrivals, 0, 1_000)

    def fail(*packet: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(world.board._legs["one"]._health, "listen", fail)
    world.run(arrivals, 1_000, 7_000)  # one is listened to again within five seconds
    reports = await world.reports()
    assert reports["one"].faults > 20 and reports["two"].faults == 0
    assert reports["one"].packets_sent > 190 and reports["two"].packets_received > 190
