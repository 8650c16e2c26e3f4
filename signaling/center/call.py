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


class Speaker(msgspec.Struct, frozen=True):
    """An agent as the room sees him."""

    leg: str
    number: int = 0
    """Of his contact among those of the call, from 0."""
    muted: bool = False
    """He has muted himself."""
    parked: bool = False
    """Another agent has put him on hold."""
    recorded: Recorded | None = None
    """His part of the call."""


class ThirdParty(msgspec.Struct, frozen=True):
    """Somebody whose number was called into the call, as the room sees him."""

    leg: str
    number: int
    """Of his contact among those of the call."""
    parked: bool = False
    """An agent has put him on hold."""
    progress: Progress | None = None
    """None: he has answered."""


class Call(msgspec.Struct, frozen=True):
    """The parties of a call as the room sees them."""

    phase: Phase
    customer: str
    """Leg ids; empty: he has left."""
    agents: tuple[Speaker, ...] = ()
    """Those who are joined with the customer, or with each other while he is on hold."""
    held: bool = False
    """The customer is on hold."""
    recorded: Recorded | None = None
    """The automated part."""
    progress: Progress = "dialling"
    third_parties: tuple[ThirdParty, ...] = ()


AGENT_PARTY = 0
CUSTOMER_PARTY = 1
FURTHER_PARTIES = 2
"""In an agent's recording the other agents and third parties are this and their number."""


def hearing(call: Call) -> tuple[Hear, ...]:
    """The room's matrix. Who is on hold hears music and nobody, and nobody hears him; all others hear each other.
    Before the called side has answered, nobody hears the agent; while a third party is called, the agents hear how far
    that is, and nobody else does."""
    if call.phase == "dialling":
        return tuple(Hear(one.leg, source) for one in call.agents for source in _rung(call.progress, call.customer))
    if call.phase == "flow":
        return (Hear(call.customer, PROMPT),)
    if call.phase == "queue":
        return (Hear(call.customer, MUSIC),)
    parties = [(one.leg, one.parked, one.muted) for one in call.agents]
    parties += [(one.leg, one.parked, False) for one in call.third_parties if one.progress is None]
    if call.customer:
        parties.append((call.customer, call.held, False))
    heard = [leg for leg, away, muted in parties if not away and not muted]
    talk = [Hear(leg, source) for leg, away, _ in parties for source in ([MUSIC] if away else heard) if source != leg]
    rung = [source for one in call.third_parties for source in _rung(one.progress, one.leg)]
    return (*talk, *(Hear(one.leg, source) for one in call.agents if not one.parked for source in rung))


def taps(call: Call) -> tuple[Tap, ...]:
    """Each agent's recording has himself and all others on its time line, the automated part's the customer alone; only
    `live` ones are heard in it. Of the others it has what the agent hears."""
    if call.phase != "connected":
        wanted = call.recorded
        return (
            (Tap(call.customer, wanted.recording, CUSTOMER_PARTY, wanted.customer and not call.held),) if wanted else ()
        )
    return tuple(tap for agent in call.agents for tap in _taps_of(agent, call))


def _taps_of(agent: Speaker, call: Call) -> list[Tap]:
    wanted = agent.recorded
    if wanted is None:
        return []
    recording, others = wanted.recording, wanted.customer and not agent.parked
    return [
        Tap(agent.leg, recording, AGENT_PARTY, wanted.agent and not agent.muted and not agent.parked),
        *([Tap(call.customer, recording, CUSTOMER_PARTY, others and not call.held)] if call.customer else []),
        *(
            Tap(one.leg, recording, FURTHER_PARTIES + one.number, others and not one.muted and not one.parked)
            for one in call.agents
            if one is not agent
        ),
        *(
            Tap(one.leg, recording, FURTHER_PARTIES + one.number, others and not one.parked)
            for one in call.third_parties
            if one.progress is None
        ),
    ]


def _rung(progress: Progress | None, leg: str) -> list[str]:
    """What is to be heard of a call that is not answered yet."""
    return {"ringing": [RINGBACK], "early": [leg]}.get(progress or "", [])
