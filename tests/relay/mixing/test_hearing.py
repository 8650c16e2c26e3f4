import math

import numpy as np

from relay.api import Hear, HearAll
from relay.mixing.hearing import MAX_GAIN, Cells, Matrix, Mixes, MixPlan, distinct_mixes, joined

LEGS = {"ann": 0, "bob": 1, "cid": 2}
SOURCES = {**LEGS, "music": 3}


def cells(*hearing: Hear) -> list[tuple[int, int, float]]:
    found = Matrix(hearing).cells(LEGS, SOURCES)
    return list(zip(found.listeners.tolist(), found.sources.tolist(), found.gains.tolist(), strict=True))


def listeners(mixes: Mixes) -> dict[int, int]:
    """Row of a leg -> its mix."""
    found = {row: mixes.of_listener(row) for row in range(len(mixes.of_row))}
    return {row: number for row, number in found.items() if number is not None}


def everyone() -> Cells:
    return Matrix([Hear(one, other) for one in LEGS for other in LEGS if one != other]).cells(LEGS, SOURCES)


def test_unknown_names_and_zero_gains_are_left_out() -> None:
    hearing = [Hear("ann", "gone"), Hear("gone", "ann"), Hear("music", "ann"), Hear("ann", "bob", 0.0)]
    assert cells(*hearing, Hear("bob", "ann", math.nan), Hear("ann", "music", 0.5)) == [(0, 3, 0.5)]
    assert cells() == []


def test_a_gain_beyond_all_reason_is_limited() -> None:
    assert cells(Hear("ann", "bob", 1e300), Hear("bob", "ann", -1e300)) == [(0, 1, MAX_GAIN), (1, 0, -MAX_GAIN)]


def test_of_two_cells_for_a_pair_the_last_holds() -> None:
    assert cells(Hear("ann", "bob"), Hear("ann", "bob", 0.25)) == [(0, 1, 0.25)]
    assert cells(Hear("ann", "bob"), Hear("ann", "bob", 0.0)) == []


def test_in_a_group_each_hears_all_but_himself() -> None:
    told = Matrix(groups=[HearAll(("ann", "bob", "ann"), ("bob", "ann", "music", "gone"), 0.5)]).cells(LEGS, SOURCES)
    found = zip(told.listeners.tolist(), told.sources.tolist(), told.gains.tolist(), strict=True)
    assert sorted(found) == [(0, 1, 0.5), (0, 3, 0.5), (1, 0, 0.5), (1, 3, 0.5)]
    assert len(Matrix(groups=[HearAll((), ("ann",)), HearAll(("ann",), ())]).cells(LEGS, SOURCES).sources) == 0


def test_a_cell_stands_over_groups_and_a_group_over_those_before_it() -> None:
    all_, some = HearAll(tuple(LEGS), tuple(LEGS)), HearAll(("bob",), ("ann",), 0.25)
    told = Matrix([Hear("ann", "bob", 0.0), Hear("cid", "ann", 2.0)], [all_, some]).cells(LEGS, SOURCES)
    found = zip(told.listeners.tolist(), told.sources.tolist(), told.gains.tolist(), strict=True)
    assert sorted(found) == [(0, 2, 1.0), (1, 0, 0.25), (1, 2, 1.0), (2, 0, 2.0), (2, 1, 1.0)]


def test_a_group_says_what_its_cells_say() -> None:
    names = tuple(LEGS)
    one = Matrix(groups=[HearAll(names, (*names, "music"))])
    other = Matrix([Hear(a, b) for a in names for b in (*names, "music") if a != b])
    assert sorted(one.listeners("music")) == sorted(other.listeners("music")) == sorted(names)
    for a, b in zip(_columns(one.cells(LEGS, SOURCES)), _columns(other.cells(LEGS, SOURCES)), strict=True):
        assert sorted(a) == sorted(b)


def _columns(cells: Cells) -> tuple[list[float], list[float], list[float]]:
    return cells.listeners.tolist(), cells.sources.tolist(), cells.gains.tolist()


def test_a_listeners_cells_lie_together_in_the_order_of_their_sources() -> None:
    mixed_up = [Hear("bob", "music"), Hear("ann", "cid"), Hear("bob", "ann"), Hear("ann", "bob")]
    listeners = [cell[0] for cell in cells(*mixed_up)]
    assert listeners in ([0, 0, 1, 1], [1, 1, 0, 0])


def test_who_hears_one_source_as_it_is() -> None:
    matrix = Matrix(
        [Hear("ann", "bob"), Hear("ann", "gone"), Hear("bob", "ann", 0.5), Hear("cid", "ann"), Hear("cid", "music")]
    )
    assert matrix.heard_alone(LEGS, SOURCES) == {0: 1}
    assert matrix.heard_alone(LEGS, LEGS) == {0: 1, 2: 0}
    assert Matrix().heard_alone(LEGS, SOURCES) == {}


def test_the_matrix_of_a_large_conference_is_no_hold_up() -> None:
    legs = {f"leg{number}": number for number in range(300)}
    matrix = Matrix([Hear(one, other) for one in legs for other in legs if one != other])
    found = matrix.cells(legs, legs)
    assert len(found.gains) == 300 * 299
    mixes = distinct_mixes(found, np.arange(300) < 3)
    assert len(mixes.starts) == 4


def test_with_one_speaker_all_others_share_one_mix() -> None:
    mixes = distinct_mixes(everyone(), np.array([True, False, False, False]))
    assert listeners(mixes) == {1: 0, 2: 0}
    assert mixes.sources.tolist() == [0]


def test_with_two_speakers_there_are_three_mixes() -> None:
    mixes = distinct_mixes(everyone(), np.array([True, True, False, False]))
    assert len(mixes.starts) == 3
    assert [part.tolist() for part in np.split(mixes.sources, mixes.starts[1:])] == [[1], [0], [0, 1]]
    assert listeners(mixes) == {0: 0, 1: 1, 2: 2}


def test_the_same_source_at_another_gain_is_another_mix() -> None:
    hearing = [Hear("ann", "music"), Hear("bob", "music", 0.5), Hear("cid", "music")]
    mixes = distinct_mixes(Matrix(hearing).cells(LEGS, SOURCES), np.ones(4, np.bool_))
    assert listeners(mixes) == {0: 0, 1: 1, 2: 0}


def test_silence_is_no_mix_at_all() -> None:
    mixes = distinct_mixes(everyone(), np.zeros(4, np.bool_))
    assert (len(mixes.starts), listeners(mixes)) == (0, {})
    assert listeners(distinct_mixes(joined([]), np.zeros(4, np.bool_))) == {}


def test_a_source_knows_by_whom_it_is_heard() -> None:
    matrix = Matrix((Hear("a", "x"), Hear("b", "x", 0.0), Hear("c", "x", 0.5), Hear("x", "a")))
    assert sorted(matrix.listeners("x")) == ["a", "c"]
    assert matrix.listeners("nobody") == [] and matrix.listeners("c") == []


def test_a_plan_follows_those_who_make_a_sound() -> None:
    plan = MixPlan(everyone())
    sounding = np.array([True, False, False, False])
    assert listeners(plan.mixes(sounding)) == {1: 0, 2: 0}
    assert plan.mixes(sounding.copy()) is plan.mixes(sounding)
    sounding[1] = True
    assert listeners(plan.mixes(sounding)) == {0: 0, 1: 1, 2: 2}
    assert listeners(plan.mixes(np.zeros(9, np.bool_))) == {} and len(plan.mixes(np.zeros(9, np.bool_)).of_row) == 9
