"""Contact flows: documents of Amazon Connect's flow language, Version 2019-10-30, checked on save.

{"Version": "2019-10-30", "StartAction": ID, "Actions": [
    {"Identifier": ID, "Type": TYPE, "Parameters": {...},
     "Transitions": {"NextAction": ID, "Errors": [{"ErrorType": NAME, "NextAction": ID}], "Conditions": []}}]}
"""

from collections.abc import Callable
from typing import Any

import msgspec

VERSION = "2019-10-30"
NO_MATCHING_ERROR = "NoMatchingError"
IVR_RECORDING = "IVRRecordingBehavior"
ENABLED, DISABLED = "Enabled", "Disabled"


class FlowError(ValueError):
    """The document cannot be run; the message names the action and says what is wrong with it."""


class Branch(msgspec.Struct, frozen=True, rename="pascal"):
    error_type: str
    next_action: str


class Transitions(msgspec.Struct, frozen=True, rename="pascal"):
    next_action: str = ""
    errors: tuple[Branch, ...] = ()
    conditions: tuple[Any, ...] = ()


class Action(msgspec.Struct, frozen=True, rename="pascal"):
    identifier: str
    type: str
    parameters: dict[str, Any] = {}
    transitions: Transitions = Transitions()

    def after_error(self, error_type: str) -> str:
        """The action that follows this error, or "" when the flow has no branch for it."""
        branches = {branch.error_type: branch.next_action for branch in self.transitions.errors}
        return branches.get(error_type, branches.get(NO_MATCHING_ERROR, ""))


class _Document(msgspec.Struct, frozen=True, rename="pascal"):
    version: str
    start_action: str
    actions: tuple[Action, ...]


class Flow(msgspec.Struct, frozen=True):
    """A document that has passed every check."""

    start: str
    actions: dict[str, Action]


def parse_flow(content: Any) -> Flow:
    """The flow in a document. Raises FlowError with every block that is not supported named."""
    try:
        document = msgspec.convert(content, _Document)
    except msgspec.ValidationError as error:
        raise FlowError(f"not a contact flow: {error}") from None
    if document.version != VERSION:
        raise FlowError(f"Version must be {VERSION}, not {document.version}")
    actions = {action.identifier: action for action in document.actions}
    if len(actions) != len(document.actions):
        raise FlowError("two actions have the same Identifier")
    unsupported = sorted({action.type for action in document.actions if action.type not in _CHECKS})
    if unsupported:
        raise FlowError(f"unsupported blocks: {', '.join(unsupported)}")
    _check_target(document.start_action, "StartAction", actions)
    for action in document.actions:
        _check(action, actions)
    return Flow(document.start_action, actions)


def _check(action: Action, actions: dict[str, Action]) -> None:
    where = f"{action.type} {action.identifier}"
    _CHECKS[action.type](action.parameters, where)
    if action.type not in FINAL:
        _check_target(action.transitions.next_action, where, actions)
    for branch in action.transitions.errors:
        _check_target(branch.next_action, where, actions)


def _check_target(target: str, where: str, actions: dict[str, Action]) -> None:
    if target not in actions:
        raise FlowError(f"{where}: there is no action {target!r}")


def _check_message(parameters: dict[str, Any], where: str) -> None:
    if not isinstance(parameters.get("Text"), str) or not parameters["Text"].strip():
        raise FlowError(f"{where}: Parameters.Text is needed")


def _check_recording(parameters: dict[str, Any], where: str) -> None:
    behaviour = parameters.get("RecordingBehavior")
    recorded = behaviour.get("RecordedParticipants") if isinstance(behaviour, dict) else None
    if not isinstance(recorded, list) or not all(party in ("Agent", "Customer") for party in recorded):
        raise FlowError(f"{where}: RecordingBehavior.RecordedParticipants must list Agent, Customer, both or none")
    if isinstance(behaviour, dict) and behaviour.get(IVR_RECORDING, DISABLED) not in (ENABLED, DISABLED):
        raise FlowError(f"{where}: RecordingBehavior.{IVR_RECORDING} must be {ENABLED} or {DISABLED}")


def _check_queue(parameters: dict[str, Any], where: str) -> None:
    if not isinstance(parameters.get("QueueId"), str):
        raise FlowError(f"{where}: Parameters.QueueId is needed")


def _check_attributes(parameters: dict[str, Any], where: str) -> None:
    attributes = parameters.get("Attributes")
    if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
        raise FlowError(f"{where}: Parameters.Attributes must map names to texts")


def _check_nothing(parameters: dict[str, Any], where: str) -> None:
    if parameters:
        raise FlowError(f"{where}: takes no Parameters")


_CHECKS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "MessageParticipant": _check_message,
    "UpdateContactRecordingBehavior": _check_recording,
    "UpdateContactTargetQueue": _check_queue,
    "UpdateContactAttributes": _check_attributes,
    "TransferContactToQueue": _check_nothing,
    "DisconnectParticipant": _check_nothing,
    "EndFlowExecution": _check_nothing,
}
FINAL = frozenset({"TransferContactToQueue", "DisconnectParticipant", "EndFlowExecution"})
