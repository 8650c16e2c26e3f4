"""Packets that are passed on as they are, and the ways into that and out of it: no gap, no jump, no second source."""

import itertools

import numpy as np
import pytest

from relay.api import Hear
from relay.codecs import g711, opus
from relay.engine import Engine
from relay.formats import Codec
from relay.passing.direct import HANDOVER_NS, LEAST_STARVED_NS, PAUSE_NS, Passing
from relay.streams.rtp import RtpPacket, parse
from relay.streams.stream import SendStream
from tests.relay.calls import MS, NOISE, OPUS, PCMU, RECEIVE, TICK, TYPES, Peer, Samples, sending
from tests.support.impair import CLEAN, Delivered, Impairment
from tests.support.tones import level_of, residue_of, tone

BOTH = (Hear("one", "two"), Hear("two", "one"))
SPREAD = Impairment(delay_ms=20, jitter_ms=4)


class Call:
    """Two parties and perhaps more in an engine; each one's stream as it is sent, with the time of each packet."""

    def __init__(self, *codecs: Codec, ptime_ms: int = 20) -> None:
        self.engine = Engine()
        self.names = ("one", "two", "three")[: len(codecs)]
        self.peers = {name: Peer(name, codec, ptime_ms) for name, codec in zip(self.names, codecs, strict=True)}
        self.streams = {name: SendStream() for name in self.names}
        self.sent: dict[str, list[tuple[int, RtpPacket]]] = {name: [] for name in self.names}
        self.passed = 0
        for name, codec in zip(self.names, codecs, strict=True):
            self.engine.add_leg(name, "room", sending(codec, ptime_ms), RECEIVE)
        self.engine.set_room("room", BOTH)
        self._now = 0

    def hear(self, *hearing: Hear) -> None:
        self.engine.set_room("room", hearing)

    def run(self, arrivals: dict[str, list[Delivered[RtpPacket]]], until_ms: int) -> None:
        """Each packet at its time, ticks 7 ms after the multiples of 20 ms."""
        waiting = sorted(
            ((item.at_ns, leg, item.packet) for leg, items in arrivals.items() for item in items), key=lambda it: it[0]
        )
        waiting = [item for item in waiting if self._now < item[0] <= until_ms * MS]
        ticks = [at for at in range(7 * MS, until_ms * MS + 1, TICK) if at > self._now]
        for at, leg, packet in sorted([*waiting, *((at, "", None) for at in ticks)], key=lambda item: item[0]):
            if packet is not None:
                self.engine.receive(leg, packet, at)
                self._relay(at)
            else:
                for outgoing in self.engine.tick(at).sends:
                    if outgoing.skipped:
                        self.streams[outgoing.leg].let_go_by(outgoing.skipped)
                    self.sent[outgoing.leg].append((at, parse(self.streams[outgoing.leg].next(outgoing))))
        self._now = until_ms * MS

    def packets(self, leg: str) -> list[RtpPacket]:
        return [packet for _, packet in self.sent[leg]]

    def sound(self, leg: str) -> Samples:
        """Of all that was sent to a leg, each packet where its timestamp puts it."""
        packets = self.packets(leg)
        line = np.zeros(
            ((packets[-1].timestamp - packets[0].timestamp) & 0xFFFFFFFF) + len(packets[-1].payload), np.int16
        )
        for packet in packets:
            at = (packet.timestamp - packets[0].timestamp) & 0xFFFFFFFF
            line[at : at + len(packet.payload)] = g711.decode_bytes("PCMU", packet.payload)
        return line

    def _relay(self, at: int) -> None:
        for passed in self.engine.take_passed():
            self.passed += 1
            if (data := self.streams[passed.leg].relay(passed)) is not None:
                self.sent[passed.leg].append((at, parse(data)))


def is_one_stream(packets: list[RtpPacket], samples: int = 160) -> bool:
    """One source, every number once and in order, and each timestamp where the sound before it ends."""
    steps = [
        ((after.sequence - before.sequence) & 0xFFFF, (after.timestamp - before.timestamp) & 0xFFFFFFFF)
        for before, after in itertools.pairwise(packets)
    ]
    return len({packet.ssrc for packet in packets}) == 1 and set(steps) == {(1, samples)}


@pytest.mark.parametrize("codec", [PCMU, OPUS])
def test_payloads_are_untouched_and_go_at_once(codec: Codec) -> None:
    call = Call(codec, codec)
    arrivals = {"one": call.peers["one"].send(tone(441, 2.0, call.peers["one"].rate))}
    call.run(arrivals, 2035)
    spoken = [item.packet for item in arrivals["one"]]
    sent = call.sent["two"][-90:]
    assert [packet.payload for _, packet in sent] == [packet.payload for packet in spoken[-90:]]
    assert [at for at, _ in sent] == [item.at_ns for item in arrivals["one"]][-90:]
    assert is_one_stream([packet for _, packet in sent], 960 if codec is OPUS else 160)


def test_loss_reordering_and_duplicates_stay_what_they_are() -> None:
    call = Call(OPUS, OPUS)
    rough = Impairment(loss=0.05, delay_ms=30, jitter_ms=25, duplicate=0.05)
    arrivals = call.peers["one"].send(tone(441, 4.0, 16000), how=rough)
    call.run({"one": arrivals}, 4000)
    packets = call.packets("two")
    firsts = {packet.sequence: packet for packet in packets}
    assert len(firsts) == len(packets)
    by_payload: dict[bytes, list[int]] = {}
    for item in arrivals:
        by_payload.setdefault(item.packet.payload, []).append(item.packet.sequence)
    passed = [packet for packet in packets if len(by_payload.get(packet.payload, ())) == 1]
    offsets = {(packet.sequence - by_payload[packet.payload][0]) & 0xFFFF for packet in passed}
    assert len(passed) > 150 and len(offsets) == 1


def ways_out() -> dict[str, tuple[Hear, ...]]:
    return {
        "a third party": (*BOTH, Hear("one", "three"), Hear("two", "three"), Hear("three", "one")),
        "a gain": (Hear("one", "two", 0.5), Hear("two", "one", 0.5)),
        "a prompt": (*BOTH, Hear("one", "prompt"), Hear("two", "prompt")),
    }


@pytest.mark.parametrize("way", ways_out())
@pytest.mark.parametrize("how", [CLEAN, SPREAD])
def test_mixing_and_passing_on_take_turns_without_a_gap_or_a_jump(way: str, how: Impairment) -> None:
    call = Call(PCMU, PCMU, PCMU)
    call.engine.add_player("room", "prompt", np.zeros(80_000, np.int16), 8000, loop=True)
    arrivals = {name: call.peers[name].send(tone(500, 8.0, 8000), how=how) for name in ("one", "two")}
    call.run(arrivals, 1000)
    for turn in range(6):
        before = call.passed
        call.hear(*(ways_out()[way] if turn % 2 == 0 else BOTH))
        call.run(arrivals, 2000 + turn * 1000)
        assert (call.passed - before > 60) == (turn % 2 == 1)
    for leg in ("one", "two"):
        assert is_one_stream(call.packets(leg))
        gaps = np.diff([at for at, _ in call.sent[leg]])
        assert gaps.max() <= (45 if how is CLEAN else 65) * MS
        sound = call.sound(leg)[4000:-400]
        frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
        # Of 7 s not a frame is lost or made up, but at the joints, where at most one is.
        levels = np.abs(frames.astype(np.int32)).max(axis=1)
        assert (levels < 3000).sum() <= 6


def test_a_prompt_that_sounds_at_once_is_heard_at_once() -> None:
    call = Call(PCMU, PCMU)
    call.engine.add_player("room", "prompt", tone(900, 5.0, 8000), 8000, loop=True)
    arrivals = {"one": call.peers["one"].send(tone(500, 2.0, 8000))}
    call.run(arrivals, 1000)
    call.hear(*BOTH, Hear("two", "prompt"))
    call.run(arrivals, 1045)
    heard = call.packets("two")[-1].payload
    assert level_of(g711.decode_bytes("PCMU", heard), 8000, 900) > -20


def test_digits_of_the_peer_leave_no_hole() -> None:
    call = Call(PCMU, PCMU)
    packets = [item.packet for item in call.peers["one"].send(tone(500, 1.0, 8000))]
    stamped: list[Delivered[RtpPacket]] = []
    for number, packet in enumerate(packets):
        event = number in (20, 21, 30)
        payload = bytes([5, 0x0A, 0, 160]) if event else packet.payload
        changed = RtpPacket(101 if event else 0, False, 7, packet.sequence, packet.timestamp, payload)
        stamped.append(Delivered((number + 1) * TICK, changed))
    call.run({"one": stamped}, 1000)
    sent = call.packets("two")
    assert {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(sent)} == {1}
    assert all(packet.payload_type == 0 for packet in sent)


def test_a_source_that_falls_silent_is_mixed_for_and_passed_on_again() -> None:
    call = Call(PCMU, PCMU)
    talk = call.peers["one"].send(tone(500, 4.0, 8000))
    call.run({"one": [item for item in talk if not 1000 * MS < item.at_ns < 2500 * MS]}, 4000)
    sent = call.sent["two"]
    gaps = np.diff([at for at, _ in sent])
    assert gaps.max() < LEAST_STARVED_NS + 2 * TICK
    assert {(b.sequence - a.sequence) & 0xFFFF for (_, a), (_, b) in itertools.pairwise(sent)} == {1}
    first, last = sent[60], sent[-1]
    elapsed, said = last[0] - first[0], (last[1].timestamp - first[1].timestamp) * 1_000_000_000 // 8000
    assert abs(elapsed - said) < 60 * MS


def test_a_pause_of_opus_stays_a_pause() -> None:
    call = Call(OPUS, OPUS)
    talk = call.peers["one"].send(tone(500, 2.0, 16000))
    short = [item for item in talk if item.at_ns < 1000 * MS]
    head = short[-1].packet
    quiet = [
        Delivered(
            (1000 + at) * MS,
            RtpPacket(96, False, 7, head.sequence + 1 + at // 400, head.timestamp + 960 + at * 48, bytes([0x78])),
        )
        for at in range(0, 1200, 400)
    ]
    assert opus.is_dtx(bytes([0x78]))
    call.run({"one": [*short, *quiet]}, 2000)
    sent = [(at, packet) for at, packet in call.sent["two"] if at > 990 * MS]
    assert [at for at, _ in sent[-3:]] == [1000 * MS, 1400 * MS, 1800 * MS]
    assert (sent[-1][1].timestamp - sent[-2][1].timestamp) & 0xFFFFFFFF == 400 * 48


@pytest.mark.parametrize(("sent_ms", "wanted_ms"), [(10, 20), (30, 20), (40, 60), (60, 20)])
def test_another_packet_length_is_regrouped_and_not_passed_on(sent_ms: int, wanted_ms: int) -> None:
    call = Call(PCMU, PCMU, ptime_ms=wanted_ms)
    speaker = Peer("one", PCMU, sent_ms)
    call.run({"one": speaker.send(tone(500, 2.0, 8000))}, 2000)
    assert call.passed == 0
    assert {len(packet.payload) for packet in call.packets("two")} == {wanted_ms * 8}
    assert residue_of(call.sound("two")[4000:-1000], 8000, 500) < -30


def test_comfort_noise_is_passed_on_to_who_knows_it() -> None:
    call = Call(PCMU, PCMU)
    call.engine.set_format("two", sending(PCMU), {0: PCMU})
    noise = RtpPacket(13, False, 7, 65536 + 51, (1 << 32) + 51 * 160, b"\x40")
    talk = [item for item in call.peers["one"].send(tone(500, 1.0, 8000)) if item.at_ns <= 1000 * MS]
    call.run({"one": [*talk, Delivered(1021 * MS, noise)]}, 1500)
    assert 13 not in {packet.payload_type for packet in call.packets("two")}
    knows = Call(PCMU, PCMU)
    assert RECEIVE[13] == NOISE
    knows.run({"one": [*talk, Delivered(1021 * MS, noise)]}, 1500)
    assert knows.packets("two")[-1].payload == b"\x40"


def test_a_source_that_begins_anew_goes_on_in_our_counters() -> None:
    call = Call(PCMU, PCMU)
    first = call.peers["one"].send(tone(500, 1.0, 8000))
    again = [
        Delivered(1000 * MS + item.at_ns, RtpPacket(0, False, 99, item.packet.sequence + 30_000,
                                                    item.packet.timestamp + 7_000_000, item.packet.payload))
        for item in first
    ]  # fmt: skip
    call.run({"one": [*first, *again]}, 2000)
    assert is_one_stream(call.packets("two")[5:])


def test_a_leg_that_may_not_is_mixed_for() -> None:
    call = Call(PCMU, PCMU)
    call.engine.let_pass("two", False)
    arrivals = {"one": call.peers["one"].send(tone(500, 2.0, 8000))}
    call.run(arrivals, 1000)
    assert call.passed == 0
    call.engine.let_pass("two", True)
    call.run(arrivals, 2000)
    assert call.passed >= 45
    assert is_one_stream(call.packets("two"))


def test_when_passing_ends_by_itself_and_when_mixing_begins() -> None:
    passing = Passing()
    assert not passing.is_on(0) and passing.ticks_skipped(False, 5) == 0
    passing.passed(TICK, False, 1000 * MS)
    assert passing.is_on(1000 * MS + LEAST_STARVED_NS - 1) and not passing.is_on(1000 * MS + LEAST_STARVED_NS)
    passing.passed(TICK, True, 1000 * MS)
    assert passing.is_on(1000 * MS + PAUSE_NS - 1)
    passing.end()
    assert not passing.is_on(1000 * MS)
    assert passing.ticks_skipped(True, 1019 * MS) is None
    assert passing.ticks_skipped(True, 1020 * MS) == 0
    assert passing.ticks_skipped(False, 1000 * MS + HANDOVER_NS - 1) is None
    assert passing.ticks_skipped(False, 1000 * MS + HANDOVER_NS) == 2
    assert passing.ticks_skipped(True, 1500 * MS) == 24
    passing.mixed()
    assert passing.ticks_skipped(False, 1500 * MS) == 0


def test_nobody_is_woken_between_ticks_for_those_who_speak_different_codecs() -> None:
    engine = Engine()
    for leg, codec in (("one", PCMU), ("two", OPUS)):
        engine.add_leg(leg, "room", sending(codec), {TYPES[codec]: codec})
    engine.set_room("room", BOTH)
    engine.tick(TICK)
    assert not engine.passes
    engine.set_format("one", sending(OPUS), RECEIVE)
    engine.tick(2 * TICK)
    assert engine.passes
