import random

from relay.streams.sequence import MAX_DROPOUT, MAX_MISORDER, SequenceStats


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


def test_three_thousand_ahead_and_a_hundred_behind_are_still_of_the_stream() -> None:
    assert (MAX_DROPOUT, MAX_MISORDER) == (3000, 100)
    assert [counted([1000]).count(1000 + ahead) for ahead in (3000, 3001, -100, -101)] == [
        "new", "strange", "new", "strange"
    ]  # fmt: skip


def test_those_that_came_in_order_have_come() -> None:
    stats = counted([10])
    stats.advance(3, 1.5)
    assert (stats.received, stats.lost, stats.jitter_ms, stats.is_newest(13)) == (4, 0, 1.5, True)
    assert [stats.count(number) for number in (13, 11, 10, 14, 9)] == ["again", "again", "again", "new", "new"]


def test_before_the_first_none_is_the_newest() -> None:
    stats = SequenceStats()
    assert not stats.is_newest(0)
    assert (stats.jitter_ms, stats.lost) == (0.0, 0)
