"""The desk of phones with the real centre; calls of ours are scripted."""

from typing import Any

import pytest

from ipc.messages import Command, Done
from relay.api import DropLeg, LegDown, LegUp
from signaling.calling.dial import Answered, Dial, DialEvent, Ended, Failed, Ringing, Tell
from signaling.calling.lanes import Lanes
from signaling.center import events
from signaling.center.center import Center
from signaling.center.contact import Assignment
from signaling.center.decisions import Decision, DropAgent, TellContact
from signaling.center.resources import Endpoint, Phone
from signaling.endpoints.phone_desk import NOT_REGISTERED, REASONS, UNREACHABLE, PhoneDesk
from signaling.endpoints.phones import Owned
from signaling.house import House
from signaling.sip.calls.outcome import Outcome
from signaling.sip.flow import Flow
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.bindings import Binding
from tests.signaling.center.floor_plan import NUMBER, TENANT, directory
from vault.pii import Pii

FLOW = Flow("tls", ("192.0.2.1", 5061), ("198.51.100.7", 40000), 3)
WSS = Flow("wss", ("192.0.2.1", 8444), ("198.51.100.7", 40000), 4)
LEG = "c-1/agent-1"


class Office:
    """Ann takes contacts on her phone, and is Available. Whom we call is kept in `dials`; what becomes of it the test
    tells."""

    def __init__(self, phone: Phone) -> None:
        self.phone: Phone | None = phone
        self.flow = FLOW
        self.others: tuple[Flow, ...] = ()
        self.center = Center(directory(), lambda: "0" * 32)
        self.now = 1000.0
        self.house = House([self.center], self._perform, lambda: self.now)
        self.lanes = Lanes()
        self.desk = PhoneDesk(self.house, self, self, self, self.lanes)
        self.dials: list[tuple[Dial, Tell]] = []
        self.hung_up: list[str] = []
        self.asked: list[Command[Any]] = []
        self.dropped: list[str] = []
        self.house.tell(self.center, events.PhonePresence("ann", True))
        self.house.tell(self.center, events.SetEndpoint("ann", "phone"))
        self.house.tell(self.center, events.AgentPresent("ann"))
        self.house.tell(self.center, events.SetStatus("ann", "Available"))

    def ways_to(self, instance: str, user: str) -> list[tuple[Owned, Binding]]:
        assert (instance, user) == ("instance-1", "ann")
        if self.phone is None:
            return []
        flows = (self.flow, *self.others)
        bindings = [Binding(Uri.parse("sip:desk@10.0.0.7:5062"), flow, "reg", 1, 2000.0) for flow in flows]
        return [(Owned(TENANT, self.phone), binding) for binding in bindings]

    def dial(self, dial: Dial, tell: Tell) -> None:
        self.dials.append((dial, tell))

    def hang_up(self, leg: str) -> None:
        self.hung_up.append(leg)

    async def ask(self, room: str, command: Command[Any]) -> Any:
        self.asked.append(command)
        return Done()

    def _perform(self, center: Center, decision: Decision) -> None:
        if isinstance(decision, TellContact):
            self.desk.follow(center, decision.user)
        elif isinstance(decision, DropAgent):
            self.dropped.append(decision.leg)

    def call(self) -> None:
        self.house.tell(self.center, events.CallArrived("c-1", "c-1/customer", NUMBER, Pii("+1 555;x"), self.now))
        self.house.tell(self.center, events.PlayerFinished("c-1", "prompt"))

    def becomes(self, event: DialEvent, which: int = -1) -> None:
        self.dials[which][1](event)

    @property
    def assignment(self) -> Assignment:
        found = self.center.floor.agent("ann").assignment
        assert found is not None
        return found

    @property
    def state(self) -> str:
        return self.assignment.state


@pytest.fixture
def office() -> Office:
    return Office(Phone("desk", "ann"))


@pytest.fixture
def aside() -> Office:
    return Office(Phone("desk", "ann", auto_answer=True))


async def test_a_phone_rings_for_an_offer_and_to_pick_up_is_to_accept(office: Office) -> None:
    office.call()
    ((dial, _),) = office.dials
    assert (dial.contact, dial.leg, dial.flow, str(dial.target)) == ("c-1", LEG, FLOW, "sip:desk@10.0.0.7:5062")
    assert (dial.rules.srtp, dial.rules.dtls, dial.keeps_flow, dial.fields) == ("required", False, True, ())
    assert str(dial.caller) == '"Support" <sip:+1%20555%3Bx@192.0.2.1>'
    office.becomes(Ringing(LEG))
    assert office.state == "INCOMING"
    office.becomes(Answered(LEG))
    assert office.state == "CONNECTED"
    assert (len(office.dials), office.hung_up) == (1, [])


async def test_a_phone_that_answers_by_itself_is_called_once_the_agent_has_accepted(aside: Office) -> None:
    aside.call()
    assert aside.dials == []
    aside.house.tell(aside.center, events.Accept("ann", "c-1"))
    ((dial, _),) = aside.dials
    assert dict(dial.fields) == {
        "Call-Info": "<sip:192.0.2.1>;answer-after=0",
        "Alert-Info": "<http://www.notused.invalid>;info=alert-autoanswer;delay=0",
        "Answer-Mode": "Auto",
    }
    aside.becomes(Answered(LEG))
    assert aside.state == "CONNECTED"


async def test_who_accepts_on_the_page_while_it_rings_still_has_to_pick_up(office: Office) -> None:
    office.call()
    office.house.tell(office.center, events.Accept("ann", "c-1"))
    assert (office.state, len(office.dials)) == ("CONNECTING", 1)
    office.becomes(Answered(LEG))
    assert office.state == "CONNECTED"


async def test_a_phone_that_hangs_up_ends_the_contact(office: Office) -> None:
    office.call()
    office.becomes(Answered(LEG))
    contact = office.assignment.contact
    office.becomes(Ended(LEG, wanted=True))
    assert (office.state, contact.reason, office.dropped) == ("ENDED", "AGENT_DISCONNECT", [LEG])
    await office.lanes.empty()
    assert office.asked == [DropLeg(LEG)]
    office.becomes(Ended(LEG, wanted=True))
    assert office.state == "ENDED"


async def test_the_phone_is_hung_up_when_the_page_or_the_customer_ends_it(office: Office) -> None:
    office.call()
    office.becomes(Answered(LEG))
    office.house.tell(office.center, events.Hold("ann", "c-1", True))
    assert office.hung_up == []
    office.house.tell(office.center, events.CustomerLeft("c-1"))
    assert (office.state, office.hung_up) == ("ENDED", [LEG])


async def test_an_offer_that_is_over_stops_the_ringing(office: Office) -> None:
    office.call()
    office.now += 21
    office.house._pass_time()
    assert (office.state, office.hung_up) == ("MISSED", [LEG])
    await office.lanes.empty()
    assert office.asked == [DropLeg(LEG)]
    office.becomes(Answered(LEG))
    assert office.state == "MISSED"


async def test_a_customer_who_gives_up_stops_the_ringing(office: Office) -> None:
    office.call()
    office.house.tell(office.center, events.CustomerLeft("c-1"))
    assert office.hung_up == [LEG]
    assert office.center.floor.agent("ann").assignment is None


@pytest.mark.parametrize("outcome", ["busy", "rejected"])
async def test_who_declines_on_the_phone_declines_the_contact(office: Office, outcome: Outcome) -> None:
    office.call()
    office.becomes(Failed(LEG, outcome, 486))
    assert office.state == "REJECTED"


async def test_who_is_not_reached_may_accept_on_the_page_and_is_called_again(office: Office) -> None:
    office.call()
    office.becomes(Failed(LEG, "failed", 408))
    assert office.state == "INCOMING"
    office.house.tell(office.center, events.Accept("ann", "c-1"))
    assert len(office.dials) == 2
    office.becomes(Failed(LEG, "failed", 408))
    assert (office.state, office.assignment.reason) == ("ERROR", UNREACHABLE)


async def test_a_flow_that_is_dead_is_not_the_only_one_that_is_tried(office: Office) -> None:
    office.others = (WSS,)
    office.call()
    office.becomes(Failed(LEG, "failed", 408, elsewhere=True))
    assert [dial.flow for dial, _ in office.dials] == [FLOW, WSS]
    assert [dial.rules.dtls for dial, _ in office.dials] == [False, True]
    office.becomes(Failed(LEG, "failed", 408, elsewhere=True))
    assert (office.state, len(office.dials)) == ("INCOMING", 2)


@pytest.mark.parametrize("outcome", ["busy", "no_answer", "rejected"])
async def test_an_accepted_contact_that_the_phone_does_not_take_fails(aside: Office, outcome: Outcome) -> None:
    aside.call()
    aside.house.tell(aside.center, events.Accept("ann", "c-1"))
    aside.becomes(Failed(LEG, outcome, 486))
    assert (aside.state, aside.assignment.reason) == ("ERROR", REASONS[outcome])


async def test_a_phone_that_is_not_registered_any_more_fails_the_contact(aside: Office) -> None:
    aside.call()
    aside.phone = None
    aside.house.tell(aside.center, events.Accept("ann", "c-1"))
    await aside.lanes.empty()
    assert (aside.state, aside.assignment.reason, aside.dials) == ("ERROR", NOT_REGISTERED, [])


@pytest.mark.parametrize(("phone", "flow"), [(Phone("d", "ann", "dtls"), FLOW), (Phone("d", "ann"), WSS)])
async def test_dtls_connects_when_its_keys_are_there(phone: Phone, flow: Flow) -> None:
    office = Office(phone)
    office.flow = flow
    office.call()
    assert office.dials[0][0].rules.dtls
    office.becomes(Answered(LEG))
    assert office.state == "CONNECTING"
    assert office.desk.on_worker_event(LegUp(LEG))
    assert office.state == "CONNECTED"
    assert not office.desk.on_worker_event(LegUp("c-1/customer"))


async def test_a_handshake_that_fails_fails_the_contact() -> None:
    office = Office(Phone("d", "ann", "dtls"))
    office.call()
    office.becomes(Answered(LEG))
    assert office.desk.on_worker_event(LegDown(LEG, "handshake failed"))
    assert (office.state, office.assignment.reason) == ("ERROR", "handshake failed")


async def test_a_phone_in_the_clear_is_called_in_the_clear() -> None:
    office = Office(Phone("d", "ann", "plain", ("PCMU",)))
    office.call()
    rules = office.dials[0][0].rules
    assert (rules.srtp, rules.codecs) == ("off", ("PCMU",))


@pytest.mark.parametrize(("endpoint", "offered"), [("browser", True), ("phone", False)])
async def test_without_a_phone_nothing_is_offered_to_who_takes_contacts_on_it(
    office: Office, endpoint: Endpoint, offered: bool
) -> None:
    office.house.tell(office.center, events.SetEndpoint("ann", endpoint))
    office.house.tell(office.center, events.PhonePresence("ann", False))
    office.call()
    assert (office.center.floor.agent("ann").assignment is not None) is offered
    if not offered:
        with pytest.raises(ValueError, match="no phone"):
            office.house.tell(office.center, events.SetEndpoint("ann", "phone"))
        office.house.tell(office.center, events.PhonePresence("ann", True))
        assert office.state == "INCOMING"
    office.house.close()
