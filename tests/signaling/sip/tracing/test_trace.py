"""Rings of messages, bounded each and all together."""

from signaling.sip.flow import Flow
from signaling.sip.tracing.trace import Trace

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5070))


def message(method: str, call_id: str = "1", more: bytes = b"") -> bytes:
    return b"%b sip:x@h SIP/2.0\r\nCSeq: 1 %b\r\nCall-ID: %b\r\n%b\r\nbody" % (
        method.encode(),
        method.encode(),
        call_id.encode(),
        more,
    )


def starts(trace: Trace, call_id: str = "1") -> list[str]:
    return [shown.start.split(" ")[0] for shown in trace.of(call_id)]


def test_a_call_is_followed_from_its_invite_on() -> None:
    trace = Trace()
    assert trace.note(message("OPTIONS"), FLOW, False, 1.0) is None
    assert trace.note(message("INVITE"), FLOW, False, 2.0) == "1"
    assert trace.note(message("BYE"), FLOW, True, 3.0) == "1"
    assert trace.note(message("BYE", "2"), FLOW, True, 3.0) is None
    assert trace.note(b"\r\n\r\n", FLOW, False, 3.0) is None
    assert starts(trace) == ["INVITE", "BYE"]
    latest = trace.latest("1")
    assert latest is not None and (latest.start.split(" ")[0], latest.sent, latest.at) == ("BYE", True, 3.0)
    trace.drop("1")
    assert (starts(trace), trace.latest("1"), len(trace)) == ([], None, 0)


def test_a_call_that_began_before_is_followed_from_now_on() -> None:
    trace = Trace()
    trace.follow("1")
    assert trace.latest("1") is None
    trace.note(message("BYE"), FLOW, True, 3.0)
    trace.follow("1")
    assert starts(trace) == ["BYE"]


def test_the_compact_form_names_the_call_too() -> None:
    trace = Trace()
    compact = b"INVITE sip:x@h SIP/2.0\r\ni: abc \r\n\r\n"
    assert trace.note(compact, FLOW, False, 1.0) == "abc"


def test_the_oldest_messages_of_a_long_call_go_first() -> None:
    trace = Trace(messages=3)
    for method in ("INVITE", "INFO", "UPDATE", "BYE"):
        trace.note(message(method), FLOW, False, 1.0)
    assert starts(trace) == ["INFO", "UPDATE", "BYE"]


def test_memory_is_bounded_and_the_oldest_calls_go_first() -> None:
    trace = Trace(max_octets=2000)
    for number in range(100):
        trace.note(message("INVITE", str(number), b"X: " + b"x" * 200 + b"\r\n"), FLOW, False, 1.0)
    assert len(trace) == 2000 // (len(message("INVITE", "10")) - len(b"\r\nbody") + 205)
    assert starts(trace, "99") == ["INVITE"] and starts(trace, "0") == []
    big = Trace()
    big.note(message("INVITE", "1", b"X: " + b"x" * 60000 + b"\r\n"), FLOW, False, 1.0)
    assert big._octets == 4096
    big.drop("1")
    assert big._octets == 0
