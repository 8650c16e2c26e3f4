from signaling.sip.headers.identity import Identity, read_identity
from signaling.sip.messages.message import Headers


def test_nothing_is_said() -> None:
    identity = read_identity(Headers())
    assert identity == Identity()
    assert (identity.number, identity.diverted_from, identity.is_hidden) == ("", "", False)


def test_asserted_number() -> None:
    headers = Headers(
        [("P-Asserted-Identity", '"Ada, L" <sip:ada@x.test>, <tel:+4930123>'), ("Privacy", "id;critical")]
    )
    identity = read_identity(headers)
    assert identity.number == "+4930123"
    assert {address.uri.scheme for address in identity.asserted} == {"sip", "tel"}
    assert identity.is_hidden and identity.privacy == {"id", "critical"}


def test_one_uri_of_a_scheme_counts() -> None:
    headers = Headers([("P-Asserted-Identity", "<sip:a@x>"), ("P-Asserted-Identity", "<sip:b@x>, <http://c>")])
    assert [address.uri.user for address in read_identity(headers).asserted] == ["a"]


def test_none_hides_nothing() -> None:
    assert not read_identity(Headers([("Privacy", "none")])).is_hidden


def test_diversion_names_the_number_first_called_last() -> None:
    headers = Headers(
        [
            ("Diversion", "<tel:+492>;reason=no-answer;counter=1, <tel:+491>;reason=unconditional"),
            ("History-Info", "<sip:+499@x>;index=1, <sip:+498@x?Reason=SIP%3Bcause%3D486>;index=1.1"),
        ]
    )
    identity = read_identity(headers)
    assert [address.params.get("reason") for address in identity.diversions] == ["no-answer", "unconditional"]
    assert identity.diverted_from == "+491"
    assert [address.params.get("index") for address in identity.history] == ["1", "1.1"]


def test_history_says_it_where_there_is_no_diversion() -> None:
    history = ("History-Info", "<sip:+499@x>;index=1, <sip:+498@x>;index=1.1, <sip:+497@x>")
    assert read_identity(Headers([history])).diverted_from == "+499"
    assert read_identity(Headers([("History-Info", "<sip:+499@x>;index=1")])).diverted_from == ""


def test_what_is_malformed_is_not_there() -> None:
    headers = Headers(
        [
            ("P-Asserted-Identity", '"open <tel:+1>'),
            ("Diversion", "<<>"),
            ("Diversion", "<tel:+2>, x"),
            ("Privacy", "a b;id"),
        ]
    )
    identity = read_identity(headers)
    assert not identity.asserted
    assert (identity.diverted_from, identity.privacy) == ("+2", frozenset({"id"}))


def test_many_are_not_kept() -> None:
    headers = Headers([("Diversion", ", ".join(["<tel:+1>"] * 100))])
    assert len(read_identity(headers).diversions) == 16


def test_the_repr_names_no_one() -> None:
    assert "4930123" not in repr(read_identity(Headers([("P-Asserted-Identity", "<tel:+4930123>")])))
