"""The flow interpreter: runs a flow up to the next thing that takes time or ends it."""

from collections.abc import Callable, Mapping, Set

import msgspec

from signaling.center.flow import ENABLED, IVR_RECORDING, NO_MATCHING_ERROR, Action, Flow

MAX_STEPS = 1000


class Say(msgspec.Struct, frozen=True, tag=True):
    """Speak to the customer; the flow goes on when it has been heard."""

    text: str


class Enqueue(msgspec.Struct, frozen=True, tag=True):
    """Put the contact into the queue; the flow has ended."""

    queue: str


class Disconnect(msgspec.Struct, frozen=True, tag=True):
    """End the contact."""


Instruction = Say | Enqueue | Disconnect


class FlowRun(msgspec.Struct, frozen=True):
    """Where a contact is in its flow, and what the flow has set so far."""

    flow: Flow
    at: str
    """The action that is waited for, or to be run next."""
    queue: str = ""
    recorded: frozenset[str] = frozenset()
    """Of "Agent" and "Customer"; the last recording block wins."""
    ivr: bool = False
    """The automated part is to be recorded, too."""
    attributes: dict[str, str] = {}


def begin(
    flow: Flow, queues: Set[str], queue: str = "", attributes: Mapping[str, str] | None = None
) -> tuple[FlowRun, Instruction]:
    """Runs from the start action. `queues` are the ids that exist; `queue` and `attributes` what is set already."""
    return _run(FlowRun(flow, flow.start, queue, attributes=dict(attributes or {})), queues)


def text_of(run: FlowRun) -> str:
    """What is being said while the flow waits; empty when it waits for nothing."""
    action = run.flow.actions.get(run.at)
    return action.parameters["Text"] if action is not None and action.type == "MessageParticipant" else ""


def resume(run: FlowRun, queues: Set[str], error_type: str = "") -> tuple[FlowRun, Instruction]:
    """Goes on after a Say, by its error branch when `error_type` is given."""
    action = run.flow.actions[run.at]
    target = action.after_error(error_type) if error_type else action.transitions.next_action
    return _run(msgspec.structs.replace(run, at=target), queues)


def _run(run: FlowRun, queues: Set[str]) -> tuple[FlowRun, Instruction]:
    for _ in range(MAX_STEPS):
        action = run.flow.actions.get(run.at)
        if action is None or action.type in ("DisconnectParticipant", "EndFlowExecution"):
            return run, Disconnect()
        if action.type == "MessageParticipant":
            return run, Say(action.parameters["Text"])
        if action.type == "TransferContactToQueue" and run.queue:
            return run, Enqueue(run.queue)
        run = _STEPS[action.type](run, action, queues)
    return run, Disconnect()  # a flow that only jumps in circles would hold the caller for ever


def _next(run: FlowRun, action: Action) -> FlowRun:
    return msgspec.structs.replace(run, at=action.transitions.next_action)


def _set_recording(run: FlowRun, action: Action, _: Set[str]) -> FlowRun:
    behaviour = action.parameters["RecordingBehavior"]
    recorded = frozenset(behaviour["RecordedParticipants"])
    # A block that does not speak of it leaves it as it is.
    ivr = behaviour.get(IVR_RECORDING, ENABLED if run.ivr else "") == ENABLED
    return msgspec.structs.replace(_next(run, action), recorded=recorded, ivr=ivr)


def queue_id(action: Action) -> str:
    """What UpdateContactTargetQueue chooses."""
    chosen: str = action.parameters["QueueId"]
    return chosen.rsplit("/", 1)[-1]  # an ARN ends in the id


def _set_queue(run: FlowRun, action: Action, queues: Set[str]) -> FlowRun:
    queue = queue_id(action)
    if queue not in queues:
        return _fail(run, action, queues)
    return msgspec.structs.replace(_next(run, action), queue=queue)


def _set_attributes(run: FlowRun, action: Action, _: Set[str]) -> FlowRun:
    return msgspec.structs.replace(_next(run, action), attributes=run.attributes | action.parameters["Attributes"])


def _fail(run: FlowRun, action: Action, _: Set[str]) -> FlowRun:
    return msgspec.structs.replace(run, at=action.after_error(NO_MATCHING_ERROR))


_STEPS: dict[str, Callable[[FlowRun, Action, Set[str]], FlowRun]] = {
    "UpdateContactRecordingBehavior": _set_recording,
    "UpdateContactTargetQueue": _set_queue,
    "UpdateContactAttributes": _set_attributes,
    "TransferContactToQueue": _fail,  # reached only when no queue was set
}
