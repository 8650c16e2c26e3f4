import pytest

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers import CSeq, RAck, parse_rseq


def test_cseq() -> None:
    assert str(CSeq.parse("0009 \tINVITE")) == "9 INVITE"
    assert CSeq.parse("2147483647 BYE").number == 2**31 - 1


@pytest.mark.parametrize(
    "text", ["", "1", "x BYE", "-1 BYE", "2147483648 BYE", "1 B Y", "\N{ARABIC-INDIC DIGIT ONE} BYE"]
)
def test_malformed_cseq(text: str) -> None:
    with pytest.raises(ParseError):
        CSeq.parse(text)


def test_rack() -> None:
    assert RAck.parse("776656 \t1  INVITE") == RAck(776656, 1, "INVITE")
    assert str(RAck(1, 2, "INVITE")) == "1 2 INVITE"


@pytest.mark.parametrize("text", ["", "1 2", "0 1 INVITE", "4294967296 1 INVITE", "1 2147483648 INVITE", "1 1 IN VITE"])
def test_malformed_rack(text: str) -> None:
    with pytest.raises(ParseError):
        RAck.parse(text)


def test_rseq() -> None:
    assert parse_rseq("4294967295") == 2**32 - 1
    for text in ("", "0", "4294967296", "x", "1 2"):
        with pytest.raises(ParseError):
            parse_rseq(text)


def test_values_of_ours_are_checked() -> None:
    for make in (lambda: CSeq(2**31, "BYE"), lambda: CSeq(1, "B Y"), lambda: RAck(0, 1, "INVITE")):
        with pytest.raises(ValueRefused):
            make()
