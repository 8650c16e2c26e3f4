"""What is wrong with the sound of a contact's two sides, as far as it is worth being told to the agent."""

from typing import Literal

from relay.api import Alarm
from signaling.center.contact import Contact
from signaling.center.decisions import Decision, TellContact
from signaling.center.events import MediaAlarmed
from signaling.center.floor import Floor

Side = Literal["agent", "customer"]


def media_alarmed(floor: Floor, event: MediaAlarmed, now: float) -> list[Decision]:
    """The customer's is told to all agents of the call."""
    contact = floor.line(event.contact)
    found = contact.talk.live() if contact is not None else []
    return [decision for one in found for decision in _alarmed(one, event)]


def _alarmed(contact: Contact, event: MediaAlarmed) -> list[Decision]:
    side = side_of(contact, event.leg)
    if side is None:
        return []
    shown = alarms(contact)
    if event.on:
        contact.alarms[side] = event.leg, event.alarm
    elif contact.alarms.get(side) == (event.leg, event.alarm):
        del contact.alarms[side]
    if contact.assignment is None or alarms(contact) == shown:
        return []
    return [TellContact(contact.assignment.user.id, contact.id)]


def side_of(contact: Contact, leg: str) -> Side | None:
    """Whose leg it is; None: nobody's any more."""
    if leg == contact.leg:
        return "customer"
    return "agent" if contact.assignment is not None and contact.assignment.leg == leg else None


def alarms(contact: Contact) -> dict[Side, Alarm]:
    """Those that mean something now: who is on hold or muted is silent by right, and one who is gone is nobody's."""
    found: dict[Side, Alarm] = {}
    if contact.phase != "connected" or contact.disconnected is not None:
        return found
    for side in ("agent", "customer"):
        leg, alarm = contact.alarms.get(side, ("", None))
        by_right = (
            contact.held or contact.talk.customer_left
            if side == "customer"
            else contact.parked or (contact.muted and alarm == "silence")
        )
        if alarm is not None and not by_right and side_of(contact, leg) == side:
            found[side] = alarm
    return found
