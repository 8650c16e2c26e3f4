"""Values that outlive the process come back as they were."""

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.survival.states import StateError, decode, encode
from vault.pii import Pii


@dataclass
class Talk:
    caller: Pii[str]
    held: float | None = None
    sides: frozenset[str] = frozenset()
    attributes: dict[str, Pii[str]] = field(default_factory=dict)


class Page(msgspec.Struct, frozen=True):
    talk: Talk | None
    seq: int


@given(st.binary())
def test_octets_that_are_no_text_come_back_as_they_were(octets: bytes) -> None:
    caller = Pii(octets.decode("utf-8", "surrogateescape"))
    page = Page(Talk(caller, 1.5, frozenset({"Agent"}), {"name": caller}), 7)
    assert decode(encode(page), Page) == page


def test_what_is_no_such_value_is_refused_without_its_text() -> None:
    with pytest.raises(StateError) as error:
        decode('{"talk": {"caller": 15550199}, "seq": 1}', Page)
    assert "15550199" not in str(error.value)
    with pytest.raises(StateError):
        decode('{"seq": "+15550199"', Page)


def test_a_value_of_an_unknown_kind_is_not_written() -> None:
    with pytest.raises(StateError):
        encode({"socket": object()})
