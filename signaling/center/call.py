"""Who hears whom, and who is recorded: one pure function of the state of a call's parties."""

from typing import Literal

import msgspec

from relay.api import Hear, Tap

Phase = Literal["dialling", "flow", "queue", "connected"]
"""dialling: the called side has not answered yet."""
PROMPT = "prompt"
MUSIC = "music"
RINGBACK = "ringback"
"""Names of a room's players: the flow's announcement, the music of queue and hold, and the tone that says that it
rings at the called side."""
Progress = Literal["dialling", "ringing", "early"]
"""Of a call that is not answered yet. early: the called side's network gives something to hear by itself."""


class Recorded(msgspec.Struct, frozen=True):
    """A recording that runs, and which sides are heard in it (ALL, FROM_AGENT, TO_AGENT; none if suspended)."""

    recording: str
    agent: bool
    customer: bool


class Call(msgspec.Struct, frozen=True):
    """The parties of a contact as the room sees them."""

    phase: Phase
    customer: str
    """Leg ids."""
    agent: str = ""
    muted: bool = False
    """The agent has muted himself."""
    held: bool = False
    """The agent has put the customer on hold."""
    recorded: Recorded | None = None
    progress: Progress = "dialling"


AGENT_PARTY = 0
CUSTOMER_PARTY = 1


def hearing(call: Call) -> tuple[Hear, ...]:
    """The room's matrix. On hold the customer hears music and nobody; the agent hears nobody. Before the called side
    has answered, nobody hears the agent."""
    if call.phase == "dialling":
        sources = {"ringing": RINGBACK, "early": call.customer}
        heard = call.agent and call.progress in sources
        return (Hear(call.agent, sources[call.progress]),) if heard else ()
    if call.phase == "flow":
        return (Hear(call.customer, PROMPT),)
    if call.phase == "queue" or call.held:
        return (Hear(call.customer, MUSIC),)
    to_agent = Hear(call.agent, call.customer)
    return (to_agent,) if call.muted else (to_agent, Hear(call.customer, call.agent))


def taps(call: Call) -> tuple[Tap, ...]:
    """Both parties are on the recording's time line from the join to the end, the customer alone before it; only `live`
    ones are heard in it."""
    if call.recorded is None:
        return ()
    wanted = call.recorded
    customer = Tap(call.customer, wanted.recording, CUSTOMER_PARTY, wanted.customer and not call.held)
    if call.phase != "connected":
        return (customer,)
    return (Tap(call.agent, wanted.recording, AGENT_PARTY, wanted.agent and not call.muted), customer)
