"""Routing: which waiting contact is offered to which free agent. Decides only; the caller acts.

Mission: a queue counts for a routing profile only after the contact has aged `delay` seconds; lower priority number
first; then the oldest contact; to the agent who has been Available longest.
"""

from collections.abc import Iterable, Sequence

import msgspec

from signaling.center.resources import RoutingRow


class Waiting(msgspec.Struct, frozen=True):
    contact: str
    queue: str
    since: float


class Ready(msgspec.Struct, frozen=True):
    agent: str
    since: float
    """Available and idle since."""
    rows: tuple[RoutingRow, ...]


class Offer(msgspec.Struct, frozen=True):
    contact: str
    agent: str


def assign(waiting: Iterable[Waiting], ready: Iterable[Ready], now: float) -> list[Offer]:
    """At most one offer a contact and an agent."""
    free = sorted(waiting, key=lambda item: item.since)
    offers = []
    for agent in sorted(ready, key=lambda item: item.since):
        chosen = _best(free, agent.rows, now)
        if chosen is not None:
            free.remove(chosen)
            offers.append(Offer(chosen.contact, agent.agent))
    return offers


def next_due(waiting: Sequence[Waiting], ready: Iterable[Ready], now: float) -> float | None:
    """When a delay runs out next that may allow an offer not possible now."""
    due = [
        item.since + row.delay
        for agent in ready
        for row in agent.rows
        for item in waiting
        if item.queue == row.queue and item.since + row.delay > now
    ]
    return min(due, default=None)


def _best(waiting: Sequence[Waiting], rows: tuple[RoutingRow, ...], now: float) -> Waiting | None:
    candidates = [
        (row.priority, item.since, index)
        for index, item in enumerate(waiting)
        for row in rows
        if row.queue == item.queue and now >= item.since + row.delay
    ]
    return waiting[min(candidates)[2]] if candidates else None
