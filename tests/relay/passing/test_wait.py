"""Packets are passed on while nobody but the lines is awake, and everything else wakes somebody at once."""

import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from recorder.wire import Codec, Kind, packet_address, unpack
from relay.lines import Way
from relay.lines.native import NativeLines
from relay.lines.plain import PlainLines
from relay.passing.express import Express
from relay.passing.pace import PaceStart
from relay.passing.table import Looks, Start
from relay.passing.waiting import FRAME
from relay.playout.delay import DelaySpread
from relay.streams.rtp import RtpPacket, parse, serialize
from relay.tick import now_ns
from relay.transport.udp import address_of, bind

MS, FOREVER = 1_000_000, 1 << 60
HOST, SSRC, OUT_SSRC = "127.0.0.1", 7, 9
HEAD = 0x80 << 24


def packet(number: int, marker: bool = False) -> bytes:
    return serialize(RtpPacket(0, marker, SSRC, number, number * FRAME, bytes([number]) * FRAME))


@dataclass
class Leg:
    """A line, its peer, and whoever is told of what comes."""

    lines: NativeLines | PlainLines
    told: list[bytes] = field(default_factory=list)
    looked: list[bytes] = field(default_factory=list)
    discarded: int = 0

    def __post_init__(self) -> None:
        self.here, self.peer = bind(HOST, 0), bind(HOST, 0)
        self.peer.settimeout(5)
        self.line = self.lines.open(self.here, self)
        self.lines.lead(self.line, Way(address_of(self.peer)))

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        self.told.append(data)

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        raise AssertionError("nobody sends any")

    def discard(self, datagrams: int = 1) -> None:
        self.discarded += datagrams

    def fault(self, error: Exception) -> None:
        raise error

    def look(self, counters: tuple[int, int], payload: bytes, arrival_ns: int) -> int:
        self.looked.append(payload)
        return FOREVER

    def end(self) -> None:
        raise AssertionError("no run is late here")

    def send(self, *packets: bytes) -> None:
        for data in packets:
            self.peer.sendto(data, address_of(self.here))

    def close(self) -> None:
        self.lines.close(self.line)
        for end in (self.here, self.peer):
            end.close()


class World:
    """The packets of one leg are passed on to another from number 1 on."""

    def __init__(self, lines: NativeLines | PlainLines) -> None:
        self.lines, self.records = lines, bytearray()
        self.source, self.target = Leg(lines), Leg(lines)
        self.express = lines.express = Express(lines, lambda records, latest_ns: self.records.extend(records))
        self.other, self.call = socket.socketpair()

    def begin(self, look_ns: int = FOREVER, addresses: bytes = b"") -> None:
        size = 12 + FRAME
        looks = Looks(HEAD, SSRC, size, size, 0, 0, FOREVER, self.target.line, HEAD, OUT_SSRC, FRAME)
        spread = DelaySpread(8000)
        spread.add(0, 0)
        pace = PaceStart(8000, 0, 0.0, (0.0, 0.0), spread)
        self.express.begin(
            self.source.line, self.source, Start(looks, (1, FRAME, 1, FRAME), 0, look_ns, pace, addresses)
        )

    def wait(self, milliseconds: int) -> int:
        return self.lines.wait(self.other.fileno(), now_ns() + milliseconds * MS)

    def heard(self) -> int:
        """The number of the packet that the target's peer got next."""
        got = parse(self.target.peer.recv(2048))
        assert got.ssrc == OUT_SSRC and got.payload == bytes([got.sequence]) * FRAME
        return got.sequence

    def close(self) -> None:
        for leg in (self.source, self.target):
            leg.close()
        self.lines.shut()
        self.other.close()
        self.call.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World(NativeLines())
    yield made
    made.close()


def test_packets_are_passed_on_until_the_time_is_over(world: World) -> None:
    world.begin()
    heard: list[int] = []

    def peers() -> None:
        for number in range(1, 6):
            world.source.send(packet(number))
            heard.append(world.heard())

    both, begun = threading.Thread(target=peers), now_ns()
    both.start()
    slept = world.wait(500)
    both.join()
    assert heard == [1, 2, 3, 4, 5]
    assert now_ns() - begun >= 500 * MS and slept > 0
    assert not world.source.told and not world.source.looked


def test_whoever_calls_is_not_kept_waiting(world: World) -> None:
    world.begin()
    world.source.send(packet(1))
    world.call.send(b"x")
    world.wait(60_000)
    assert world.heard() == 1


def test_what_is_not_of_the_run_wakes(world: World) -> None:
    world.begin()
    world.source.send(packet(1), packet(2, marker=True), packet(3))
    world.wait(60_000)
    assert world.heard() == 1
    assert world.source.told == [packet(2, marker=True), packet(3)]


def test_who_wants_to_look_is_woken(world: World) -> None:
    world.begin(look_ns=0)
    world.source.send(packet(1))
    world.wait(60_000)
    assert world.heard() == 1
    assert world.source.looked == [bytes([1]) * FRAME] and not world.source.told


def test_strangers_are_counted(world: World) -> None:
    world.begin()
    with bind(HOST, 0) as stranger:
        stranger.sendto(packet(1), address_of(world.source.here))
        world.wait(60_000)
    world.lines.receive()
    assert world.source.discarded == 1 and not world.source.told


def test_a_signal_wakes(world: World) -> None:
    world.begin()
    called: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: called.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)  # again and again: the first may come before it waits
        world.wait(60_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert called


def test_records_of_all_that_came_are_told_together(world: World) -> None:
    recording = bytes(range(16))
    world.begin(addresses=packet_address(recording, 1, Codec.PCMU))
    numbers = iter(range(1, 4))

    def peers() -> None:
        for number in numbers:
            world.source.send(packet(number))
            world.heard()
        world.call.send(b"x")

    both = threading.Thread(target=peers)
    both.start()
    world.wait(60_000)
    both.join()
    assert not world.records
    world.express.settle(now_ns())
    records = list(unpack(bytes(world.records)))
    assert [(each.kind, each.recording, each.party, each.sequence) for each in records] == [
        (Kind.PACKET, recording, 1, number) for number in (1, 2, 3)
    ]
    assert [each.payload for each in records] == [bytes([number]) * FRAME for number in (1, 2, 3)]


def test_nobody_waits_for_nothing(world: World) -> None:
    assert world.wait(60_000) == 0


def test_plain_lines_do_not_wait() -> None:
    world = World(PlainLines())
    world.begin()
    assert world.wait(60_000) == 0
    world.close()
