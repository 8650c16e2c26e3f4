import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import Params, quote, split_list, unquote


def test_split_list_keeps_quotes_and_brackets_whole() -> None:
    assert split_list('"a, \\"b" <sip:x,y@z;p>;q=1 , c') == ['"a, \\"b" <sip:x,y@z;p>;q=1', "c"]


@pytest.mark.parametrize("text", ['"open', "a <b", "a> b", 'x"\\"'])
def test_split_list_refuses_what_is_not_closed(text: str) -> None:
    with pytest.raises(ParseError):
        split_list(text)


@given(st.text(st.characters(exclude_characters="\r\n")))
def test_quoting_is_undone(text: str) -> None:
    assert unquote(quote(text)) == text
    assert split_list(f"{quote(text)},b") == [quote(text), "b"]


def test_quote_refuses_line_breaks() -> None:
    with pytest.raises(ValueRefused):
        quote("a\r\nVia: b")


def test_params_round_trip_and_replace() -> None:
    params = Params.parse('Branch=z9 ; rport;x="a;b"')
    assert str(params) == ';branch=z9;rport;x="a;b"'
    assert (params.get("branch"), params.get("rport"), "rport" in params, "ttl" in params) == ("z9", None, True, False)
    assert str(params.replace("rport", "5").replace("ttl", "1")) == ';branch=z9;rport=5;x="a;b";ttl=1'


@pytest.mark.parametrize("text", [";", "a=b c", "=x", "a;;b"])
def test_params_refuse(text: str) -> None:
    with pytest.raises(ParseError):
        Params.parse(text)


@pytest.mark.parametrize("pair", [("a", "b;c"), ("a", "b\r\n"), ("a b", None), ("a", "")])
def test_params_of_ours_cannot_break_out(pair: tuple[str, str | None]) -> None:
    with pytest.raises(ValueRefused):
        Params((pair,))
