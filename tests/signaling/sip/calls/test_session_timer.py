"""Session timers (RFC 4028): what is agreed on, who refreshes, and when a call is over."""

import pytest

from signaling.sip.calls.session_timer import Terms, check_expires, settle
from signaling.sip.config import SipConfig
from signaling.sip.events import CallAnswered, CallEnded
from signaling.sip.messages.message import Headers, Message, Request, Response
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import Wire, reply, request, within

CONFIG = SipConfig()


def headers(**fields: str) -> Headers:
    return Headers((name.replace("_", "-"), value) for name, value in fields.items())


@pytest.mark.parametrize(
    ("given", "terms"),
    [
        (headers(), None),
        (headers(Supported="timer"), Terms(1800, False)),
        (headers(Supported="timer", Session_Expires="600"), Terms(600, False)),
        (headers(Supported="timer", Session_Expires="600;refresher=uac"), Terms(600, False)),
        (headers(Supported="timer", Session_Expires="600;refresher=uas"), Terms(600, True)),
        (headers(Session_Expires="600"), Terms(600, True)),
        (headers(Session_Expires="600;refresher=uac"), Terms(600, True)),
        (headers(Session_Expires="600", Min_SE="900"), Terms(900, True)),
        (headers(Session_Expires="10"), Terms(90, True)),
        (headers(Require="timer"), Terms(1800, False)),
    ],
)
def test_what_a_request_is_granted(given: Headers, terms: Terms | None) -> None:
    assert settle(given, CONFIG) == terms


def test_patience() -> None:
    assert [Terms(90, False).patience, Terms(1800, False).patience, Terms(1800, True).patience] == [60, 1768, 1800]


def test_span_that_is_too_brief_is_422_for_one_who_knows() -> None:
    answer = check_expires(headers(Supported="timer", Session_Expires="60"), CONFIG)
    assert answer is not None and (answer.status, answer.headers) == (422, (("Min-SE", "90"),))
    assert check_expires(headers(Session_Expires="60"), CONFIG) is None


def methods(messages: list[Message]) -> list[str]:
    return [message.method for message in messages if isinstance(message, Request)]


def test_called_side_grants_and_waits_for_the_refresh() -> None:
    wire = Wire()
    call = wire.ring_in(Supported="timer", Session_Expires="90;refresher=uac")
    wire.agent.answer(call, ANSWER, wire.now)
    ok = wire.take_response()
    assert (ok.headers.get("Session-Expires"), ok.headers.get("Require")) == ("90;refresher=uac", "timer")
    tag = (ok.headers.get("To") or "").partition("tag=")[2]
    wire.send(request("ACK", tag=tag, branch="ack"))
    wire.events()
    wire.wait(50)
    update = request("UPDATE", 2, tag=tag, branch="u", Supported="timer", Session_Expires="90;refresher=uac")
    (refreshed,) = wire.send(update)
    assert isinstance(refreshed, Response)
    assert (refreshed.status, refreshed.headers.get("Session-Expires")) == (200, "90;refresher=uac")
    assert (wire.wait(59), wire.events()) == ([], [])
    assert methods(wire.wait(2))[:1] == ["BYE"]
    assert wire.events() == [CallEnded(call, "timeout", 408)]


def test_called_side_refreshes_by_update_or_by_the_same_offer() -> None:
    for allow, method, body in (("INVITE, UPDATE", "UPDATE", ""), ("INVITE", "INVITE", ANSWER)):
        wire = Wire()
        wire.answer(Session_Expires="90", Allow=allow)
        sent = wire.wait(45.1)
        assert methods(sent) == [method]
        assert (sent[0].body.decode(), sent[0].headers.get("Session-Expires")) == (body, "90;refresher=uac")
        wire.send(reply(sent[0], 200, body=ANSWER if body else None, Session_Expires="90;refresher=uac"))
        assert wire.events() == []
        assert methods(wire.wait(46))[:1] == [method]


def test_refresh_that_fails_ends_the_call_when_the_time_is_up() -> None:
    wire = Wire()
    call, _ = wire.answer(Session_Expires="90", Allow="UPDATE")
    (update,) = wire.wait(45.1)
    wire.send(reply(update, 500))
    assert (wire.wait(44), wire.events()) == ([], [])
    assert methods(wire.wait(2))[:1] == ["BYE"]
    assert wire.events() == [CallEnded(call, "timeout", 408)]


def test_caller_asks_and_refreshes() -> None:
    wire = Wire()
    _, invite = wire.dial_up(Session_Expires="90;refresher=uac", Allow="UPDATE")
    assert (invite.headers.get("Session-Expires"), invite.headers.get("Min-SE")) == ("1800", "90")
    assert "timer" in (invite.headers.get("Supported") or "")
    (update,) = wire.wait(45.1)
    assert update.headers.get("Session-Expires") == "90;refresher=uac"
    wire.send(reply(update, 200))
    assert wire.wait(4000) == []  # the peer wants it no longer


def test_caller_waits_where_the_other_side_refreshes() -> None:
    wire = Wire()
    call, invite = wire.dial_up(Session_Expires="120;refresher=uas")
    wire.wait(70)
    (ok,) = wire.send(within(invite, "UPDATE", 2, Supported="timer", Session_Expires="120;refresher=uac"))
    assert ok.headers.get("Session-Expires") == "120;refresher=uac"
    assert wire.wait(87) == []
    assert methods(wire.wait(2))[:1] == ["BYE"]
    assert wire.events() == [CallEnded(call, "timeout", 408)]


def test_peer_that_knows_nothing_of_it_has_no_timer() -> None:
    wire = Wire()
    wire.dial_up()
    assert wire.wait(10000) == []


def test_422_makes_us_ask_for_more() -> None:
    wire = Wire()
    call, invite = wire.dial()
    ack, again = wire.send(reply(invite, 422, Min_SE="3600"))
    assert isinstance(ack, Request) and isinstance(again, Request)
    assert (ack.method, again.method, again.headers.get("CSeq")) == ("ACK", "INVITE", "2 INVITE")
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == ("3600", "3600")
    assert again.headers.get("Call-ID") == invite.headers.get("Call-ID")
    wire.send(reply(again, 200, body=ANSWER))
    assert wire.events() == [CallAnswered(call, ANSWER)]


@pytest.mark.parametrize("least", ["", "90", "x"])
def test_422_that_says_nothing_new_is_the_end(least: str) -> None:
    wire = Wire()
    call, invite = wire.dial()
    wire.send(reply(invite, 422, Min_SE=least))
    assert wire.events() == [CallEnded(call, "rejected", 422)]


def test_span_in_a_call_that_is_too_brief() -> None:
    wire = Wire()
    _, tag = wire.answer()
    for number, body in ((2, None), (3, OFFER)):
        update = request(
            "UPDATE", number, tag=tag, branch=f"u{number}", body=body, Supported="timer", Session_Expires="5"
        )
        (refused,) = wire.send(update)
        assert isinstance(refused, Response) and (refused.status, refused.headers.get("Min-SE")) == (422, "90")
