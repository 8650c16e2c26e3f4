"""Who shares an encoder is seen to at once where nobody moves, and told where somebody does."""

import numpy as np

from relay.formats import SendFormat
from relay.mixing.choir import Choir
from relay.mixing.resample import RATES, WIDE
from relay.mixing.sending import OpusSender
from relay.party import Party, Room
from tests.relay.calls import OPUS

ROWS = 8
FORMAT = SendFormat(OPUS, 96, 20, 24_000)


def sender(bitrate: int = 24_000) -> OpusSender:
    return OpusSender(SendFormat(OPUS, 96, 20, bitrate), WIDE)


class Singers:
    """Parties in rows from 0 on, each in a room and with a sender of those that are named by number."""

    def __init__(self, *senders: int, rooms: tuple[int, ...] | None = None) -> None:
        self.senders = [sender() for _ in range(max(senders) + 1)]
        self.rooms = [Room() for _ in range(2)]
        self.choir = Choir()
        self.parties = []
        for row, (number, room) in enumerate(zip(senders, rooms or (0,) * len(senders), strict=True)):
            party = Party(str(row), self.rooms[room], FORMAT, {})
            party.row, party.sender = row, self.senders[number]
            self.parties.append(party)
            self.choir.join(party)

    def listen(self, *numbers: int) -> tuple[dict[int, int], set[int]]:
        """The mix of each sender, and the rooms in which somebody moves, by their numbers."""
        mixes = np.full((len(RATES), ROWS), -1)
        mixes[RATES.index(WIDE), : len(numbers)] = numbers
        wanted, restless = self.choir.listen(mixes)
        return (
            {self.senders.index(each): mix for each, mix in wanted.items()},
            {self.rooms.index(room) for room in restless},
        )


def test_where_all_hear_the_same_as_those_they_share_with_nothing_is_to_be_done() -> None:
    singers = Singers(0, 1, 0, 0)
    assert singers.listen(3, 1, 3, 3) == ({0: 3, 1: 1}, set())
    assert singers.listen(-1, 1, -1, -1) == ({0: -1, 1: 1}, set())


def test_the_room_is_told_in_which_somebody_hears_something_else() -> None:
    singers = Singers(0, 0, 1, 1, rooms=(0, 0, 1, 1))
    assert singers.listen(0, 0, 1, 2)[1] == {1}
    assert singers.listen(0, -1, 1, 1)[1] == {0}
    assert singers.listen(0, 0, 0, 0)[1] == set()  # of other rooms


def test_the_room_is_told_in_which_two_encoders_would_make_the_same() -> None:
    singers = Singers(0, 1, 2, 3, rooms=(0, 0, 1, 1))
    assert singers.listen(0, 1, 1, 0)[1] == set()
    assert singers.listen(0, 1, 2, 2)[1] == {1}
    assert singers.listen(-1, -1, 2, 3)[1] == {0}
    singers.parties[1].sender = sender(16_000)
    singers.choir.touch()
    assert singers.choir.listen(np.full((len(RATES), ROWS), -1))[1] == {singers.rooms[1]}


def test_each_row_is_told_its_voice() -> None:
    singers = Singers(0, 1, 0)
    voices = [*(sender() for _ in range(4)), singers.senders[0]]
    assert singers.choir.places(voices, ROWS).tolist() == [4, -1, 4, -1, -1, -1, -1, -1]
    assert singers.choir.places(voices[3:], ROWS).tolist() == [1, -1, 1, -1, -1, -1, -1, -1]
    assert singers.choir.places([*voices, singers.senders[1]], 3).tolist() == [4, 5, 4]
    singers.choir.leave(singers.parties[0])
    singers.choir.leave(singers.parties[0])
    assert singers.choir.places(voices, 3).tolist() == [-1, -1, 4]
    assert singers.choir.of([singers.rooms[0]]) == singers.parties[1:]
    assert singers.choir.of([singers.rooms[1]]) == []


def test_nobody_sings_nothing() -> None:
    choir = Choir()
    assert choir.listen(np.zeros((len(RATES), 2), np.int64)) == ({}, set())
    assert choir.places([], 2).tolist() == [-1, -1]
