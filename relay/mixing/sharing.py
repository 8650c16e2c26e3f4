"""Which Opus legs have one encoder together: those that hear the same. Pure.

An encoder has state, and a listener's decoder follows it. Two moves leave a listener's decoder undisturbed:

- Listeners of one encoder that are to hear different things from now on part: one part keeps it, each other one gets a
  copy of it, which goes on from the same state. Nothing changes for any decoder.
- Encoders that were given the same sound for a while have nearly the same state, and their listeners are given to one
  of them. SHARED_TICKS of the same sound suffice for what is heard to be as near to the sound as without the move.

An encoder that has not encoded anything yet has no decoder that follows it, and may be left at once.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

from relay.mixing.sending import OpusSender

SHARED_TICKS = 10


class Listener(Protocol):
    """A leg to which Opus is sent."""

    def take_sender(self, sender: OpusSender) -> None:
        """From this tick on the leg is sent what that one encodes."""


Hearing = tuple[Listener, OpusSender, int]
"""A listener of a room, its sender, and the number of the mix that it hears in this tick; -1: silence."""


class Sharing:
    """One room's. To be asked before anything is encoded, in each tick in which two who share an encoder hear different
    things, or two with encoders of equal settings the same; in others there is nothing to decide."""

    def __init__(self) -> None:
        self._same: dict[tuple[OpusSender, OpusSender], int] = {}
        """(encoder, the one that it may be given up for) -> ticks with the same sound."""

    def forget(self) -> None:
        """A tick went by in which nobody asked."""
        self._same = {}

    def arrange(self, hearings: Iterable[Hearing]) -> dict[OpusSender, int]:
        """Gives senders to the listeners; returns each sender with the mix that it is to encode."""
        parted = self._part(hearings)
        same: dict[tuple[OpusSender, OpusSender], int] = {}
        alike: dict[tuple[int, object], list[tuple[OpusSender, list[Listener]]]] = defaultdict(list)
        for sender, (mix, listeners) in parted.items():
            alike[mix, sender.settings].append((sender, listeners))
        wanted: dict[OpusSender, int] = {}
        for (mix, _), senders in alike.items():
            leader = max(senders, key=lambda each: (each[0].begun, len(each[1])))[0]
            wanted[leader] = mix
            for sender, listeners in senders:
                if sender is leader:
                    continue
                ticks = self._same.get((sender, leader), 0)
                if sender.in_step_with(leader) and (ticks >= SHARED_TICKS or not sender.begun):
                    for listener in listeners:
                        listener.take_sender(leader)
                else:
                    same[sender, leader] = ticks + 1
                    wanted[sender] = mix
        self._same = same
        return wanted

    def _part(self, hearings: Iterable[Hearing]) -> dict[OpusSender, tuple[int, list[Listener]]]:
        """The senders with what they are to encode, no two listeners of one hearing different things any more."""
        by_sender: dict[OpusSender, dict[int, list[Listener]]] = defaultdict(lambda: defaultdict(list))
        for listener, sender, mix in hearings:
            by_sender[sender][mix].append(listener)
        parted: dict[OpusSender, tuple[int, list[Listener]]] = {}
        for sender, parts in by_sender.items():
            keeps = max(parts, key=lambda mix: len(parts[mix]))
            for mix, listeners in parts.items():
                own = sender if mix == keeps else sender.fork()
                if own is not sender:
                    for listener in listeners:
                        listener.take_sender(own)
                parted[own] = mix, listeners
        return parted
