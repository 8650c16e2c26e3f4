"""Legs to which Opus is sent a packet each tick, as columns: whether everybody still hears what those hear with whom he
shares an encoder is seen for all of a worker at once. Pure.

A leg's sender is the leg's own; here is only what it was when somebody last touched it.
"""

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from relay.mixing.resample import RATES
from relay.mixing.sending import OpusSender
from relay.party import Party, Room

Numbers = npt.NDArray[np.int64]


class _Columns(msgspec.Struct, frozen=True):
    """Of all that sing now."""

    rows: Numbers
    """Of sound."""
    voices: Numbers
    """Numbers of their senders."""
    rates: Numbers
    """Numbers of the senders' rates in RATES."""
    senders: list[OpusSender]
    rooms: list[Room]
    """Of each sender."""
    leaders: Numbers
    """The first of each sender's legs."""
    kinds: Numbers
    """A number for each sender, the same for two that would be one if they were to encode the same."""
    alone: bool
    """No two senders are of one kind."""


class Choir:
    """Told of the legs, asked once a tick."""

    def __init__(self) -> None:
        self._parties: dict[int, Party] = {}
        self._columns: _Columns | None = None
        self._placed: tuple[list[OpusSender], Numbers] | None = None
        self.changes = 0
        """How often anything was changed."""

    def __len__(self) -> int:
        return len(self._parties)

    def __iter__(self) -> Iterator[Party]:
        return iter(self._parties.values())

    def join(self, party: Party) -> None:
        """It is sent one packet of Opus a tick, from now on."""
        self._parties[party.row] = party
        self.touch()

    def leave(self, party: Party) -> None:
        """One that is not there is nothing."""
        if self._parties.pop(party.row, None) is not None:
            self.touch()

    def touch(self) -> None:
        """Somebody may have another sender."""
        self._columns = self._placed = None
        self.changes += 1

    def of(self, rooms: Iterable[Room]) -> list[Party]:
        """Those in any of the rooms."""
        wanted = set(rooms)
        return [party for party in self._parties.values() if party.room in wanted] if wanted else []

    def listen(self, numbers: Numbers) -> tuple[dict[OpusSender, int], set[Room]]:
        """What each sender is to encode, and the rooms in which that is not so simple: two who share a sender hear
        different things, or two senders of one kind the same. `numbers`: int64[len(RATES), rows] of the mixes that each
        row of sound hears; -1: silence."""
        if not self._parties:
            return {}, set()
        columns = self._made()
        heard = numbers[columns.rates, columns.rows]
        leads = heard[columns.leaders]
        restless = {columns.rooms[voice] for voice in columns.voices[heard != leads[columns.voices]].tolist()}
        if not columns.alone:
            restless |= _alike(columns, leads)
        return dict(zip(columns.senders, leads.tolist(), strict=True)), restless

    def places(self, voices: list[OpusSender], rows: int) -> Numbers:
        """For each of `rows` of sound the place that its sender has among the voices; -1: it does not sing, or its
        sender has none. Not to be written to: it is the same as before for as long as nothing has changed."""
        if self._placed is None or self._placed[0] != voices or len(self._placed[1]) != rows:
            self._placed = voices, self._places(voices, rows)
        return self._placed[1]

    def _places(self, voices: list[OpusSender], rows: int) -> Numbers:
        places = np.full(rows, -1, np.int64)
        if self._parties:
            columns, numbers = self._made(), {sender: place for place, sender in enumerate(voices)}
            of_senders = np.array([numbers.get(sender, -1) for sender in columns.senders], np.int64)
            places[columns.rows] = of_senders[columns.voices]
        return places

    def _made(self) -> _Columns:
        if self._columns is None:
            self._columns = _columns(sorted(self._parties.values(), key=lambda party: party.row))
        return self._columns


def _columns(parties: list[Party]) -> _Columns:
    senders: dict[OpusSender, int] = {}
    rows, voices, leaders, rooms = [], [], [], []
    for place, party in enumerate(parties):
        if not isinstance(party.sender, OpusSender):
            raise AssertionError("only those who are sent Opus sing")
        if party.sender not in senders:
            senders[party.sender] = len(senders)
            leaders.append(place)
            rooms.append(party.room)
        rows.append(party.row)
        voices.append(senders[party.sender])
    kinds: dict[tuple[Room, object], int] = {}
    of_kind = [
        kinds.setdefault((room, sender.settings), len(kinds)) for sender, room in zip(senders, rooms, strict=True)
    ]
    rates = np.array([RATES.index(sender.rate) for sender in senders], np.int64)
    return _Columns(
        rows=np.array(rows, np.int64),
        voices=np.array(voices, np.int64),
        rates=rates[voices],
        senders=list(senders),
        rooms=rooms,
        leaders=np.array(leaders, np.int64),
        kinds=np.array(of_kind, np.int64),
        alone=len(kinds) == len(senders),
    )


def _alike(columns: _Columns, leads: Numbers) -> set[Room]:
    """Rooms in which two senders of one kind are to encode the same."""
    keys = columns.kinds * (leads.max() + 2) + leads
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return {columns.rooms[voice] for voice in first[counts > 1].tolist()}
