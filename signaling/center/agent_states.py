"""The statuses of an agent, and the states of the contact that he has, as a table."""

import enum
from typing import Literal

AVAILABLE = "Available"
OFFLINE = "Offline"
CUSTOM = ("Break", "Lunch", "Training", "Meeting")
STATUSES = (AVAILABLE, *CUSTOM, OFFLINE)

ContactState = Literal[
    "INCOMING", "CONNECTING", "CONNECTED", "CONNECTED_ONHOLD", "MISSED", "ERROR", "ENDED", "REJECTED"
]  # fmt: skip


class Input(enum.Enum):
    """What can happen to an agent's contact."""

    ACCEPT = enum.auto()
    REJECT = enum.auto()
    EXPIRE = enum.auto()
    CONNECT = enum.auto()
    FAIL = enum.auto()
    HOLD = enum.auto()
    RESUME = enum.auto()
    END = enum.auto()
    CLEAR = enum.auto()


GONE = None
"""The contact is no longer this agent's."""

TRANSITIONS: dict[tuple[ContactState, Input], ContactState | None] = {
    ("INCOMING", Input.ACCEPT): "CONNECTING",
    ("INCOMING", Input.REJECT): "REJECTED",
    ("INCOMING", Input.EXPIRE): "MISSED",
    ("INCOMING", Input.END): GONE,
    ("CONNECTING", Input.CONNECT): "CONNECTED",
    ("CONNECTING", Input.FAIL): "ERROR",
    ("CONNECTING", Input.END): GONE,
    ("CONNECTED", Input.HOLD): "CONNECTED_ONHOLD",
    ("CONNECTED_ONHOLD", Input.RESUME): "CONNECTED",
    ("CONNECTED", Input.END): "ENDED",
    ("CONNECTED_ONHOLD", Input.END): "ENDED",
    ("ENDED", Input.CLEAR): GONE,
    ("MISSED", Input.CLEAR): GONE,
    ("REJECTED", Input.CLEAR): GONE,
    ("ERROR", Input.CLEAR): GONE,
}


class WrongState(Exception):
    """The input does not fit the state, which is unchanged."""

    def __init__(self, state: str, input: Input) -> None:
        super().__init__(f"{input.name.lower()} is not possible in state {state}")
        self.state = state


def after(state: ContactState, input: Input) -> ContactState | None:
    """The next state, or GONE. Raises WrongState."""
    if (state, input) not in TRANSITIONS:
        raise WrongState(state, input)
    return TRANSITIONS[state, input]
