"""Both kinds of lines, by the same tests: what is let through, in which order, when, and what harms nobody."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from relay.lines import Lines, Way, make_lines
from relay.lines.native import NativeLines
from relay.lines.plain import PlainLines
from relay.lines.table import BATCH
from relay.streams.rtcp import Report
from relay.streams.rtp import RtpPacket, serialize
from relay.transport.srtp import SUITES, Srtp, Suite
from relay.transport.udp import address_of, bind

HOSTS = ("127.0.0.1", "::1")
SUITE = SUITES["AES_CM_128_HMAC_SHA1_80"]
RTCP = Report(5).serialize()


def packet(number: int, size: int = 160) -> bytes:
    return serialize(RtpPacket(0, False, 1, number, number * 160, bytes([number & 0xFF]) * size))


def sessions(suite: Suite = SUITE) -> tuple[Srtp, Srtp]:
    one, two = suite.new_key(), suite.new_key()
    return Srtp.from_keys(suite, one, two), Srtp.from_keys(suite, two, one)


@dataclass
class Ear:
    rtp: list[bytes] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    discarded: int = 0
    then: Callable[[], None] = lambda: None

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        self.rtp.append(data)
        self.arrivals.append(arrival_ns)
        self.then()

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        self.rtcp.append(data)

    def discard(self, datagrams: int = 1) -> None:
        self.discarded += datagrams

    def fault(self, error: Exception) -> None:
        self.faults.append(error)


class End:
    """A line, and the socket at its other end."""

    def __init__(self, lines: Lines, host: str = "127.0.0.1") -> None:
        self.lines, self.ear = lines, Ear()
        self.here, self.there = bind(host, 0, 1 << 20), bind(host, 0)
        self.line = lines.open(self.here, self.ear)
        self.remote = address_of(self.there)

    def lead(self, srtp: Srtp | None = None, mux: bool = False) -> None:
        self.lines.lead(self.line, Way(self.remote, srtp, mux))

    def send(self, data: bytes) -> None:
        """From the peer."""
        self.there.sendto(data, address_of(self.here))

    def heard(self) -> bytes:
        self.there.settimeout(5)
        return self.there.recv(4096)

    def close(self) -> None:
        self.lines.close(self.line)
        self.here.close()
        self.there.close()


class Bench:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.ends: list[End] = []

    def end(self, host: str = "127.0.0.1") -> End:
        self.ends.append(End(self.lines, host))
        return self.ends[-1]

    def until(self, reached: Callable[[], bool]) -> None:
        """Receives until then; a loopback is quick but not instant."""
        until = time.monotonic() + 5
        while not reached() and time.monotonic() < until:
            self.lines.receive()
        assert reached()


@pytest.fixture(params=[NativeLines, PlainLines])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param())
    yield made
    for end in made.ends:
        if end.here.fileno() >= 0:
            end.close()
    made.lines.shut()


@pytest.mark.parametrize("host", HOSTS)
def test_a_line_carries_both_ways(bench: Bench, host: str) -> None:
    end = bench.end(host)
    end.lead()
    for number in range(5):
        end.send(packet(number))
    bench.until(lambda: len(end.ear.rtp) == 5)
    assert end.ear.rtp == [packet(number) for number in range(5)]
    bench.lines.post(end.line, packet(7))
    bench.lines.flush()
    assert end.heard() == packet(7)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: str(suite.name))
def test_under_keys_what_is_authentic_is_let_through_once(bench: Bench, suite: Suite) -> None:
    end = bench.end()
    here, there = sessions(suite)
    end.lead(here, mux=True)
    protected = there.protect(packet(1))
    damaged = protected[:-1] + bytes([protected[-1] ^ 1])
    for data in (damaged, protected, protected, packet(2), there.protect(packet(3)), there.protect_rtcp(RTCP), RTCP):
        end.send(data)
    bench.until(lambda: end.ear.discarded == 4)
    assert end.ear.rtp == [packet(1), packet(3)]
    assert end.ear.rtcp == [RTCP]
    bench.lines.post(end.line, packet(9))
    bench.lines.flush()
    assert there.unprotect(end.heard()) == packet(9)


def test_a_stranger_reaches_nobody(bench: Bench) -> None:
    end, stranger = bench.end(), bind("127.0.0.1", 0)
    end.send(packet(1))
    bench.until(lambda: end.ear.discarded == 1)
    end.lead()
    stranger.sendto(packet(2), address_of(end.here))
    bench.until(lambda: end.ear.discarded == 2)
    assert end.ear.rtp == []
    stranger.close()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\0\1" + bytes(18), b"\x16" * 20, RTCP, b"\xff" * 40])
def test_what_is_no_rtp_is_counted(bench: Bench, data: bytes) -> None:
    end = bench.end()
    end.lead()
    end.send(data)
    bench.until(lambda: end.ear.discarded == 1)
    end.send(packet(1))
    bench.until(lambda: end.ear.rtp == [packet(1)])


def test_every_first_byte_and_length_under_keys_is_counted(bench: Bench) -> None:
    end = bench.end()
    here, _ = sessions()
    end.lead(here, mux=True)
    sent = 0
    for first in range(256):
        for size in (0, 1, 11, 12, 13, 60, 200):
            end.send((bytes([first]) + bytes([first ^ 0x5A]) * 200)[:size])
            sent += 1
        bench.until(lambda: end.ear.discarded == sent)  # noqa: B023  it is called at once
    assert (end.ear.rtp, end.ear.rtcp, end.ear.faults) == ([], [], [])


def test_arrivals_are_told_by_the_kernel_and_not_by_when_they_are_fetched(bench: Bench) -> None:
    end = bench.end()
    end.lead()
    times = []
    for number in range(3):
        end.send(packet(number))
        times.append(time.monotonic_ns())
        time.sleep(0.02)
    bench.until(lambda: len(end.ear.rtp) == 3)
    assert all(abs(told - sent) < 15_000_000 for told, sent in zip(end.ear.arrivals, times, strict=True))


def test_more_than_a_batch_comes_in_order(bench: Bench) -> None:
    ends = [bench.end() for _ in range(3)]
    for end in ends:
        end.lead()
        for number in range(BATCH):
            end.send(packet(number))
    bench.until(lambda: all(len(end.ear.rtp) == BATCH for end in ends))
    assert all(end.ear.rtp == [packet(number) for number in range(BATCH)] for end in ends)


def test_what_is_posted_goes_the_way_of_its_time(bench: Bench) -> None:
    end, other = bench.end(), bench.end()
    end.lead()
    bench.lines.post(end.line, packet(1))
    bench.lines.lead(end.line, Way(other.remote))
    bench.lines.post(end.line, packet(2))
    bench.lines.lead(end.line, None)
    bench.lines.post(end.line, packet(3))
    bench.lines.flush()
    assert (end.heard(), other.heard()) == (packet(1), packet(2))


def test_a_packet_that_cannot_be_protected_is_one_lines_fault(bench: Bench) -> None:
    end, other = bench.end(), bench.end()
    here, there = sessions()
    end.lead(here)
    other.lead()
    bench.lines.post(end.line, b"\x80")
    bench.lines.post(other.line, packet(1))
    bench.lines.post(end.line, bytes(9000))
    bench.lines.post(end.line, packet(2))
    bench.lines.flush()
    assert other.heard() == packet(1)
    assert there.unprotect(end.heard()) == packet(2)
    assert len(end.ear.faults) == 2 and not other.ear.faults


def test_a_receivers_fault_is_its_own(bench: Bench) -> None:
    def fail() -> None:
        raise RuntimeError("a fault")

    end, other = bench.end(), bench.end()
    end.ear.then = fail
    for each in (end, other):
        each.lead()
        each.send(packet(1))
    bench.until(lambda: len(other.ear.rtp) == 1 and len(end.ear.faults) == 1)


def test_a_line_that_its_receiver_closes_gives_no_more_and_its_number_is_not_taken_at_once(bench: Bench) -> None:
    end = bench.end()
    end.lead()
    for number in range(3):
        end.send(packet(number))

    def replace() -> None:
        if end.here.fileno() >= 0:
            end.close()
            bench.end()

    end.ear.then = replace
    bench.until(lambda: bool(end.ear.rtp))
    assert len(end.ear.rtp) == 1 and bench.ends[1].ear.rtp == []
    assert bench.ends[1].line != end.line
    assert bench.end().line == end.line


@pytest.mark.parametrize("remote", [("nowhere.invalid", 5), ("1.2.3.4.5", 5), ("::1", 5)])
def test_a_way_that_cannot_be_gone_is_loss(bench: Bench, remote: tuple[str, int]) -> None:
    end = bench.end()
    bench.lines.lead(end.line, Way(remote))
    bench.lines.post(end.line, packet(1))
    bench.lines.flush()
    end.lead()
    bench.lines.post(end.line, packet(2))
    bench.lines.flush()
    assert end.heard() == packet(2)
    assert end.ear.faults == []


def test_thousands_of_lines_come_and_go(bench: Bench) -> None:
    sock = bind("127.0.0.1", 0)
    numbers = set()
    for _ in range(3000):
        line = bench.lines.open(sock, Ear())
        bench.lines.close(line)
        bench.lines.receive()
        numbers.add(line)
    assert numbers == {0}
    sock.close()


def test_a_socket_that_is_closed_cannot_be_a_line(bench: Bench) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.close()
    with pytest.raises((OSError, ValueError)):
        bench.lines.open(sock, Ear())


def test_the_extension_is_used_where_it_is_built() -> None:
    lines = make_lines()
    assert isinstance(lines, NativeLines)
    lines.shut()


def test_a_flood_on_one_line_does_not_keep_another_waiting(bench: Bench) -> None:
    """A second of 5,000 forged packets a second, all of them waiting at once, is more than a tick ever finds."""
    flooded, other = bench.end(), bench.end()
    here, _ = sessions()
    stranger = bind("127.0.0.1", 0)
    flooded.lead(here)
    other.lead()
    for number in range(2500):
        flooded.send(packet(number))
        stranger.sendto(packet(number), address_of(flooded.here))
    other.send(packet(7))
    bench.lines.receive()
    assert other.ear.rtp == [packet(7)]
    assert flooded.ear.rtp == [] and flooded.ear.discarded > 0
    stranger.close()


def test_without_the_extension_there_is_its_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "relay.lines.native", None)
    lines = make_lines()
    assert isinstance(lines, PlainLines)
    lines.shut()
