import math

import numpy as np

from relay.api import Hear
from relay.hearing import MAX_GAIN, cells_of, columns, distinct_mixes

LEGS = {"ann": 0, "bob": 1, "cid": 2}
SOURCES = {**LEGS, "music": 3}


def everyone() -> list[tuple[int, int, float]]:
    return cells_of([Hear(one, other) for one in LEGS for other in LEGS if one != other], LEGS, SOURCES)


def test_unknown_names_and_zero_gains_are_left_out() -> None:
    hearing = [Hear("ann", "gone"), Hear("gone", "ann"), Hear("music", "ann"), Hear("ann", "bob", 0.0)]
    assert cells_of([*hearing, Hear("bob", "ann", math.nan), Hear("ann", "music", 0.5)], LEGS, SOURCES) == [(0, 3, 0.5)]


def test_a_gain_beyond_all_reason_is_limited() -> None:
    assert cells_of([Hear("ann", "bob", 1e300), Hear("bob", "ann", -1e300)], LEGS, SOURCES) == [
        (0, 1, MAX_GAIN),
        (1, 0, -MAX_GAIN),
    ]


def test_of_two_cells_for_a_pair_the_last_holds() -> None:
    assert cells_of([Hear("ann", "bob"), Hear("ann", "bob", 0.2)], LEGS, SOURCES) == [(0, 1, 0.2)]
    assert cells_of([Hear("ann", "bob"), Hear("ann", "bob", 0.0)], LEGS, SOURCES) == []


def test_with_one_speaker_all_others_share_one_mix() -> None:
    mixes = distinct_mixes(columns(everyone()), np.array([True, False, False, False]))
    assert mixes.of_listener == {1: 0, 2: 0}
    assert mixes.sources.tolist() == [0]


def test_with_two_speakers_there_are_three_mixes() -> None:
    mixes = distinct_mixes(columns(everyone()), np.array([True, True, False, False]))
    assert len(mixes.starts) == 3
    assert [part.tolist() for part in np.split(mixes.sources, mixes.starts[1:])] == [[1], [0], [0, 1]]
    assert mixes.of_listener == {0: 0, 1: 1, 2: 2}


def test_the_same_source_at_another_gain_is_another_mix() -> None:
    cells = columns(cells_of([Hear("ann", "music"), Hear("bob", "music", 0.5), Hear("cid", "music")], LEGS, SOURCES))
    mixes = distinct_mixes(cells, np.ones(4, np.bool_))
    assert mixes.of_listener == {0: 0, 1: 1, 2: 0}


def test_silence_is_no_mix_at_all() -> None:
    mixes = distinct_mixes(columns(everyone()), np.zeros(4, np.bool_))
    assert (len(mixes.starts), mixes.of_listener) == (0, {})
    assert distinct_mixes(columns([]), np.zeros(4, np.bool_)).of_listener == {}
