"""Random days in a contact centre: whatever happens in whatever order, some things always hold."""

import random

import pytest

from signaling.center import events
from signaling.center.agent_states import WrongState
from signaling.center.call import hearing, taps
from signaling.center.contact import Talk
from signaling.center.decisions import SaveContact, SealRecording, StartRecording
from signaling.center.floor import NotYours
from signaling.center.segments import NotNow
from tests.signaling.center.floor_plan import Shift, support_flow

USERS = ("ann", "bob", "cid")


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
        events.Transfer(user, contact, rng.choice(["to-ann", "to-bob", "to-sales", "to-sales"]), f"t{rng.random()}"),
        events.Transfer(user, contact, rng.choice(["to-ann", "to-bob", "to-sales", "to-sales"]), f"t{rng.random()}"),
        events.TransferContact(contact, f"t{rng.random()}", rng.choice(["", "queue-2"]), rng.choice(["", "bob"])),
        events.Drop(user, contact, rng.choice(contacts)),
        events.Hold(user, contact, on, rng.choice(["all", "customer", *contacts])),
        events.BeginSecurePause(contact, user, seconds=rng.choice([None, 5.0])),
        events.EndSecurePause(contact, user),
    ]
    return rng.choice(possible)


def check(shift: Shift) -> None:
    floor = shift.center.floor
    legs: set[str] = set()
    for talk in {id(contact.talk): contact.talk for contact in floor.contacts.values()}.values():
        live = talk.live()
        own = {contact.leg for contact in live} | {one.assignment.leg for one in live if one.assignment is not None}
        for contact in live:
            if contact.assignment is not None:
                assert floor.agents[contact.assignment.user.id].assignment is contact.assignment
            if contact.phase == "connected":
                assert contact.assignment is not None
                assert (contact.assignment.state == "CONNECTED_ONHOLD") == talk.held
        if live:
            check_room(talk)
        assert not legs & own
        legs |= own
    for agent in floor.agents.values():
        assert not (agent.routable and agent.assignment is not None)


def check_room(talk: Talk) -> None:
    """Who is away is heard by nobody and in no recording; each agent is the agent of his own recording alone."""
    live, heard, tapped = talk.live(), hearing(talk.live()[0].call()), taps(talk.live()[0].call())
    agents = {one.assignment.leg: one for one in talk.speaking() if one.assignment is not None}
    own = {live[0].leg, *agents}
    away = {leg for leg, one in agents.items() if one.parked} | ({live[0].leg} if talk.held else set())
    for hear in heard:
        assert {hear.listener, hear.source} <= own | {"prompt", "music"}
        assert hear.listener != hear.source
        assert hear.source not in away
        assert (hear.source == "music") == (hear.listener in away or (not agents and hear.source != "prompt"))
    assert len(set(heard)) == len(heard)
    running = {one.recordings.agent.id: one for one in agents.values() if one.recordings.agent is not None}
    for tap in tapped:
        assert tap.leg in own
        keeper = running[tap.recording]
        assert (tap.party == 0) == (agents.get(tap.leg) is keeper)
        assert not (tap.live and (tap.leg in away or keeper.parked or talk.secure is not None))
        assert not (tap.live and tap.leg in agents and agents[tap.leg].muted)
    assert len({(tap.recording, tap.party) for tap in tapped}) == len(tapped)


@pytest.mark.parametrize("seed", range(60))
def test_invariants_hold_through_a_random_day(seed: int) -> None:
    rng = random.Random(seed)
    shift = Shift(support_flow(), delay=rng.choice([0, 0, 7]))
    for number in range(400):
        if rng.random() < 0.15 and len(shift.center.floor.contacts) < 6:
            shift.call(f"c{number}")
        try:
            shift.tell(random_event(rng, shift))
        except (NotYours, WrongState, NotNow, ValueError):
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
    started = {item.recording for item in shift.all(StartRecording)}
    sealed = [item.recording for item in shift.all(SealRecording)]
    assert sorted(started) == sorted(sealed)
