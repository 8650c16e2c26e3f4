"""The buffer in virtual time: packets of numbered payloads over an impaired network, a take each 20 ms."""

import msgspec
import pytest

from relay.formats import Codec
from relay.playout.copies import LOSSES
from relay.playout.jitter import Content, JitterBuffer, Lost, Rest, Sound, Turn
from relay.streams.rtp import RtpPacket
from tests.support.impair import CLEAN, Delivered, Impairment, Network

MS = 1_000_000
PCMU = Codec("PCMU")
FRAME = Content(160)
SECOND = 50
"""Packets."""


class Played(msgspec.Struct, frozen=True):
    at_ns: int
    turn: Turn
    target_ms: float


def packet(number: int, *, ssrc: int = 7, sequence: int = 0, timestamp: int = 0) -> RtpPacket:
    return RtpPacket(0, False, ssrc, 70_000 + sequence + number, 1 << 32 | timestamp + number * 160, b"%d" % number)


def stream(count: int, how: Impairment = CLEAN, seed: int = 1, start: int = 0) -> list[Delivered[RtpPacket]]:
    sent = [(number * 20 * MS, packet(number)) for number in range(start, start + count)]
    return Network[RtpPacket](how, seed).carry(sent)


def play(
    buffer: JitterBuffer, arrivals: list[Delivered[RtpPacket]], until_ms: int, phase_ms: int = 7, quiet: bool = False
) -> list[Played]:
    waiting = sorted(arrivals, key=lambda delivered: delivered.at_ns)
    played = []
    for now in range(phase_ms * MS, until_ms * MS, 20 * MS):
        while waiting and waiting[0].at_ns <= now:
            arrived = waiting.pop(0)
            if buffer.note(arrived.packet):
                buffer.put(arrived.packet, PCMU, FRAME, arrived.at_ns)
        played.append(Played(now, buffer.take(now, 160, quiet), buffer.target_ms))
    return played


def heard(played: list[Played]) -> list[int]:
    return [int(one.turn.payload) for one in played if isinstance(one.turn, Sound)]


def made_up(played: list[Played]) -> int:
    return sum(isinstance(one.turn, Lost) for one in played)


def waits(played: list[Played]) -> list[float]:
    """Of each packet heard: ms between being sent and being played, the network's 30 ms taken off."""
    return [one.at_ns / MS - int(one.turn.payload) * 20 - 30 for one in played if isinstance(one.turn, Sound)]


@pytest.mark.parametrize("phase_ms", range(0, 20, 3))
def test_a_clean_network_costs_one_frame_at_most(phase_ms: int) -> None:
    buffer = JitterBuffer()
    played = play(buffer, stream(4 * SECOND), 4_000, phase_ms)
    assert max(waits(played)) < 22
    assert made_up(played) == 0
    assert heard(played) == list(range(len(heard(played))))


def test_a_lost_packet_costs_one_frame_and_no_delay() -> None:
    buffer = JitterBuffer()
    arrivals = [arrived for arrived in stream(SECOND) if arrived.packet.sequence != packet(20).sequence]
    played = play(buffer, arrivals, 1_000)
    assert made_up(played) == 1
    assert heard(played) == [number for number in range(48) if number != 20]
    assert waits(played)[0] == waits(played)[-1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("how", [Impairment(loss=0.05), Impairment(burst=0.02), Impairment(loss=0.1, duplicate=0.2)])
def test_loss_costs_no_more_frames_than_packets(how: Impairment, seed: int) -> None:
    buffer = JitterBuffer()
    arrivals = stream(10 * SECOND, how, seed)
    played = play(buffer, arrivals, 10_000)
    lost = max(heard(played)) + 1 - len(heard(played))
    assert 0 < made_up(played) <= lost
    assert buffer.stats.lost >= lost - 1
    assert buffer.stats.late == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter_ms", [10, 40, 90, 150])
def test_jitter_is_waited_for_and_no_longer_than_needed(jitter_ms: int, seed: int) -> None:
    buffer = JitterBuffer()
    played = play(buffer, stream(20 * SECOND, Impairment(jitter_ms=jitter_ms), seed), 20_000)
    assert made_up(played) <= 10
    assert buffer.stats.late <= 5
    assert max(waits(played)) < jitter_ms + 45
    assert heard(played) == sorted(set(heard(played)))


@pytest.mark.parametrize("seed", range(5))
def test_reordered_packets_are_put_in_order(seed: int) -> None:
    buffer = JitterBuffer()
    played = play(buffer, stream(10 * SECOND, Impairment(reorder=0.1), seed), 10_000)
    assert heard(played) == sorted(heard(played))
    assert made_up(played) <= 3
    assert buffer.stats.lost == 0


def test_delay_is_back_within_ten_seconds_after_a_spell_of_jitter() -> None:
    buffer = JitterBuffer()
    rough = stream(5 * SECOND, Impairment(jitter_ms=180), 1)
    played = play(buffer, rough + stream(11 * SECOND, start=5 * SECOND), 16_000)
    delays = waits(played)
    assert max(delays[: 5 * SECOND]) > 100
    assert delays[-1] < 25
    assert made_up(played[6 * SECOND :]) == 0


def test_quiet_lets_the_delay_shrink_sooner() -> None:
    def seconds(quiet: bool) -> int:
        rough = stream(5 * SECOND, Impairment(jitter_ms=180), 1)
        played = play(JitterBuffer(), rough + stream(11 * SECOND, start=5 * SECOND), 16_000, quiet=quiet)
        return next(at for at in range(6 * SECOND, len(played)) if waits(played[at : at + 1])[0] < 25)

    assert seconds(quiet=True) < seconds(quiet=False)


def test_a_spike_is_caught_up_with() -> None:
    buffer = JitterBuffer()
    stalled = [
        Delivered(max(arrived.at_ns, 1_400 * MS) if arrived.at_ns > 1_000 * MS else arrived.at_ns, arrived.packet)
        for arrived in stream(12 * SECOND)
    ]
    played = play(buffer, stalled, 12_000)
    assert waits(played)[-1] < 25
    assert max(waits(played)) < 245


def test_a_pause_is_rest_and_no_loss() -> None:
    buffer = JitterBuffer()
    talk = stream(25) + [
        Delivered(one.at_ns, msgspec.structs.replace(one.packet, sequence=one.packet.sequence - 100))
        for one in stream(25, start=125)
    ]
    played = play(buffer, talk, 3_030)
    assert made_up(played) <= 5
    assert sum(isinstance(one.turn, Rest) for one in played) >= 90
    assert len(heard(played)) == 50
    assert buffer.stats.lost == 0
    assert max(waits(played)) < 22


@pytest.mark.parametrize(
    ("sequence", "timestamp", "ssrc"),
    [
        (0, 0, 8),
        (0, 900_000, 7),
        (0, -900_000, 7),
        (0, -3_200, 7),
        (9_000, 0, 7),
        (-9_000, -500_000, 7),
        (12_000, 0, 9),
    ],
)
def test_a_sender_that_begins_anew_is_heard_on(sequence: int, timestamp: int, ssrc: int) -> None:
    buffer = JitterBuffer()
    anew = [
        Delivered(number * 20 * MS + 30 * MS, packet(number, ssrc=ssrc, sequence=sequence, timestamp=timestamp))
        for number in range(100, 200)
    ]
    played = play(buffer, stream(100) + anew, 4_000)
    assert len(heard(played)) >= 180
    assert buffer.stats.lost <= 1
    assert waits(played)[-1] < 30 or timestamp == -3_200


def test_a_source_that_comes_back_is_heard_and_a_straggler_of_it_is_not() -> None:
    buffer = JitterBuffer()
    first, second = (
        stream(200),
        [Delivered(one.at_ns, msgspec.structs.replace(one.packet, ssrc=8)) for one in stream(20, start=50)],
    )
    arrivals = first[:50] + second[:10] + [Delivered(second[10].at_ns - 1, first[49].packet)] + second[10:] + first[70:]
    played = play(buffer, arrivals, 4_000)
    assert buffer.stats.late == 4
    assert heard(played) == [number for number in range(len(heard(played)) + 3) if number not in (70, 71, 72)]


def test_a_clock_that_runs_fast_or_slow_stays_in_reach() -> None:
    for drift in (0.999, 1.001):
        buffer = JitterBuffer()
        arrivals = [Delivered(round(number * 20 * MS * drift), packet(number)) for number in range(60 * SECOND)]
        played = play(buffer, arrivals, 59_000)
        late = [one.at_ns / MS - int(one.turn.payload) * 20 * drift for one in played if isinstance(one.turn, Sound)]
        assert max(late) < 60
        assert made_up(played) <= 10


@pytest.mark.parametrize("skew", [200e-6, -200e-6])
def test_an_hour_of_a_clock_that_is_off_costs_a_frame_a_hundred_seconds_and_no_delay(skew: float) -> None:
    buffer, frames, lost, late = JitterBuffer(), 3600 * SECOND, 0, 0.0
    arrivals = ((round(number * 20 * MS * (1 + skew)), packet(number)) for number in range(frames))
    at_ns, coming = next(arrivals)
    for now in range(7 * MS, frames * 20 * MS - 60 * 1000 * MS, 20 * MS):
        while at_ns <= now:
            if buffer.note(coming):
                buffer.put(coming, PCMU, FRAME, at_ns)
            at_ns, coming = next(arrivals)
        turn = buffer.take(now, 160, False)
        lost += isinstance(turn, Lost)
        if isinstance(turn, Sound):
            late = max(late, now / MS - int(turn.payload) * 20 * (1 + skew))
    assert late < 45
    assert lost <= 3600 * abs(skew) / 0.020 + 2
    assert buffer.stats.late <= 2
    assert buffer.stats.lost == 0


def copying(count: int, start: int, lose: bool) -> list[Delivered[RtpPacket]]:
    sent = stream(count, start=start)
    return [one for one in sent if not (lose and (one.packet.sequence - start) % 20 == 5)]


def test_copies_are_waited_for_while_packets_are_lost_and_then_no_more() -> None:
    buffer, waiting = JitterBuffer(), copying(10 * SECOND, 0, True) + copying(25 * SECOND, 10 * SECOND, False)
    with_copy, without, last = 0, 0, 0.0
    for now in range(7 * MS, 34_000 * MS, 20 * MS):
        while waiting and waiting[0].at_ns <= now:
            arrived = waiting.pop(0)
            if buffer.note(arrived.packet):
                buffer.put(arrived.packet, PCMU, Content(160, copies=True), arrived.at_ns)
        turn = buffer.take(now, 160, now > 12_000 * MS)
        if isinstance(turn, Lost):
            with_copy, without = (with_copy + 1, without) if turn.following else (with_copy, without + 1)
        if isinstance(turn, Sound):
            last = now / MS - int(turn.payload) * 20 - 30
    assert (with_copy, without) == (25 - LOSSES, LOSSES + 1)
    assert last < 25


def test_a_flood_is_bounded() -> None:
    buffer = JitterBuffer()
    for number in range(5_000):
        if buffer.note(packet(number)):
            buffer.put(packet(number), PCMU, FRAME, 0)
    assert len(heard(play(buffer, [], 10_000))) <= 128


def test_ticks_that_were_left_out_are_made_up_for() -> None:
    buffer, arrivals, played = JitterBuffer(), stream(12 * SECOND), []
    ticks = [number for number in range(590) if not 50 <= number < 65]
    for now in (number * 20 * MS + 7 * MS for number in ticks):
        while arrivals and arrivals[0].at_ns <= now:
            arrived = arrivals.pop(0)
            if buffer.note(arrived.packet):
                buffer.put(arrived.packet, PCMU, FRAME, arrived.at_ns)
        played.append(Played(now, buffer.take(now, 160, False), buffer.target_ms))
    assert made_up(played) == 0
    assert waits(played)[-1] < 25
