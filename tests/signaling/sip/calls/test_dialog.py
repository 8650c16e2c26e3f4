import pytest

from signaling.sip.calls.dialog import Dialog, Outline
from signaling.sip.exchanges.transactions import Arrival
from signaling.sip.flow import Flow
from signaling.sip.headers import MAX_CSEQ
from signaling.sip.messages.envelope import Envelope
from signaling.sip.messages.message import Request
from tests.signaling.sip.wire import LOCAL, PEER, request

UDP = Flow("udp", LOCAL, ("198.51.100.7", 40001))
TCP = Flow("tcp", LOCAL, ("198.51.100.7", 40001))


def make_dialog(**more: str) -> Dialog:
    fields = {name: value for name, value in more.items() if value}
    return Dialog.from_invite(arrival("INVITE", 7, **fields), "ours")


def arrival(method: str, number: int, **more: str) -> Arrival:
    fields = {"Via": "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKx"} | more
    base = request(method, number)
    kept = [(name, fields.pop(name.replace("-", "_"), value)) for name, value in base.headers]
    headers = type(base.headers)([*kept, *((name.replace("_", "-"), value) for name, value in fields.items())])
    message = Request(method, base.uri, headers)
    return Arrival(message, Envelope.read(message), UDP)


def test_loose_routes_leave_the_target_in_the_request_line() -> None:
    bye = make_dialog(Record_Route="<sip:p1.test;lr>, <sip:p2.test;lr>").make_request(Outline("BYE"), UDP, "b")
    assert bye.uri == "sip:ada@192.0.2.9:5070"
    assert bye.headers.get_all("Route") == ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]


def test_strict_router_takes_the_request_line() -> None:
    bye = make_dialog(Record_Route="<sip:p1.test>, <sip:p2.test;lr>").make_request(Outline("BYE"), UDP, "b")
    assert bye.uri == "sip:p1.test"
    assert bye.headers.get_all("Route") == ["<sip:p2.test;lr>", "<sip:ada@192.0.2.9:5070>"]


def test_numbers_grow_and_ack_keeps_that_of_the_invite() -> None:
    dialog = make_dialog()
    numbers = [
        dialog.make_request(Outline(method), UDP, "b").headers.get("CSeq")
        for method in ("UPDATE", "INVITE", "INFO", "ACK", "BYE")
    ]
    assert numbers == ["1 UPDATE", "2 INVITE", "3 INFO", "2 ACK", "4 BYE"]


def test_only_newer_requests_are_admitted() -> None:
    dialog = make_dialog()
    assert [dialog.admit(arrival("UPDATE", number)) for number in (7, 6, 9, 8, MAX_CSEQ)] == [
        False, False, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flow", "via", "routes", "contact", "remote"),
    [
        (UDP, "", "", "<sip:a@192.0.2.9:5070>", PEER),
        (UDP, "", "", "<sip:a@pbx.test>", UDP.remote),
        (UDP, ";rport", "", "<sip:a@10.0.0.1>", UDP.remote),
        (UDP, ";rport", "<sip:192.0.2.50;lr>", "<sip:a@10.0.0.1>", ("192.0.2.50", 5060)),
        (UDP, "", "<sip:[2001:db8::1]:5066;lr>", "<sip:a@10.0.0.1>", ("2001:db8::1", 5066)),
        (TCP, ";rport", "", "<sip:a@192.0.2.9:5070>", PEER),
        (Flow("tls", LOCAL, PEER), "", "", "<sip:a@192.0.2.9>", ("192.0.2.9", 5061)),
        (Flow("tcp", LOCAL, PEER, 4), "", "<sip:192.0.2.50;lr>", "<sip:a@10.0.0.1>", PEER),
    ],
)
def test_where_the_next_request_goes(flow: Flow, via: str, routes: str, contact: str, remote: tuple[str, int]) -> None:
    way = f"SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKx{via}"
    assert make_dialog(Via=way, Record_Route=routes, Contact=contact).next_flow(flow).remote == remote
