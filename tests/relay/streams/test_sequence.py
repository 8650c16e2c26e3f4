import random

from relay.streams.sequence import SequenceStats


def counted(sequences: list[int]) -> SequenceStats:
    stats = SequenceStats()
    for sequence in sequences:
        stats.count(sequence)
    return stats


def test_lost_are_those_that_never_came() -> None:
    stats = counted([10, 11, 13, 12, 16, 16])
    assert (stats.received, stats.lost, stats.duplicated) == (5, 2, 1)


def test_any_order_within_a_hundred_counts_the_same() -> None:
    numbers = [number for number in range(1000, 1090) if number % 7]
    random.Random(3).shuffle(numbers)
    stats = counted(numbers)
    assert (stats.received, stats.lost, stats.duplicated) == (len(numbers), 13, 0)


def test_a_stray_number_changes_nothing_and_two_that_follow_on_are_a_restart() -> None:
    stats = counted([10, 11, 12])
    assert stats.count(9000) == "strange"
    assert stats.count(13) == "new"
    assert stats.count(50_000) == "strange"
    assert stats.count(50_001) == "restart"
    assert (stats.received, stats.lost) == (5, 0)


def test_figures_outlive_a_restart() -> None:
    stats = counted([10, 12])
    stats.start()
    stats.count(500)
    stats.count(502)
    assert (stats.received, stats.lost) == (4, 2)
