"""Alarms of a contact's legs: which the agent is told, and when they mean nothing."""

import pytest

from relay.api import Alarm
from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import Decision, TellContact
from signaling.center.sound import alarms
from tests.signaling.center.floor_plan import NUMBER, directory
from vault.pii import Pii

CUSTOMER, AGENT = "c-1/customer", "c-1/agent-1"
TOLD = [TellContact("ann", "c-1")]


class Talk:
    """Ann and a customer are connected."""

    def __init__(self) -> None:
        self.center = Center(directory(), lambda: "0" * 32)
        self.tell(events.AgentPresent("ann"))
        self.tell(events.SetStatus("ann", "Available"))
        self.tell(events.CallArrived("c-1", CUSTOMER, NUMBER, Pii("+15550199"), 1.0))
        self.tell(events.PlayerFinished("c-1", "prompt"))
        self.tell(events.Accept("ann", "c-1"))
        self.tell(events.AgentMediaUp("c-1"))

    def tell(self, event: events.Event) -> list[Decision]:
        return self.center.handle(event, 1000.0)

    def alarm(self, leg: str, alarm: Alarm, on: bool = True) -> list[Decision]:
        return self.tell(events.MediaAlarmed("c-1", leg, alarm, on))

    @property
    def shown(self) -> dict[str, str]:
        return {str(side): str(alarm) for side, alarm in alarms(self.center.floor.contacts["c-1"]).items()}


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_an_alarm_of_either_side_is_told_to_the_agent(talk: Talk) -> None:
    assert talk.alarm(CUSTOMER, "no_media") == TOLD
    assert talk.alarm(AGENT, "silence") == TOLD
    assert talk.shown == {"customer": "no_media", "agent": "silence"}
    assert talk.alarm(CUSTOMER, "no_media", on=False) == TOLD
    assert talk.shown == {"agent": "silence"}


def test_the_end_of_an_older_alarm_does_not_end_a_newer_one(talk: Talk) -> None:
    talk.alarm(CUSTOMER, "one_way")
    assert talk.alarm(CUSTOMER, "silence", on=False) == []
    assert talk.shown == {"customer": "one_way"}


def test_who_is_on_hold_or_muted_is_silent_by_right(talk: Talk) -> None:
    talk.tell(events.Hold("ann", "c-1", True))
    assert talk.alarm(CUSTOMER, "silence") == []
    talk.tell(events.Hold("ann", "c-1", False))
    assert talk.shown == {"customer": "silence"}
    talk.tell(events.Mute("ann", "c-1", True))
    assert talk.alarm(AGENT, "silence") == []
    assert talk.alarm(AGENT, "silence", on=False) == []
    assert talk.alarm(AGENT, "no_media") == TOLD


def test_strange_legs_and_ended_contacts_have_no_alarms(talk: Talk) -> None:
    assert talk.alarm("c-1/agent-0", "no_media") == []
    assert talk.tell(events.MediaAlarmed("c-9", "c-9/customer", "no_media", True)) == []
    talk.alarm(CUSTOMER, "no_media")
    talk.tell(events.CustomerLeft("c-1"))
    assert talk.shown == {}
    assert talk.alarm(CUSTOMER, "no_media", on=False) == []
