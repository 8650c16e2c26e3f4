"""Both kinds of sessions by the same tests, and each against the other: what one makes the other takes, octet by octet,
and both refuse the same."""

import random
from collections.abc import Callable, Iterator

import pytest

from relay.errors import SrtpError
from relay.streams.rtcp import Goodbye
from relay.streams.rtp import RtpPacket, serialize
from relay.transport.libsrtp import LibsrtpSession
from relay.transport.native_srtp import NativeSession
from relay.transport.srtp import SUITES, Session, Suite
from tests.support.impair import MS, Impairment, Network

Kind = type[NativeSession] | type[LibsrtpSession]
KINDS: tuple[Kind, ...] = (NativeSession, LibsrtpSession)
FIRST = serialize(RtpPacket(0, False, 1, 1, 160, b"sound" * 10))

every_kind = pytest.mark.parametrize("kind", KINDS)
every_suite = pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: str(suite.name))


def both_ways(kind: Kind, suite: Suite) -> tuple[Session, Session]:
    key = suite.new_key()
    return kind(suite, key, True), kind(suite, key, False)


def packet(number: int, ssrc: int = 7, size: int = 160) -> bytes:
    """Of an extended sequence number."""
    return serialize(RtpPacket(0, False, ssrc, number & 0xFFFF, number * 160, random.Random(number).randbytes(size)))


def verdict(transform: Callable[[bytes], bytes], data: bytes) -> bytes | None:
    try:
        return transform(data)
    except SrtpError:
        return None


@every_suite
def test_packets_of_every_shape_are_the_same_in_both(suite: Suite) -> None:
    key, shapes = suite.new_key(), random.Random(1)
    native, libsrtp = NativeSession(suite, key, True), LibsrtpSession(suite, key, True)
    native_in, libsrtp_in = NativeSession(suite, key, False), LibsrtpSession(suite, key, False)
    for number in range(400):
        sources, extension = shapes.randrange(16), shapes.choice((None, 0, 1, 7))
        flags = 0x80 | sources | (0 if extension is None else 0x10)
        clear = bytes([flags, shapes.randrange(192)]) + number.to_bytes(2) + shapes.randbytes(4) + b"ssrc"
        clear += shapes.randbytes(4 * sources)
        if extension is not None:
            clear += b"\xbe\xde" + extension.to_bytes(2) + shapes.randbytes(4 * extension)
        clear += shapes.randbytes(shapes.randrange(300))
        made = native.protect(clear)
        assert made == libsrtp.protect(clear)
        assert native_in.unprotect(made) == libsrtp_in.unprotect(made) == clear


@every_suite
def test_control_packets_of_each_are_understood_by_the_other(suite: Suite) -> None:
    for sends, receives in ((NativeSession, LibsrtpSession), (LibsrtpSession, NativeSession)):
        key = suite.new_key()
        here, there = sends(suite, key, True), receives(suite, key, False)
        for number in range(300):
            clear = Goodbye((number % 3, *range(number % 20))).serialize()
            made = here.protect_rtcp(clear)
            assert there.unprotect_rtcp(made) == clear
            assert verdict(there.unprotect_rtcp, made) is None


@every_suite
@pytest.mark.parametrize("seed", range(3))
def test_both_let_the_same_through_a_bad_network(suite: Suite, seed: int) -> None:
    """Two streams of 3,000 packets, over the end of the sequence numbers, lost, overtaken, doubled and damaged."""
    key, damage = suite.new_key(), random.Random(seed)
    sender, native, libsrtp = (
        NativeSession(suite, key, True), NativeSession(suite, key, False), LibsrtpSession(suite, key, False)
    )  # fmt: skip
    start = {1: 65_000 - 500 * seed, 2: 10}
    sent = [
        (index * 20 * MS, sender.protect(packet(first + index, ssrc)))
        for index in range(3000)
        for ssrc, first in start.items()
    ]
    network = Network[bytes](
        Impairment(loss=0.05, burst=0.005, burst_length=20, jitter_ms=60, reorder=0.1, reorder_ms=900, duplicate=0.1),
        seed,
    )
    passed = 0
    for delivered in network.carry(sent):
        data = delivered.packet
        if damage.random() < 0.05:
            at = damage.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << damage.randrange(8)]) + data[at + 1 :]
        ours = verdict(native.unprotect, data)
        assert ours == verdict(libsrtp.unprotect, data)
        passed += ours is not None
    assert 4500 < passed < 6000


@every_kind
def test_a_packet_is_taken_once_and_as_long_as_it_is_within_the_window(kind: Kind) -> None:
    here, there = both_ways(kind, SUITES["AES_CM_128_HMAC_SHA1_80"])
    made = [here.protect(packet(number)) for number in range(2000)]
    there.unprotect(made[0])
    there.unprotect(made[1500])
    for late in (477, 1000, 1499):
        assert there.unprotect(made[late]) == packet(late)
    for refused in (0, 400, 476, 477, 1000, 1499, 1500):
        assert verdict(there.unprotect, made[refused]) is None
    assert there.unprotect(made[1501]) == packet(1501)


@every_kind
@every_suite
def test_nothing_is_sent_under_one_index_twice(kind: Kind, suite: Suite) -> None:
    here, _ = both_ways(kind, suite)
    here.protect(packet(5))
    with pytest.raises(SrtpError):
        here.protect(packet(5))
    here.protect(packet(4))
    here.protect(packet(5, ssrc=8))


@every_kind
@every_suite
def test_what_is_no_packet_is_refused(kind: Kind, suite: Suite) -> None:
    here, there = both_ways(kind, suite)
    without_sources, without_extension = b"\x8f" + FIRST[1:14], b"\x90" + FIRST[1:12] + b"\xbe\xde\xff\xff"
    for wrong in (b"", b"\x80", FIRST[:11], without_sources, without_extension, bytes(9999)):
        assert verdict(here.protect, wrong) is None
        assert verdict(there.unprotect, wrong) is None
        assert verdict(there.unprotect_rtcp, wrong) is None
    assert there.unprotect(here.protect(FIRST)) == FIRST


def cut_and_flipped(made: bytes) -> Iterator[bytes]:
    yield from (made[:size] for size in range(len(made)))
    yield from (made[:at] + bytes([made[at] ^ 0x40]) + made[at + 1 :] for at in range(len(made)))


@every_kind
@every_suite
def test_a_packet_that_was_touched_anywhere_is_refused_and_leaves_nothing(kind: Kind, suite: Suite) -> None:
    here, there = both_ways(kind, suite)
    made, control = here.protect(FIRST), here.protect_rtcp(Goodbye((1,)).serialize())
    for wrong in cut_and_flipped(made):
        assert verdict(there.unprotect, wrong) is None
    for wrong in cut_and_flipped(control):
        assert verdict(there.unprotect_rtcp, wrong) is None
    assert there.unprotect(made) == FIRST
    assert there.unprotect_rtcp(control) == Goodbye((1,)).serialize()


def test_a_peer_that_changes_its_source_again_and_again_is_understood_in_bounded_room() -> None:
    suite = SUITES["AES_CM_128_HMAC_SHA1_80"]
    key = suite.new_key()
    there = NativeSession(suite, key, False)
    for ssrc in range(1000):
        sender = LibsrtpSession(suite, key, True)  # one of its own for each: libsrtp has no limit
        assert there.unprotect(sender.protect(packet(1, ssrc))) == packet(1, ssrc)
        assert there.unprotect(sender.protect(packet(2, ssrc))) == packet(2, ssrc)


def test_what_was_sent_is_never_forgotten() -> None:
    here, _ = both_ways(NativeSession, SUITES["AES_CM_128_HMAC_SHA1_80"])
    for ssrc in range(64):
        here.protect(packet(1, ssrc))
    for ssrc in (0, 64):
        with pytest.raises(SrtpError):
            here.protect(packet(1, ssrc))
    here.protect(packet(2, 0))


def test_a_key_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size"):
        NativeSession(SUITES["AEAD_AES_128_GCM"], SUITES["AEAD_AES_256_GCM"].new_key(), True)
