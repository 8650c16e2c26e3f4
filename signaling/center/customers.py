"""What customers bring about: a call arrives, an announcement ends, the customer leaves, his media is lost."""

from signaling.center import placing, third_parties
from signaling.center.call import PROMPT
from signaling.center.contact import Contact
from signaling.center.decisions import Decision, PlayPrompt, SaveContact
from signaling.center.events import CallArrived, CalledAnswered, CustomerLeft, MediaLost, NodeStopped, PlayerFinished
from signaling.center.floor import Floor
from signaling.center.flow import NO_MATCHING_ERROR
from signaling.center.flow_run import Disconnect, Instruction, Say, begin, resume
from signaling.center.record import DisconnectReason
from signaling.center.recording import follow_flow


def call_arrived(floor: Floor, event: CallArrived, now: float) -> list[Decision]:
    flow = floor.flows[floor.numbers[event.number]]
    run, instruction = begin(flow, floor.queues.keys())
    contact = Contact(event.contact, floor.tenant, event.leg, event.number, event.caller, event.initiated, now, run)
    contact.diverted_from = event.diverted_from
    floor.contacts[contact.id] = contact
    return [SaveContact(contact.record(now)), *_carry_out(floor, contact, instruction, now)]


def player_finished(floor: Floor, event: PlayerFinished, now: float) -> list[Decision]:
    contact = floor.live(event.contact)
    if contact is None or contact.phase != "flow" or event.player != PROMPT:
        return []
    error = NO_MATCHING_ERROR if event.failed else ""
    contact.run, instruction = resume(contact.run, floor.queues.keys(), error)
    return _carry_out(floor, contact, instruction, now)


def called_answered(floor: Floor, event: CalledAnswered, now: float) -> list[Decision]:
    contact = floor.live(event.contact)
    if contact is None or contact.attempt is None or contact.phase != "dialling":
        return []
    contact.answered = now
    contact.attempt.outcome, contact.attempt.status = "answered", 200
    if contact.outside:
        return third_parties.answered(floor, contact, now)
    contact.phase = "flow"
    return [SaveContact(contact.record(now)), *_carry_out(floor, contact, contact.attempt.instruction, now)]


def customer_left(floor: Floor, event: CustomerLeft, now: float) -> list[Decision]:
    contact = floor.line(event.contact)
    if contact is None:
        return []
    if contact.outside and contact.id == event.contact:
        return [*third_parties.left(floor, contact, event, now), *floor.route(now)]
    if contact.attempt is not None and event.reason is not None:
        contact.attempt.reason = event.reason
    if contact.talk.customer_left:
        return []
    if contact.talk.lives_on(customer=False):
        return [*floor.lose_customer(contact, now), *floor.route(now)]
    reason: DisconnectReason = "TELECOM_PROBLEM" if event.failed else "CUSTOMER_DISCONNECT"
    return [*floor.end(contact, reason, now), *floor.route(now)]


def media_lost(floor: Floor, event: MediaLost, now: float) -> list[Decision]:
    return break_off(floor, event.contact, "TELECOM_PROBLEM", "The media worker failed; the call could not go on.", now)


def node_stopped(floor: Floor, event: NodeStopped, now: float) -> list[Decision]:
    return break_off(floor, event.contact, "OTHER", "The system was shut down during the call.", now)


def break_off(floor: Floor, id: str, reason: DisconnectReason, why: str, now: float) -> list[Decision]:
    """`why` is what an agent who has the contact reads."""
    contact = floor.line(id)
    if contact is None:
        return []
    for one in contact.talk.live():
        if one.assignment is not None and one.assignment.state != "INCOMING":
            one.assignment.reason = why
    return [*floor.end(contact, reason, now), *floor.route(now)]


def _carry_out(floor: Floor, contact: Contact, instruction: Instruction, now: float) -> list[Decision]:
    if contact.assignment is not None:
        return placing.go_on(floor, contact, instruction, now)
    if isinstance(instruction, Disconnect):
        return floor.end(contact, "CONTACT_FLOW_DISCONNECT", now)
    recorded = follow_flow(floor, contact, now)
    if isinstance(instruction, Say):
        return [*floor.show(contact), *recorded, PlayPrompt(contact.id, PROMPT, instruction.text)]
    contact.phase, contact.queue, contact.enqueued = "queue", floor.queues[instruction.queue], now
    return [*floor.show(contact), *recorded, SaveContact(contact.record(now)), *floor.route(now)]
