"""The customer leaves first: agents, or an agent and a third party, talk on, recorded, and end it when they like."""

import pytest

from signaling.center import events
from signaling.center.call import Call, Speaker, hearing, taps
from signaling.center.decisions import DropAgent, DropCustomer, DropThirdParty, SealRecording
from signaling.center.floor import NotYours
from signaling.center.segments import NotNow
from tests.signaling.center.floor_plan import Shift
from tests.signaling.center.test_third_parties import (
    ANN,
    ANNS,
    BOB,
    BOBS,
    CUSTOMER,
    PARTY,
    a_shift,
    ask,
    confer,
    consult,
)
from tests.signaling.center.test_transferring import heard, live, mesh


@pytest.fixture
def shift() -> Shift:
    return a_shift()


def consult_bob(shift: Shift) -> None:
    shift.tell(events.Transfer("ann", "c", "to-bob", "b"))
    shift.connect("b", "bob")


def test_he_hears_nobody_and_is_in_no_file() -> None:
    call = Call("connected", "", (Speaker("a"), Speaker("b", 1)))
    assert {(hear.listener, hear.source) for hear in hearing(call)} == mesh("a", "b")
    assert taps(call) == ()


@pytest.mark.parametrize("joined", [True, False])
def test_agents_talk_on_without_the_customer(shift: Shift, joined: bool) -> None:
    consult_bob(shift)
    shift.pass_time(5)
    if joined:
        shift.tell(events.Hold("ann", "c", False, "all"))
    made = shift.tell(events.CustomerLeft("c"))
    assert DropCustomer("c", CUSTOMER, last=False) in made
    assert heard(shift) == mesh(ANN, BOB)
    assert live(shift) == {ANNS: {ANN, BOB}, BOBS: {ANN, BOB}}
    assert (shift.state("ann"), shift.state("bob")) == ("CONNECTED", "CONNECTED")
    shift.pass_time(7)
    shift.tell(events.Mute("bob", "b", True))
    assert heard(shift) == {(BOB, ANN)}
    made = shift.tell(events.HangUp("ann", "c"))
    for gone in (
        SealRecording("c", ANNS), SealRecording("b", BOBS), DropAgent("b", BOB, "c"), DropCustomer("c", CUSTOMER),
    ):  # fmt: skip
        assert gone in made
    assert (shift.state("ann"), shift.state("bob")) == ("ENDED", "ENDED")
    shift.tell(events.Clear("ann", "c"))
    shift.tell(events.Clear("bob", "b"))
    first, second = shift.record("c"), shift.record("b")
    assert (first.disconnect_reason, second.disconnect_reason) == ("CUSTOMER_DISCONNECT", "CUSTOMER_DISCONNECT")
    assert first.disconnected == second.disconnected == shift.now
    assert second.agent is not None
    assert second.agent.interaction_duration == 7
    assert shift.center.floor.contacts == {}


@pytest.mark.parametrize("first", ["ann", "party"])
def test_an_agent_and_a_third_party_talk_on(shift: Shift, first: str) -> None:
    consult(shift)
    shift.tell(events.CustomerLeft("c"))
    assert heard(shift) == mesh(ANN, PARTY)
    assert live(shift) == {ANNS: {ANN, PARTY}}
    assert shift.center.floor.contacts["c"].lines() == [PARTY]
    made = shift.tell(events.HangUp("ann", "c") if first == "ann" else events.CustomerLeft("t"))
    assert DropThirdParty("t", PARTY, "c") in made
    assert live(shift) == {}
    assert shift.state("ann") == "ENDED"


def test_an_agent_alone_with_who_is_asked_has_nobody_to_talk_to(shift: Shift) -> None:
    ask(shift)
    made = shift.tell(events.CustomerLeft("c"))
    assert DropCustomer("c", CUSTOMER) in made
    assert shift.state("ann") == "ENDED"


def test_who_is_asked_when_the_customer_leaves_is_asked_no_longer(shift: Shift) -> None:
    confer(shift)
    shift.tell(events.Transfer("ann", "c", "to-bob", "b"))
    shift.tell(events.CustomerLeft("c"))
    assert (shift.state("ann"), shift.state("bob")) == ("CONNECTED", None)
    assert shift.record("b").disconnect_reason == "CUSTOMER_DISCONNECT"
    assert heard(shift) == mesh(ANN, PARTY)


def test_third_parties_alone_are_no_call(shift: Shift) -> None:
    confer(shift)
    ask(shift, "u")
    shift.tell(events.CalledAnswered("u"))
    shift.tell(events.CustomerLeft("c"))
    assert heard(shift) == mesh(ANN, PARTY, "u/party")
    made = shift.tell(events.HangUp("ann", "c"))
    assert DropThirdParty("t", PARTY, "c") in made
    assert DropThirdParty("u", "u/party", "c") in made


def test_nobody_is_asked_in_to_nobody(shift: Shift) -> None:
    consult(shift)
    shift.tell(events.CustomerLeft("c"))
    before = heard(shift)
    with pytest.raises(NotNow):
        shift.tell(events.Transfer("ann", "c", "to-bob", "b"))
    with pytest.raises(NotYours):
        shift.tell(events.Hold("ann", "c", True))
    assert shift.tell(events.CustomerLeft("c")) == []
    assert heard(shift) == before == mesh(ANN, PARTY)


def test_one_of_them_is_put_on_hold_and_taken_back(shift: Shift) -> None:
    consult_bob(shift)
    shift.tell(events.CustomerLeft("c"))
    shift.tell(events.Hold("ann", "c", True, "all"))
    assert heard(shift) == {(BOB, "music")}
    shift.tell(events.Hold("bob", "b", False, "all"))
    assert heard(shift) == mesh(ANN, BOB)
