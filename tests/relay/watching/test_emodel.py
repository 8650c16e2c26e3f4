import itertools

import pytest

from relay.watching.emodel import mean_opinion_score, rating


def test_all_defaults_give_the_rating_of_the_recommendation() -> None:
    assert rating(0, 0) == pytest.approx(93.2, abs=0.05)
    assert mean_opinion_score(rating(0, 0)) == pytest.approx(4.41, abs=0.005)


@pytest.mark.parametrize(
    ("r", "mos"), [(90, 4.34), (80, 4.02), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (100, 4.5)]
)
def test_opinion_scores_are_those_of_annex_b(r: float, mos: float) -> None:
    assert mean_opinion_score(r) == pytest.approx(mos, abs=0.006)


def test_delay_is_forgiven_up_to_a_point() -> None:
    ratings = [rating(delay, 0) for delay in range(0, 1000, 10)]
    assert all(earlier >= later for earlier, later in itertools.pairwise(ratings))
    # At 100 ms it is echo alone that costs; at 400 ms Idd of §7.4 alone is 24.07.
    assert [rating(delay, 0) for delay in (100, 200, 400)] == pytest.approx([90.66, 85.80, 62.25], abs=0.01)


def test_loss_costs_and_bursts_cost_more() -> None:
    ratings = [rating(50, loss / 100) for loss in range(101)]
    assert all(earlier > later for earlier, later in itertools.pairwise(ratings))
    assert rating(0, 0.02) == pytest.approx(93.2 - 95 * 2 / 27.1, abs=0.1)
    assert rating(0, 0.02, 2.0) < rating(0, 0.02, 1.0)


def test_figures_beyond_sense_give_a_score_all_the_same() -> None:
    for delay, loss in itertools.product((-5, 0, 1e6), (-1.0, 0.0, 1.0, 7.0)):
        assert 1.0 <= mean_opinion_score(rating(delay, loss)) <= 4.5
