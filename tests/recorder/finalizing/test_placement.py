"""The sender's line under the arrivals, over an hour, in all weathers."""

import numpy as np
import pytest

from recorder.finalizing.placement import Floats, place, sender_line
from recorder.spooling.index import Track
from recorder.wire import Codec, Kind, Record

HOUR = np.arange(0, 3600, 0.02)


def arrivals(sent: Floats, skew: float, kind: str) -> Floats:
    generator = np.random.default_rng(11)
    jitter = {
        "even": generator.uniform(0, 0.06, len(sent)),
        "tailed": generator.exponential(0.02, len(sent)),
        "bursts": generator.uniform(0, 0.02, len(sent)) + np.where(sent % 40 < 2, 0.3, 0.0),
    }[kind]
    return np.asarray(12.0 + sent * (1 + skew) + 0.03 + jitter)


@pytest.mark.parametrize("kind", ["even", "tailed", "bursts"])
@pytest.mark.parametrize("skew", [-200e-6, 0.0, 200e-6])
def test_within_half_a_millisecond_for_an_hour(skew: float, kind: str) -> None:
    line = sender_line(HOUR, arrivals(HOUR, skew, kind))
    error = line - (12.03 + HOUR * (1 + skew))
    assert np.abs(error).max() < 0.0005


def test_a_short_run_is_not_led_astray() -> None:
    for seconds in (0.04, 0.5, 3.0):
        sent = HOUR[seconds > HOUR]
        error = sender_line(sent, arrivals(sent, 0.0, "even")) - (12.03 + sent)
        assert np.abs(error).max() < 0.025
    for seconds in (10.0, 20.0):
        sent = HOUR[seconds > HOUR]
        error = sender_line(sent, arrivals(sent, 0.0, "even")) - (12.03 + sent)
        assert np.abs(error).max() < 0.0012


@pytest.mark.parametrize("packets", [1, 3, 40, 400])
def test_the_last_packets_are_held_against_those_before(packets: int) -> None:
    """Among so few, none may have come with the least delay."""
    sent = HOUR[: 120 * 50 + packets]
    arrived = 12.03 + sent + np.random.default_rng(3).uniform(0, 0.06, len(sent))
    arrived[-packets:] += 0.02 if packets < 100 else 0.0
    assert np.abs(sender_line(sent, arrived) - (12.03 + sent)).max() < 0.0005


def test_a_path_that_becomes_longer_is_followed() -> None:
    arrived = arrivals(HOUR, 0.0, "even") + np.where(HOUR > 1800, 0.025, 0.0)
    line = sender_line(HOUR, arrived)
    truth = 12.03 + HOUR + np.where(HOUR > 1800, 0.025, 0.0)
    away = np.abs(HOUR - 1800) > 35
    assert np.abs(line - truth)[away].max() < 0.001


def track_of(packets: list[tuple[int, int, int]]) -> Track:
    """From (sequence, timestamp, arrival in ns)."""
    track = Track()
    for sequence, timestamp, arrival in packets:
        payload = bytes(160)
        track.add(Record(bytes(16), Kind.PACKET, 0, arrival, Codec.PCMU, sequence, timestamp, 1, payload), 0, 0)
    return track


def test_a_stall_is_not_a_jump() -> None:
    """Two seconds of packets that come all at once stay where they belong."""
    packets = [(n, n * 160, max(n * 20, 3000 if n >= 50 else 0) * 1_000_000) for n in range(500)]
    placed = place(track_of(packets), 0)
    assert len(placed.runs) == 1
    assert placed.runs[0].start == pytest.approx(np.arange(500) * 0.02, abs=1e-4)


def test_the_first_and_the_last_packet_may_be_late() -> None:
    late = {0: 900, 1: 400, 299: 900}
    packets = [(n, n * 160, (n * 20 + late.get(n, 0)) * 1_000_000) for n in range(300)]
    placed = place(track_of(packets), 0)
    assert len(placed.runs) == 1
    assert placed.runs[0].start == pytest.approx(np.arange(300) * 0.02, abs=1e-4)


def test_a_jump_of_the_timestamps_begins_a_new_run() -> None:
    packets = [(n, n * 160 + (80_000 if n >= 300 else 0), n * 20_000_000) for n in range(600)]
    placed = place(track_of(packets), 0)
    assert [len(run.packets) for run in placed.runs] == [300, 300]
    starts = np.concatenate([run.start for run in placed.runs])
    assert starts == pytest.approx(np.arange(600) * 0.02, abs=1e-4)


def test_duplicates_are_dropped_and_counted_only_if_the_network_made_them() -> None:
    packets = [(n, n * 160, n * 20_000_000) for n in range(100)]
    again = packets[10:20]
    doubled = [(sequence, timestamp, arrival + 5_000_000) for sequence, timestamp, arrival in packets[30:37]]
    placed = place(track_of(packets + again + doubled), 0)
    assert (placed.packets, placed.duplicates) == (100, 7)


def test_nothing_is_placed_of_nothing() -> None:
    assert place(Track(), 0).runs == []
