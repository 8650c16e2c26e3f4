"""A call of ours that reaches several phones (RFC 3261 §13.2.2.4)."""

from signaling.sip.events import CallAnswered, CallEnded, CallProgress, CallRinging
from signaling.sip.messages.message import Headers, Message, Request, Response
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import Wire, reply, within

OTHER = ANSWER.replace("5000", "5002")
ONE = {"Contact": "<sip:one@192.0.2.9:5071>"}
TWO = {"Contact": "<sip:two@192.0.2.9:5072>"}


def methods(messages: list[Message]) -> list[str]:
    return [message.method for message in messages if isinstance(message, Request)]


def test_first_200_wins_and_the_others_are_ended() -> None:
    wire = Wire()
    call, invite = wire.dial()
    wire.send(reply(invite, 180, tag="one", **ONE))
    wire.send(reply(invite, 180, tag="two", **TWO))
    (ack,) = wire.send(reply(invite, 200, tag="two", body=ANSWER, **TWO))
    assert isinstance(ack, Request) and ack.uri == "sip:two@192.0.2.9:5072"
    assert wire.events() == [CallRinging(call), CallAnswered(call, ANSWER)]
    late = wire.send(reply(invite, 200, tag="one", body=OTHER, **ONE))
    assert [message.uri for message in late if isinstance(message, Request)] == ["sip:one@192.0.2.9:5071"] * 2
    assert methods(late) == ["ACK", "BYE"]
    assert methods(wire.send(reply(invite, 200, tag="one", body=OTHER, **ONE))) == ["ACK"]
    wire.send(reply(late[1], 200, tag="one"))
    assert (wire.events(), wire.agent.calls) == ([], 1)


def test_media_of_the_branch_that_spoke_last_is_heard() -> None:
    wire = Wire()
    call, invite = wire.dial()
    wire.send(reply(invite, 183, tag="one", body=ANSWER, Require="100rel", RSeq="9", **ONE))
    wire.send(reply(invite, 183, tag="two", body=OTHER, Require="100rel", RSeq="3", **TWO))
    assert wire.events() == [CallProgress(call, ANSWER), CallProgress(call, OTHER)]
    for tag, number, answers in (("one", 4, [500]), ("two", 5, [])):
        update = within(invite, "UPDATE", number, body=OFFER)
        headers = Headers((name, value.replace("tag=theirs", f"tag={tag}")) for name, value in update.headers)
        sent = wire.send(Request("UPDATE", update.uri, headers, update.body))
        assert [message.status for message in sent if isinstance(message, Response)] == answers
    assert len(wire.events()) == 1


def test_each_branch_counts_its_own_reliable_answers() -> None:
    wire = Wire()
    _, invite = wire.dial()
    for tag, rseq, acknowledged in (("one", 5, 1), ("two", 900, 1), ("one", 6, 1), ("two", 6, 0), ("two", 901, 1)):
        sent = wire.send(reply(invite, 180, tag=tag, Require="100rel", RSeq=str(rseq), **ONE))
        assert methods(sent) == ["PRACK"] * acknowledged


def test_branches_that_answer_after_the_cancel_are_ended_too() -> None:
    wire = Wire()
    call, invite = wire.dial()
    wire.send(reply(invite, 180, tag="one", **ONE))
    wire.agent.hang_up(call, wire.now)
    cancel = wire.take_request()
    wire.send(reply(cancel, 200))
    assert methods(wire.send(reply(invite, 200, tag="one", body=ANSWER, **ONE))) == ["ACK", "BYE"]
    assert methods(wire.send(reply(invite, 200, tag="two", body=ANSWER, **TWO))) == ["ACK", "BYE"]
    assert wire.events() == [CallRinging(call), CallEnded(call, "cancel", 200)]
    wire.wait(100)
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_many_branches_are_not_all_followed() -> None:
    wire = Wire()
    _, invite = wire.dial()
    sent = [
        wire.send(reply(invite, 183, tag=f"t{number}", body=ANSWER, Require="100rel", RSeq="1", **ONE))
        for number in range(40)
    ]
    assert sum(len(messages) for messages in sent) == 16
    wire.send(reply(invite, 486))
    wire.wait(100)
    assert (wire.agent.calls, wire.agent.transactions, len(wire.agent._core.dialogs)) == (0, 0, 0)


def test_bye_of_an_early_branch_ends_nothing() -> None:
    wire = Wire()
    call, invite = wire.dial()
    wire.send(reply(invite, 180, **ONE))
    wire.events()
    (answer,) = wire.send(within(invite, "BYE", 2))
    assert isinstance(answer, Response) and answer.status == 200
    wire.send(reply(invite, 486))
    assert wire.events() == [CallEnded(call, "rejected", 486)]
