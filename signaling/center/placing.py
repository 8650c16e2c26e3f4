"""Calls that we place: for an agent who dials, or to put the called side into a flow.

An agent's own sound comes first, so that nobody is called who would then hear nothing. The flow of the outbound queue
is run when he dials, for what it sets, and goes on when the called side has answered: what it says then is heard before
the two are joined.
"""

from signaling.center.agent_states import Input, WrongState
from signaling.center.call import PROMPT
from signaling.center.contact import Assignment, Attempt, Contact
from signaling.center.decisions import Decision, DropAgent, PlaceCall, PlayPrompt, SaveContact, TellAgent, TellContact
from signaling.center.events import CalledEarly, CalledFailed, CalledRinging, PlaceContact, StartOutbound
from signaling.center.floor import CONNECT_SECONDS, OFFER_SECONDS, Floor, NotAllowed
from signaling.center.flow import Flow
from signaling.center.flow_run import Instruction, Say, begin
from signaling.center.joining import join
from signaling.center.outbound import PERMISSION, routed
from signaling.center.record import DisconnectReason
from signaling.center.recording import follow_flow
from signaling.center.resources import Queue
from signaling.center.routes import dialled
from signaling.center.third_parties import failed

NO_FLOW = Flow("", {})
"""Says nothing and sets nothing."""


def place_contact(floor: Floor, event: PlaceContact, now: float) -> list[Decision]:
    """Connect's agent who dials."""
    agent = floor.agent(event.user)
    if PERMISSION not in floor.permissions(event.user):
        raise NotAllowed(f"you need the permission {PERMISSION}")
    if agent.assignment is not None:
        raise WrongState(agent.assignment.state, Input.ACCEPT)
    queue = floor.queues.get(floor.outbound_queues[agent.user.routing_profile])
    if queue is None:
        raise ValueError("your routing profile has no queue for calls that you place")
    number = dialled(event.number.reveal())
    call = routed(floor, PlaceCall(event.contact, f"{event.contact}/customer", ()), number, queue)
    run, instruction = begin(floor.flows.get(queue.outbound_flow, NO_FLOW), floor.queues.keys())
    contact = Contact(event.contact, floor.tenant, call.leg, queue.caller_number, number, now, None, run, "dialling")
    contact.method, contact.attempt = "OUTBOUND", Attempt(call, instruction)
    contact.queue, contact.enqueued, contact.dequeued, contact.attempts = queue, now, now, 1
    leg, expires = f"{contact.id}/agent-1", now + (OFFER_SECONDS if agent.endpoint == "phone" else CONNECT_SECONDS)
    assignment = Assignment(agent.user, contact, leg, now, expires, "CONNECTING", endpoint=agent.endpoint)
    contact.assignment = agent.assignment = assignment
    floor.contacts[contact.id] = contact
    return [TellAgent(event.user), TellContact(event.user, contact.id), SaveContact(contact.record(now))]


def start_outbound(floor: Floor, event: StartOutbound, now: float) -> list[Decision]:
    """Connect's StartOutboundVoiceContact: who answers is in the flow."""
    if event.flow not in floor.flows:
        raise ValueError("there is no such flow")
    if event.queue and event.queue not in floor.queues:
        raise ValueError("there is no such queue")
    if event.caller and event.caller not in floor.numbers:
        raise ValueError("the number to be shown is none of the instance")
    number = dialled(event.number.reveal())
    queue = floor.queues.get(event.queue, Queue("", ""))
    shown = Queue(queue.id, queue.name, event.caller or queue.caller_number, event.caller_name or queue.caller_name)
    unrouted = PlaceCall(event.contact, f"{event.contact}/customer", (), ring_seconds=event.ring_seconds)
    call = routed(floor, unrouted, number, shown)
    attributes = {name: value.reveal() for name, value in event.attributes.items()}
    run, instruction = begin(floor.flows[event.flow], floor.queues.keys(), queue.id, attributes)
    contact = Contact(event.contact, floor.tenant, call.leg, shown.caller_number, number, now, None, run, "dialling")
    contact.method, contact.attempt = "API", Attempt(call, instruction, placed=True)
    floor.contacts[contact.id] = contact
    return [SaveContact(contact.record(now)), call]


def caller_ready(floor: Floor, contact: Contact, now: float) -> list[Decision]:
    """The agent who dialled can hear and be heard."""
    if contact.assignment is None or contact.attempt is None or contact.attempt.placed:
        return []
    contact.attempt.placed, contact.assignment.expires = True, None
    return [*floor.show(contact), contact.attempt.call, TellContact(contact.assignment.user.id, contact.id)]


def called_ringing(floor: Floor, event: CalledRinging, now: float) -> list[Decision]:
    contact = floor.live(event.contact)
    if contact is None or contact.attempt is None or contact.attempt.progress != "dialling":
        return []
    contact.attempt.progress = "ringing"
    return _progressed(floor, contact)


def called_early(floor: Floor, event: CalledEarly, now: float) -> list[Decision]:
    contact = floor.live(event.contact)
    if contact is None or contact.attempt is None or contact.attempt.progress == "early":
        return []
    contact.attempt.progress = "early"
    return _progressed(floor, contact)


def go_on(floor: Floor, contact: Contact, instruction: Instruction, now: float) -> list[Decision]:
    """What the called side hears first, and then the agent."""
    if not isinstance(instruction, Say):
        return join(floor, contact, now)
    recorded = follow_flow(floor, contact, now)
    return [*floor.show(contact), *recorded, PlayPrompt(contact.id, PROMPT, instruction.text)]


def called_failed(floor: Floor, event: CalledFailed, now: float) -> list[Decision]:
    contact = floor.live(event.contact)
    if contact is None or contact.attempt is None or contact.phase != "dialling":
        return []
    if contact.outside:
        return [*failed(floor, contact, event, now), *floor.route(now)]
    attempt = contact.attempt
    attempt.outcome, attempt.status, attempt.reason = event.outcome, event.status, event.reason
    reason: DisconnectReason = "TELECOM_PROBLEM" if event.outcome == "failed" else "OTHER"
    if contact.assignment is not None:
        contact.assignment.reason = event.outcome
    return fail(floor, contact, reason, now)


def fail(floor: Floor, contact: Contact, reason: DisconnectReason, now: float) -> list[Decision]:
    """The call has come to nothing. An agent who dialled reads why, until he clears it."""
    decisions: list[Decision] = []
    assignment, attempt = contact.assignment, contact.attempt
    if attempt is not None and attempt.outcome is None:
        attempt.outcome = "cancelled" if attempt.placed else "failed"
    if assignment is not None:
        assignment.step(Input.FAIL, now)
        contact.assignment = None
        decisions += [DropAgent(contact.id, assignment.leg), TellContact(assignment.user.id, contact.id)]
    return [*decisions, *floor.end(contact, reason, now)]


def cancel(floor: Floor, assignment: Assignment, now: float) -> list[Decision]:
    """The agent gives up before he was joined with the called side."""
    attempt = assignment.contact.attempt
    if attempt is not None and attempt.outcome is None:
        attempt.outcome = "cancelled"
    return floor.end(assignment.contact, "AGENT_DISCONNECT", now)


def may_dial(floor: Floor, user: str) -> bool:
    """The agent has the permission, and a queue for his calls. Raises NotYours."""
    queue = floor.outbound_queues[floor.agent(user).user.routing_profile]
    return queue in floor.queues and PERMISSION in floor.permissions(user)


def is_placing(assignment: Assignment) -> bool:
    """The agent has dialled, and is not yet joined with the called side."""
    return assignment.state == "CONNECTING" and assignment.contact.phase in ("dialling", "flow")


def _progressed(floor: Floor, contact: Contact) -> list[Decision]:
    return [*floor.show(contact), *floor.tell(contact.talk)]
