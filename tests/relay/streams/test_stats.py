from relay.streams.rtcp import SenderInfo
from relay.streams.rtp import RtpPacket
from relay.streams.stats import Reception

SECOND = 1_000_000_000


def feed(reception: Reception, sequences: list[int], late_ns: int = 0) -> None:
    for sequence in sequences:
        packet = RtpPacket(0, False, 9, sequence, sequence * 160, b"")
        reception.receive(packet, 8000, sequence * 20_000_000 + late_ns * (sequence % 2))


def test_loss_is_counted_from_the_beginning_and_since_the_last_report() -> None:
    reception = Reception(9, 100)
    feed(reception, [*range(100, 150), *range(160, 200)])
    first = reception.report(0)
    assert (first.packets_lost, first.fraction_lost, first.highest_sequence) == (10, 25, 199)
    feed(reception, list(range(200, 300)))
    second = reception.report(0)
    assert (second.packets_lost, second.fraction_lost) == (10, 0)


def test_duplicates_make_the_loss_negative_and_the_fraction_zero() -> None:
    reception = Reception(9, 100)
    feed(reception, [100, 100, 101, 101])
    assert (reception.report(0).packets_lost, reception.report(0).fraction_lost) == (-2, 0)


def test_jitter_is_the_smoothed_difference_in_clock_units() -> None:
    reception = Reception(9, 0)
    feed(reception, list(range(400)), late_ns=5_000_000)
    assert 38 <= reception.report(0).jitter <= 40
    steady = Reception(9, 0)
    feed(steady, list(range(100)))
    assert steady.report(0).jitter == 0


def test_the_last_sender_report_is_quoted_with_its_age() -> None:
    reception = Reception(9, 0)
    assert (reception.report(SECOND).last_sr, reception.report(SECOND).delay_since_last_sr) == (0, 0)
    reception.sender_report(SenderInfo(0x1111_2222_3333_4444, 0, 0, 0), SECOND)
    report = reception.report(SECOND + SECOND // 2)
    assert (report.last_sr, report.delay_since_last_sr) == (0x2222_3333, 32768)


def test_events_in_another_clock_are_no_jitter() -> None:
    """On a machine that has been up for a month the two clocks are billions of units apart."""
    reception = Reception(9, 0)
    for number in range(200):
        clock = 8000 if number % 10 == 9 else 48000
        arrival = 30 * 86400 * SECOND + number * 20_000_000
        reception.receive(RtpPacket(0, False, 9, number, number * 960, b""), clock, arrival)
    assert reception.report(0).jitter == 0
