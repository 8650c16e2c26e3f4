import pytest

from recorder.wire import Kind, Record
from relay.api import SetRoom, Tap
from relay.engine import Engine
from relay.formats import Codec, SendFormat
from relay.rooms import Rooms
from relay.tapping.tap import TapBook

FORMAT = SendFormat(Codec("PCMU"), 0)


def rooms() -> tuple[Engine, Rooms, list[Record]]:
    records: list[Record] = []
    engine = Engine()
    return engine, Rooms(engine, TapBook(records.append)), records


def test_a_room_is_there_while_it_has_a_leg() -> None:
    engine, made, _ = rooms()
    for leg in ("one", "two"):
        engine.add_leg(leg, "room", FORMAT, {})
        made.add(leg, "room", 0)
    made.remove("one", "room")
    assert "room" in made
    made.remove("two", "room")
    assert "room" not in made
    with pytest.raises(KeyError):
        made.set(SetRoom("room"), 0)


def test_a_tap_that_names_a_leg_to_come_begins_when_it_comes() -> None:
    engine, made, records = rooms()
    engine.add_leg("one", "room", FORMAT, {})
    made.add("one", "room", 1)
    made.set(SetRoom("room", (), (Tap("one", "00" * 16, 0), Tap("two", "00" * 16, 1))), 2)
    assert [(record.kind, record.party, record.clock) for record in records] == [(Kind.BEGIN, 0, 2)]
    engine.add_leg("two", "room", FORMAT, {})
    made.add("two", "room", 3)
    assert [(record.kind, record.party, record.clock) for record in records[1:]] == [(Kind.BEGIN, 1, 3)]
