import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.fields import FieldDamaged, FieldKey, Place, blind_index, key_of, seal, unseal
from vault.pii import Pii

KEY = FieldKey(b"k" * 16, Pii(b"\x01" * 32))
PLACE = Place("111", "acme", "contacts", "contact-1", "customer")
NUMBER = Pii("+491719876543")


@given(st.text(st.characters(exclude_categories=())))
def test_what_was_sealed_opens(text: str) -> None:
    sealed = seal(KEY, PLACE, Pii(text))
    assert key_of(sealed) == KEY.id
    assert unseal(KEY, PLACE, sealed) == Pii(text)


def test_two_seals_of_one_value_differ_and_show_nothing() -> None:
    one, other = seal(KEY, PLACE, NUMBER), seal(KEY, PLACE, NUMBER)
    assert one != other and NUMBER.reveal().encode() not in one


@pytest.mark.parametrize("part", Place._fields)
def test_it_opens_in_its_place_only(part: str) -> None:
    sealed = seal(KEY, PLACE, NUMBER)
    with pytest.raises(FieldDamaged):
        unseal(KEY, PLACE._replace(**{part: "other"}), sealed)


def test_places_that_read_alike_differ() -> None:
    assert Place("a", "bc", "", "", "").encode() != Place("ab", "c", "", "", "").encode()


def test_it_opens_with_its_key_only() -> None:
    sealed = seal(KEY, PLACE, NUMBER)
    for other in (FieldKey(KEY.id, Pii(b"\x02" * 32)),):
        with pytest.raises(FieldDamaged):
            unseal(other, PLACE, sealed)


def test_every_changed_byte_is_noticed() -> None:
    sealed = seal(KEY, PLACE, NUMBER)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(FieldDamaged):
            unseal(KEY, PLACE, changed)


@given(st.binary(max_size=80))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(FieldDamaged):
        unseal(KEY, PLACE, data)


def test_a_blind_index_finds_equals_of_one_column_of_one_instance() -> None:
    key, other = Pii(b"\x03" * 32), Pii(b"\x04" * 32)
    index = blind_index(key, "contacts.customer", NUMBER)
    assert index == blind_index(key, "contacts.customer", Pii("+491719876543")) and len(index) == 32
    assert index != blind_index(key, "contacts.customer", Pii("+491719876544"))
    assert index != blind_index(key, "contacts.system", NUMBER)
    assert index != blind_index(other, "contacts.customer", NUMBER)
