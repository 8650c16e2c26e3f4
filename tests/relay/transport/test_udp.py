import asyncio

import pytest

from relay.errors import NoPort
from relay.transport.address import Address
from relay.transport.udp import BATCH, PortRange, UdpSocket, bind

HOST = "127.0.0.1"


def free_even_port() -> int:
    with bind(HOST, 0) as probe:
        return int(probe.getsockname()[1]) & ~1


def test_pairs_are_even_and_odd_and_taken_in_turn() -> None:
    first = free_even_port()
    ports = PortRange(first, first + 5)
    taken = []
    for _ in range(2):
        rtp, rtcp = ports.bind_pair(HOST)
        taken.append((rtp.getsockname()[1] - first, rtcp.getsockname()[1] - first))
        rtp.close()
        rtcp.close()
    assert taken == [(0, 1), (2, 3)]


def test_a_port_in_use_is_passed_over_and_a_full_range_is_no_port() -> None:
    first = free_even_port()
    with bind(HOST, first + 1):
        ports = PortRange(first, first + 3)
        rtp, rtcp = ports.bind_pair(HOST)
        assert rtp.getsockname()[1] == first + 2
        with pytest.raises(NoPort):
            ports.bind_pair(HOST)
        rtp.close()
        rtcp.close()


def test_an_address_that_is_not_ours_is_no_port() -> None:
    with pytest.raises(NoPort):
        PortRange(20000, 20003).bind_pair("192.0.2.1")


async def test_a_burst_is_drained_in_order_and_in_batches() -> None:
    got: list[bytes] = []
    arrivals: set[int] = set()
    done = asyncio.Event()

    def receive(data: bytes, source: Address, arrival_ns: int) -> None:
        got.append(data)
        arrivals.add(arrival_ns)
        if len(got) == BATCH + 10:
            done.set()

    here, there = UdpSocket(bind(HOST, 0), receive), UdpSocket(bind(HOST, 0), receive)
    sent = [bytes([number]) for number in range(BATCH + 10)]
    for data in sent:
        there.send(data, here.address)
    await asyncio.wait_for(done.wait(), 5)
    assert got == sent
    assert len(arrivals) == 2
    here.close()
    there.close()


async def test_what_cannot_be_sent_is_counted() -> None:
    sock = UdpSocket(bind(HOST, 0), lambda data, source, arrival: None)
    sock.send(bytes(70000), (HOST, 9))
    assert sock.send_errors == 1
    sock.close()
    sock.close()


async def test_a_socket_closed_by_its_receiver_gives_no_more() -> None:
    got: list[bytes] = []
    first = asyncio.Event()

    def receive(data: bytes, source: Address, arrival_ns: int) -> None:
        got.append(data)
        here.close()
        first.set()

    here, there = UdpSocket(bind(HOST, 0), receive), UdpSocket(bind(HOST, 0), receive)
    for number in range(5):
        there.send(bytes([number]), here.address)
    await asyncio.wait_for(first.wait(), 5)
    assert got == [b"\0"]
    there.close()
