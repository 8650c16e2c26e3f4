import pytest

from bench.load.work import KINDS, make_work


@pytest.mark.parametrize("kind", KINDS)
def test_legs_are_numbered_and_have_tones_of_their_own(kind: str) -> None:
    work = make_work(kind)
    assert [leg.number for leg in work.legs] == list(range(KINDS[kind].default))
    tones = [leg.tone for leg in work.legs if leg.tone is not None]
    assert len(set(tones)) == len(tones)


def test_in_a_room_of_two_each_hears_the_other() -> None:
    work = make_work("srtp-rtp", 4)
    assert [[other.number for other in work.heard_by(leg)] for leg in work.legs] == [[1], [0], [3], [2]]
    assert [leg.srtp for leg in work.legs] == [True, False, True, False]


def test_in_a_conference_three_speak() -> None:
    work = make_work("pcmu-room", 100)
    assert [other.number for other in work.heard_by(work.legs[99])] == [0, 1, 2]
    assert [other.number for other in work.heard_by(work.legs[1])] == [0, 2]
    first, second, third = (leg.tone for leg in work.legs[:3] if leg.tone is not None)
    assert first not in (2 * second - third, third - second) and third not in (2 * second - first, first + second)


@pytest.mark.parametrize(("kind", "legs"), [("none", 4), ("pcmu-pairs", 3), ("pcmu-pairs", 0), ("pcmu-room", 3)])
def test_what_cannot_be_is_refused(kind: str, legs: int) -> None:
    with pytest.raises(ValueError, match=r"there is no work|even number|4 legs"):
        make_work(kind, legs)
