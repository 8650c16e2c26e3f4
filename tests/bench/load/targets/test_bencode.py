import pytest

from bench.load.targets.bencode import decode, encode


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ("é", b"2:\xc3\xa9"),
        (-3, b"i-3e"),
        ([1, ["a"]], b"li1el1:aee"),
        ({"b": "", "a": {"c": 0}}, b"d1:ad1:ci0ee1:b0:e"),
    ],
)
def test_values_go_there_and_back(value: object, data: bytes) -> None:
    assert encode(value) == data
    assert decode(data) == value


@pytest.mark.parametrize(
    "data", [b"", b"5:abc", b"i12", b"iae", b"d1:ae", b"di1ei2ee", b"li1e", b"1:ab", b"x", b"l" * 5000, b"-1:a"]
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(data)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        encode(1.5)
