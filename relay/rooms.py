"""What the control plane last said of each room, kept for legs that come later. Pure."""

from dataclasses import dataclass, field

from relay.api import SetRoom, Tap
from relay.engine import Engine
from relay.tapping.tap import TapBook


@dataclass
class _Room:
    legs: set[str] = field(default_factory=set)
    taps: tuple[Tap, ...] = ()


class Rooms:
    """A room is there while it has a leg."""

    def __init__(self, engine: Engine, taps: TapBook) -> None:
        self._engine = engine
        self._taps = taps
        self._rooms: dict[str, _Room] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def __contains__(self, room: str) -> bool:
        return room in self._rooms

    def add(self, leg: str, room: str, clock: int) -> None:
        """The leg is in the engine already. Taps that named it before it came begin now."""
        self._rooms.setdefault(room, _Room()).legs.add(leg)
        self._tap(room, clock)

    def remove(self, leg: str, room: str) -> None:
        """The room's last leg takes the room with it."""
        self._rooms[room].legs.discard(leg)
        if not self._rooms[room].legs:
            del self._rooms[room]

    def set(self, command: SetRoom, clock: int) -> None:
        """Hearing and taps change together, between two ticks. Raises KeyError for an unknown room."""
        state = self._rooms[command.room]
        state.taps = command.taps
        self._engine.set_room(command.room, command.hearing, command.groups)
        self._tap(command.room, clock)

    def listeners(self, room: str, source: str) -> list[str]:
        """The legs that hear a source now."""
        return sorted(self._rooms[room].legs.intersection(self._engine.listeners(room, source)))

    def _tap(self, room: str, clock: int) -> None:
        state = self._rooms[room]
        self._taps.set_room(room, [tap for tap in state.taps if tap.leg in state.legs], clock)
