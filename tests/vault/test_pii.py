import pickle

import pytest

from vault.pii import Pii


def test_no_way_of_printing_shows_the_value() -> None:
    number = Pii("+15550199")
    assert "5550199" not in f"{number} {number!r} {number!s} {[number]} {number:>20}" + str((number,))
    assert number.reveal() == "+15550199"


def test_equal_values_are_equal() -> None:
    assert Pii("a") == Pii("a") != Pii("b")
    assert len({Pii("a"), Pii("a")}) == 1
    assert Pii("a") != "a"


def test_it_is_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Pii("secret"))
