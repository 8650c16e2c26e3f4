"""Whatever an authenticated peer sends, its leg counts it and raises nothing, and the other legs sound on untouched."""

import struct
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from relay.api import Hear
from relay.codecs import g711, opus
from relay.playout.receiving import Octets, Receiver
from relay.streams import rtp
from relay.streams.malformed import OpusError, RtpError
from relay.streams.rtcp import Description, Goodbye, ReceptionReport, Report, SenderInfo
from relay.streams.rtp import RtpPacket, StreamExtender, serialize
from relay.transport.demux import Kind, classify
from tests.relay.calls import MS, PCMU, RECEIVE, TICK, Peer, keep_passed, sending
from tests.relay.test_leg import AGREED, Bench
from tests.support.tones import level_of, tone

LENGTHS = range(201)
FILLINGS = (b"\x00", b"\xff", b"\x48", b"\x9f\x01\x00\x03")
"""What bad packets are filled with: of extensions of no and of every length, CSRCs, padding."""


class Room:
    """The leg "one", to which bad packets are sent, beside two that talk to each other."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.leg.apply(replace(AGREED, receive=RECEIVE))
        self.speaker, self.listener = Peer("speaker", PCMU), Peer("listener", PCMU)
        for peer in (self.speaker, self.listener):
            self.bench.engine.add_leg(peer.leg, "other room", sending(PCMU), RECEIVE)
        self.bench.engine.set_room("other room", (Hear("listener", "speaker"),))
        self._speech = iter(self.speaker.send(tone(441, 60.0, 8000)))
        self.ticks = 0

    def send(self, datagrams: Iterable[bytes]) -> int:
        """Sends them 100 a tick, as they would come through the port; how many there were."""
        count = 0
        for datagram in datagrams:
            kind = classify(datagram)
            if kind is Kind.RTP:
                self.bench.leg.receive_rtp(datagram, self.ticks * TICK)
            elif kind is Kind.RTCP:
                self.bench.leg.receive_rtcp(datagram, self.ticks * TICK)
            count += 1
            if count % 100 == 0:
                self.tick()
        return count

    def tick(self) -> None:
        self.ticks += 1
        arrived = next(self._speech)
        self.bench.engine.receive("speaker", arrived.packet, self.ticks * TICK)
        keep_passed(self.bench.engine, [self.listener])
        tick = self.bench.engine.tick(self.ticks * TICK + 7 * MS)
        self.listener.heard += [out for out in tick.sends if out.leg == "listener"]
        assert tick.faults == []

    def check(self) -> None:
        """The others heard every octet of each other; this leg is heard as soon as it sends sound."""
        spoken = b"".join(packet.payload for packet in self.speaker.sent)
        assert spoken.startswith(b"".join(out.payload for out in self.listener.heard))
        assert len(self.listener.heard) == self.ticks
        sound, receiver = tone(700, 1.0, 8000), self.bench.engine._legs["one"].receiver
        heard = []
        for one in Peer("one", PCMU).send(sound):
            packet = RtpPacket(0, False, 77, one.packet.sequence, one.packet.timestamp, one.packet.payload)
            self.bench.leg.receive_rtp(serialize(packet), self.ticks * TICK + one.at_ns)
            frame = receiver.pull(self.ticks * TICK + one.at_ns + 7 * MS, False)
            if frame is not None:
                heard.append(g711.decode_bytes(frame.law, frame.payload) if isinstance(frame, Octets) else frame)
        assert level_of(np.concatenate(heard[25:]), 8000, 700) == pytest.approx(-10, abs=0.5)


@pytest.mark.parametrize("filling", FILLINGS)
def test_every_length_with_every_first_octet(filling: bytes) -> None:
    room = Room()
    whole = (filling * 201)[:201]
    sent = room.send(
        bytes([first]) + whole[: length - 1] if length else b"" for first in range(256) for length in LENGTHS
    )
    assert sent == 256 * 201
    room.check()


@pytest.mark.parametrize("length", [0, 1, 3, 4, 159, 160, 161])
def test_every_payload_type(length: int) -> None:
    room = Room()
    packets = (RtpPacket(kind % 128, False, 5, kind, kind * 160, bytes(length)) for kind in range(256))
    room.send(serialize(packet) for packet in packets if classify(serialize(packet)) is Kind.RTP)
    report = room.bench.leg.report()
    assert report.packets_discarded >= 2 * (128 - len(RECEIVE))
    room.check()


def header(first: int, sequence: int) -> bytes:
    return struct.pack("!BBHII", 0x80 | first, 0, sequence, 160 * sequence, 5)


def test_header_extensions_of_every_length_up_to_and_beyond_the_end() -> None:
    room, refused = Room(), 0
    datagrams: list[bytes] = []
    for words in range(60):
        for length in range(0, 200, 3):
            datagrams.append(header(0x10, len(datagrams)) + struct.pack("!HH", 0xBEDE, words) + bytes(length))
            refused += 4 * words > length
    datagrams += [header(0x10, number) + b"\xbe\xde\xff\xff"[:number] for number in range(5)]
    room.send(datagrams)
    # Those that end where the packet ends leave no payload, which is no packet of speech.
    empty = sum(4 * words == length for words in range(60) for length in range(0, 200, 3))
    assert room.bench.leg.report().packets_discarded == refused + empty + 5
    room.check()


def test_padding_and_contributing_sources_of_every_length() -> None:
    room = Room()
    for length in range(1, 120):
        for padding in range(256):
            datagram = header(0x20, length) + bytes(length - 1) + bytes([padding])
            if 0 < padding <= length:
                assert len(rtp.parse(datagram).payload) == length - padding
            else:
                with pytest.raises(RtpError):
                    rtp.parse(datagram)
    room.send(header(0x20 | count, length) + bytes([length]) * length for count in range(16) for length in LENGTHS)
    room.check()


def pulled(receiver: Receiver, ticks: int, start: int = 0) -> None:
    for number in range(start, start + ticks):
        frame = receiver.pull(number * TICK + 7 * MS, False)
        if frame is not None:
            length = len(frame.payload) if isinstance(frame, Octets) else len(frame)
            assert length * 50 == receiver.rate


def test_opus_of_every_first_octet_is_decoded_or_counted() -> None:
    rng = np.random.default_rng(9)
    receiver, extender, refused = Receiver(RECEIVE, 16_000), StreamExtender(), 0
    number = 0
    for toc in range(256):
        for length in (0, 1, 2, 3, 7, 20, 60):
            payload = bytes([toc]) + rng.bytes(length)
            try:
                decoded = len(opus.Decoder(16_000).decode(payload)) * 3
                assert decoded == opus.duration(payload)
                opus.has_copy(payload)
            except OpusError:
                refused += 1
            packet = RtpPacket(96, False, 5, number & 0xFFFF, number * 960, payload)
            receiver.receive(extender.read(serialize(packet)), number * TICK)
            pulled(receiver, 1, number)
            number += 1
    pulled(receiver, 20, number)
    assert receiver.unknown > 0
    assert receiver.unknown <= number
    assert receiver.jitter.stats.lost == 0


@pytest.mark.parametrize("payload_type", [0, 8, 9, 97, 98])
def test_every_length_of_uncompressed_sound(payload_type: int) -> None:
    codec, extender = RECEIVE[payload_type], StreamExtender()
    receiver, timestamp, now = Receiver(RECEIVE, 16_000), 0, 0
    step = 2 if codec.name == "L16" else 1
    whole = [length for length in range(1, 700) if length % step == 0]
    for number, length in enumerate(range(700)):
        packet = RtpPacket(payload_type, False, 5, number, timestamp, b"\x55" * length)
        receiver.receive(extender.read(serialize(packet)), now * TICK)
        timestamp += length // step
        while now * TICK < timestamp * 1_000_000_000 // codec.clock:
            pulled(receiver, 1, now)
            now += 1
    pulled(receiver, 20, now)
    assert receiver.unknown == 700 - len(whole)
    assert receiver.jitter.stats.lost == 0


def test_ever_new_sources_take_no_room() -> None:
    room = Room()
    room.send(serialize(RtpPacket(0, False, ssrc, ssrc & 0xFFFF, ssrc, bytes(160))) for ssrc in range(5000))
    room.send(serialize(RtpPacket(0, False, 5, number * 7919 & 0xFFFF, number, bytes(160))) for number in range(5000))
    leg = room.bench.leg
    assert len(leg._extender._sources) == 2
    assert len(room.bench.engine._legs["one"].receiver.jitter._queue) <= 128
    room.check()


def test_compounds_cut_anywhere_are_counted() -> None:
    room = Room()
    blocks = tuple(ReceptionReport(ssrc, 12, -3, 70_000, 55, 1, 2) for ssrc in (5, room.bench.leg.stream.ssrc))
    parts = [
        Report(5, SenderInfo(1, 2, 3, 4), blocks).serialize(),
        Description(5, "name").serialize(),
        Report(5, None, blocks * 3).serialize(),
        b"\xa1\xcd\x00\x02" + bytes(7) + b"\x04",
        Goodbye((5, 6)).serialize(),
    ]
    whole = b"".join(parts)
    edges = {sum(map(len, parts[:count])) for count in range(1, len(parts) + 1)}
    for end in range(len(whole) + 1):
        before = room.bench.leg.counters.discarded
        room.bench.leg.receive_rtcp(whole[:end], 0)
        assert room.bench.leg.counters.discarded - before == (end not in edges), end
    for start in range(len(whole)):
        room.bench.leg.receive_rtcp(whole[start:], 0)
    for at in range(len(whole)):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            room.bench.leg.receive_rtcp(whole[:at] + bytes([value]) + whole[at + 1 :], 0)
    room.check()
