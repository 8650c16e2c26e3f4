"""The calling side, message by message."""

import pytest

from signaling.sip.calls.invitation import Invitation
from signaling.sip.errors import ValueRefused
from signaling.sip.events import CallAnswered, CallEnded, CallOffer, CallProgress, CallRinging
from signaling.sip.flow import Flow
from signaling.sip.headers import NameAddr
from signaling.sip.headers.reason import Reason
from signaling.sip.messages.message import Request
from signaling.sip.messages.uri import Uri
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import CONTACT, PEER, Wire, reply, request
from vault.pii import Pii


def methods(messages: list[object]) -> list[str]:
    return [message.method for message in messages if isinstance(message, Request)]


def test_invite_says_what_it_must() -> None:
    _, invite = Wire().dial()
    headers = invite.headers
    assert (invite.method, invite.uri, invite.body.decode()) == ("INVITE", "sip:bob@pbx.test", OFFER)
    assert headers.get("To") == "<sip:bob@pbx.test>"
    assert (headers.get("From") or "").startswith("<sip:ada@x.test>;tag=id")
    assert (headers.get("Via") or "").startswith("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKid")
    assert (headers.get("Contact"), headers.get("Max-Forwards")) == ("<sip:192.0.2.1:5060>", "70")


def test_invite_is_repeated_and_given_up() -> None:
    wire = Wire()
    name, _ = wire.dial()
    assert methods([*wire.wait(32)]) == ["INVITE"] * 6
    assert wire.events() == [CallEnded(name, "timeout", 408)]
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_over_a_connection_nothing_is_repeated_but_the_200() -> None:
    wire = Wire(transport="tcp")
    wire.dial()
    assert wire.wait(31) == []
    call = wire.ring_in()
    wire.agent.reject(call, 486, "", wire.now)
    wire.take()
    assert wire.wait(0.9) == [] and wire.wait(40) == []


def test_answered_call_and_repeated_200() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 180))
    wire.send(reply(invite, 180))
    wire.send(reply(invite, 183, body=ANSWER))
    (ack,) = wire.send(reply(invite, 200, body=ANSWER, **CONTACT))
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, ack.headers.get("CSeq")) == ("ACK", "sip:bob@192.0.2.9:5071", "1 ACK")
    assert wire.outgoing[0].flow.remote == ("192.0.2.9", 5071)
    assert wire.events() == [CallRinging(name), CallProgress(name, ANSWER), CallAnswered(name, ANSWER)]
    assert wire.send(reply(invite, 200, body=ANSWER, **CONTACT)) == [ack]
    assert wire.events() == []
    wire.agent.hang_up(name, wire.now)
    (bye,) = wire.take()
    assert bye.headers.get("CSeq") == "2 BYE"
    wire.send(reply(bye, 200))
    assert wire.events() == [CallEnded(name, "bye", 200)]


def test_late_offer_of_the_peer_is_answered_in_the_ack() -> None:
    wire = Wire()
    name, invite = wire.dial(None)
    assert wire.send(reply(invite, 200, body=OFFER, **CONTACT)) == []
    assert wire.events() == [CallAnswered(name, OFFER)]
    wire.agent.accept_offer(name, ANSWER, wire.now)
    (ack,) = wire.take()
    assert (methods([ack]), ack.body.decode()) == (["ACK"], ANSWER)
    assert wire.send(reply(invite, 200, body=OFFER, **CONTACT)) == [ack]


def test_hang_up_instead_of_answering_the_late_offer() -> None:
    wire = Wire()
    name, invite = wire.dial(None)
    wire.send(reply(invite, 200, body=OFFER, **CONTACT))
    wire.agent.reject_offer(name, 488, "", wire.now)
    assert methods([*wire.take()]) == ["ACK", "BYE"]
    assert wire.events() == [CallAnswered(name, OFFER), CallEnded(name, "bye", 200)]


def test_routes_of_the_answer_are_followed_backwards() -> None:
    wire = Wire()
    _, invite = wire.dial()
    routes = "<sip:192.0.2.50;lr>, <sip:192.0.2.51:5066;lr>"
    (ack,) = wire.send(reply(invite, 200, body=ANSWER, Record_Route=routes, **CONTACT))
    assert ack.headers.get_all("Route") == ["<sip:192.0.2.51:5066;lr>", "<sip:192.0.2.50;lr>"]
    assert wire.outgoing[0].flow.remote == ("192.0.2.51", 5066)


@pytest.mark.parametrize(
    ("contact", "moved_to"),
    [
        ("<sip:+1900@dear.test>;q=0.5, <sip:b@c>", Pii(Uri("sip", "+1900", "dear.test"))),
        ("<tel:+1900>", Pii(Uri("tel", "+1900"))),
        ("", None),
    ],
)
def test_a_redirection_is_the_end_of_a_call(contact: str, moved_to: Pii[Uri] | None) -> None:
    wire = Wire()
    name, invite = wire.dial()
    (ack,) = wire.send(reply(invite, 302, **({"Contact": contact} if contact else {})))
    assert isinstance(ack, Request) and ack.method == "ACK"
    assert wire.events() == [CallEnded(name, "rejected", 302, None, moved_to)]


def test_refused_call_is_acknowledged() -> None:
    wire = Wire()
    name, invite = wire.dial()
    (ack,) = wire.send(reply(invite, 486))
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, ack.headers.get("Via")) == ("ACK", invite.uri, invite.headers.get("Via"))
    assert ack.headers.get("To") == "<sip:bob@pbx.test>;tag=theirs"
    assert wire.events() == [CallEnded(name, "rejected", 486)]
    assert wire.send(reply(invite, 486)) == [ack]
    wire.wait(40)
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_cancel_waits_for_a_provisional_answer() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.agent.hang_up(name, wire.now)
    assert wire.take() == []
    (cancel,) = wire.send(reply(invite, 100))
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.headers.get("Via"), cancel.headers.get("CSeq")) == (
        "CANCEL", invite.headers.get("Via"), "1 CANCEL",
    )  # fmt: skip
    wire.send(reply(cancel, 200))
    assert methods([*wire.send(reply(invite, 487))]) == ["ACK"]
    assert wire.events() == [CallEnded(name, "cancel", 487)]


def test_cancel_that_crosses_the_200_ends_with_bye() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 180))
    wire.agent.hang_up(name, wire.now)
    (cancel,) = wire.take()
    assert methods([*wire.send(reply(invite, 200, body=ANSWER, **CONTACT))]) == ["ACK", "BYE"]
    wire.send(reply(cancel, 481))
    assert wire.events() == [CallRinging(name), CallEnded(name, "cancel", 200)]


def test_cancel_without_a_final_answer_is_given_up() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 180))
    wire.agent.hang_up(name, wire.now)
    wire.wait(70)
    assert wire.events()[-1] == CallEnded(name, "cancel", 487)
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_ringing_too_long_is_cancelled() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 180))
    assert methods([*wire.wait(181)])[0] == "CANCEL"
    wire.send(reply(invite, 487))
    assert wire.events()[-1] == CallEnded(name, "timeout", 487)


def test_second_answer_of_a_fork_is_ended() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 200, body=ANSWER, **CONTACT))
    assert methods([*wire.send(reply(invite, 200, tag="other", body=ANSWER, **CONTACT))]) == ["ACK", "BYE"]
    assert methods([*wire.send(reply(invite, 200, tag="other", body=ANSWER, **CONTACT))]) == ["ACK"]
    assert wire.events() == [CallAnswered(name, ANSWER)]
    assert wire.agent.calls == 1


def test_answer_that_no_dialog_can_be_made_of() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 200, body=ANSWER, Record_Route="<tel:+49>", **CONTACT))
    assert wire.events() == [CallEnded(name, "error", 500)]
    assert wire.agent.calls == 0


def test_response_of_more_than_our_via_is_dropped() -> None:
    wire = Wire()
    _, invite = wire.dial()
    assert wire.send(reply(invite, 200, Via="SIP/2.0/UDP other.test;branch=z9hG4bKx")) == []
    assert (wire.events(), wire.agent.counters.unmatched) == ([], 1)


@pytest.mark.parametrize("status", [None, 180])
def test_connection_lost(status: int | None) -> None:
    wire = Wire(transport="tcp")
    name, invite = wire.dial()
    if status is not None:
        wire.send(reply(invite, status))
    wire.events()
    wire.agent.flow_closed(Flow("tcp", wire.flow.local, PEER), wire.now)
    assert wire.events() == [CallEnded(name, "lost", 503)]
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_offer_and_bye_of_the_called_side() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 200, body=ANSWER, **CONTACT))
    wire.events()
    own = (invite.headers.get("From") or "").partition("tag=")[2]
    more = {"Call_ID": invite.headers.get("Call-ID") or ""}
    wire.send(request("INVITE", 7, tag=own, branch="re", body=OFFER, **more))
    assert wire.events() == [CallOffer(name, OFFER)]
    wire.agent.accept_offer(name, ANSWER, wire.now)
    assert wire.responses() == [200]
    wire.send(request("ACK", 7, tag=own, branch="re-ack", **more))
    wire.send(request("BYE", 8, tag=own, branch="bye", **more))
    assert wire.events() == [CallEnded(name, "bye", 200)]


def test_nothing_of_ours_can_be_injected() -> None:
    wire = Wire()
    flow = Flow("udp", wire.flow.local, PEER)
    with pytest.raises(ValueRefused):
        caller = NameAddr(Uri("sip", "ada", "x.test"), "Ada\r\nRoute: <sip:evil>")
        wire.agent.invite(flow, Invitation(Uri.parse("sip:bob@pbx.test"), caller, OFFER), wire.now)
    assert (wire.take(), wire.agent.calls) == ([], 0)


def test_a_call_rings_no_longer_than_it_may() -> None:
    wire = Wire()
    name, invite = wire.dial(ring=20.0)
    wire.send(reply(invite, 180))
    assert methods([*wire.wait(19)]) == []
    (cancel,) = wire.wait(1.2)
    assert isinstance(cancel, Request) and cancel.method == "CANCEL"
    wire.send(reply(cancel, 200))
    wire.send(reply(invite, 487))
    assert wire.events() == [CallRinging(name), CallEnded(name, "timeout", 487)]


def test_a_peer_that_does_not_say_anything_is_waited_for_no_longer_than_wanted() -> None:
    wire = Wire()
    name, invite = wire.dial(patience=4.0)
    wire.wait(4.1)
    assert wire.events() == [CallEnded(name, "timeout", 408)]
    (cancel,) = wire.send(reply(invite, 180))  # it wakes up after all
    assert isinstance(cancel, Request) and cancel.method == "CANCEL"
    wire.send(reply(cancel, 200))
    wire.send(reply(invite, 487))
    wire.wait(60)
    assert (wire.events(), wire.agent.calls, wire.agent.get_timer()) == ([], 0, None)


def test_a_peer_that_answers_after_the_patience_is_over_gets_a_bye() -> None:
    wire = Wire()
    name, invite = wire.dial(patience=4.0)
    wire.wait(4.1)
    assert methods([*wire.send(reply(invite, 200, body=ANSWER, **CONTACT))]) == ["ACK", "BYE"]
    assert wire.events() == [CallEnded(name, "timeout", 408)]


def test_the_first_provisional_answer_ends_the_patience() -> None:
    wire = Wire()
    name, invite = wire.dial(ring=60.0, patience=4.0)
    wire.send(reply(invite, 100))
    wire.wait(30)
    assert wire.events() == []
    wire.send(reply(invite, 486))
    assert wire.events() == [CallEnded(name, "rejected", 486)]


def test_a_refusal_may_say_what_the_telephone_network_said() -> None:
    wire = Wire()
    name, invite = wire.dial()
    wire.send(reply(invite, 503, Reason="Q.850;cause=17"))
    assert wire.events() == [CallEnded(name, "rejected", 503, Reason("Q.850", 17))]
