"""Random days in a contact centre: whatever happens in whatever order, some things always hold."""

import random

import pytest

from signaling.center import events
from signaling.center.agent_states import WrongState
from signaling.center.call import hearing, taps
from signaling.center.decisions import SaveContact, SealRecording, StartRecording
from signaling.center.floor import NotYours
from tests.signaling.center.floor_plan import Shift, support_flow

USERS = ("ann", "bob")


def random_event(rng: random.Random, shift: Shift) -> events.Event:
    contacts = [*shift.center.floor.contacts, "unknown"]
    user, contact, on = rng.choice(USERS), rng.choice(contacts), rng.random() < 0.5
    possible: list[events.Event] = [
        events.AgentPresent(user),
        events.AgentAbsent(user),
        events.AgentCut(user),
        events.SetStatus(user, rng.choice(["Available", "Available", "Lunch", "Offline"])),
        events.Accept(user, contact),
        events.Accept(user, contact),
        events.AgentMediaUp(contact),
        events.AgentMediaUp(contact),
        events.Reject(user, contact),
        events.AgentMediaFailed(contact, "no microphone"),
        events.Mute(user, contact, on),
        events.Hold(user, contact, on),
        events.HangUp(user, contact),
        events.Clear(user, contact),
        events.Clear(user, contact),
        events.CustomerLeft(contact),
        events.MediaLost(contact),
        events.PlayerFinished(contact, "prompt", rng.random() < 0.1),
        events.RecorderPresence(on),
    ]
    return rng.choice(possible)


def check(shift: Shift) -> None:
    floor = shift.center.floor
    legs: set[str] = set()
    for contact in floor.contacts.values():
        own = {contact.leg, "prompt", "music"}
        if contact.assignment is not None:
            own.add(contact.assignment.leg)
            assert floor.agents[contact.assignment.user.id].assignment is contact.assignment
        call = contact.call()
        for hear in hearing(call):
            assert {hear.listener, hear.source} <= own
            assert hear.listener != hear.source
        for tap in taps(call):
            assert tap.leg in own
            assert contact.connected is not None
        assert not legs & own - {"prompt", "music"}
        legs |= own
    for agent in floor.agents.values():
        assert not (agent.routable and agent.assignment is not None)


@pytest.mark.parametrize("seed", range(60))
def test_invariants_hold_through_a_random_day(seed: int) -> None:
    rng = random.Random(seed)
    shift = Shift(support_flow(), delay=rng.choice([0, 0, 7]))
    for number in range(400):
        if rng.random() < 0.15 and len(shift.center.floor.contacts) < 6:
            shift.call(f"c{number}")
        try:
            shift.tell(random_event(rng, shift))
        except (NotYours, WrongState):
            check(shift)
        shift.pass_time(rng.choice([0, 0.1, 1, 8]))
        check(shift)
    for user in USERS:
        shift.tell(events.AgentAbsent(user))
    for contact in list(shift.center.floor.contacts):
        shift.tell(events.CustomerLeft(contact))
    assert shift.center.floor.contacts == {}
    last = {saved.record.contact: saved.record for saved in shift.all(SaveContact)}
    assert last
    assert all(record.completed is not None and record.disconnect_reason for record in last.values())
    started = [item.recording for item in shift.all(StartRecording)]
    assert sorted(started) == sorted(item.recording for item in shift.all(SealRecording))
