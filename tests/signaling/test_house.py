"""Events, decisions and time, with a clock that the test sets and the loop's own timers."""

import asyncio

import msgspec

from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import Decision, SaveContact, SetPicture, TellAgent, TellContact
from signaling.center.resources import Tenant
from signaling.center.security import user_name
from signaling.house import House
from tests.signaling.center.floor_plan import NUMBER, TENANT, directory
from vault.pii import Pii

RIVAL = Tenant("000000000002", "instance-2", "rival")


class Stage:
    def __init__(self) -> None:
        self.ours = Center(directory(), lambda: "0" * 32)
        self.theirs = Center(msgspec.structs.replace(directory(), tenant=RIVAL), lambda: "1" * 32)
        self.done: list[tuple[Center, Decision]] = []
        self.faulty: type | None = None
        self.told = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.skipped = 0.0
        self.house = House([self.ours, self.theirs], self._perform, lambda: loop.time() + self.skipped)

    def _perform(self, center: Center, decision: Decision) -> None:
        if type(decision) is self.faulty:
            raise RuntimeError("+15550199")
        self.done.append((center, decision))
        if isinstance(decision, TellContact):
            self.told.set()

    def queue_a_call(self, agent: str) -> None:
        self.house.tell(self.ours, events.AgentPresent(agent))
        self.house.tell(self.ours, events.SetStatus(agent, "Available"))
        arrived = events.CallArrived("c-1", "c-1/customer", NUMBER, Pii("+15550199"), 0.0)
        self.house.tell(self.ours, arrived)
        self.house.tell(self.ours, events.PlayerFinished("c-1", "prompt"))


async def test_two_instances_may_have_given_the_same_ids() -> None:
    stage = Stage()
    assert stage.house.of_agent(user_name(TENANT, "ann")) == (stage.ours, "ann")
    assert stage.house.of_agent(user_name(RIVAL, "ann")) == (stage.theirs, "ann")
    assert stage.house.of_agent("ann") is None
    assert stage.house.of_agent(user_name(TENANT, "eve")) is None
    assert stage.house.of_instance("instance-2") is stage.theirs
    stage.queue_a_call("ann")
    assert stage.house.of_contact("c-1") is stage.ours
    assert {center for center, _ in stage.done} == {stage.ours}
    stage.house.close()


async def test_a_fault_with_one_decision_does_not_keep_the_next_from_being_carried_out() -> None:
    stage = Stage()
    stage.faulty = SetPicture
    stage.queue_a_call("ann")
    assert [item.user for _, item in stage.done if isinstance(item, TellContact)] == ["ann"]
    stage.house.close()


async def test_an_offer_expires_by_itself_and_goes_to_the_next_agent() -> None:
    stage = Stage()
    stage.queue_a_call("ann")
    stage.house.tell(stage.ours, events.AgentPresent("bob"))
    stage.told.clear()
    stage.faulty = TellAgent
    stage.skipped += 20.0
    stage.house.tell(stage.ours, events.SetStatus("bob", "Available"))  # arms the timer anew
    async with asyncio.timeout(5):
        await stage.told.wait()
    states = {user: agent.assignment and agent.assignment.state for user, agent in stage.ours.floor.agents.items()}
    assert states == {"ann": "MISSED", "bob": "INCOMING"}
    stage.house.close()


async def test_after_contact_work_ends_when_all_are_sent_home() -> None:
    stage = Stage()
    stage.queue_a_call("ann")
    stage.house.tell(stage.ours, events.Accept("ann", "c-1"))
    stage.house.tell(stage.ours, events.AgentMediaUp("c-1"))
    stage.house.tell(stage.ours, events.CustomerLeft("c-1"))
    stage.house.send_home()
    saved = [item.record for _, item in stage.done if isinstance(item, SaveContact)]
    assert saved[-2].completed is None
    assert saved[-1].completed is not None
    assert stage.ours.floor.contacts == {}
    assert not any(agent.present for agent in stage.ours.floor.agents.values())
    stage.house.close()
