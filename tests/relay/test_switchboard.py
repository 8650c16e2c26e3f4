"""One leg's fault is its own: the others' sound, reports and ends go on."""

import gc
from collections.abc import Callable
from typing import Any

import pytest

from ipc.messages import Event
from recorder.wire import Record
from relay import api
from relay.leg import RTCP_NS, Leg
from relay.playout.receiving import Receiver
from relay.switchboard import LOOKED_AFTER, Switchboard
from relay.tapping.tap import TapBook
from tests.relay.process import ADDRESS, free_ports, offer

TICK = 20_000_000


@pytest.fixture
async def board() -> Switchboard:
    """Two legs in a room: "bad", which comes first, and "good"."""
    first = free_ports()
    records: list[Record] = []
    events: list[Event] = []
    made = Switchboard((first, first + 39), TapBook(records.append), events.append)
    made.listen(ADDRESS, 0)
    for leg in ("bad", "good"):
        await made.handle(api.AddRtpLeg(leg, "room", ADDRESS, offer(9)))
    return made


def failing(method: Callable[..., Any], names: Callable[[Any], bool]) -> Callable[..., Any]:
    """The method, which raises on those objects that `names` picks."""

    def instead(self: Any, *arguments: Any) -> Any:
        if names(self):
            raise RuntimeError("a fault")
        return method(self, *arguments)

    return instead


async def reports(board: Switchboard) -> dict[str, api.LegReport]:
    told = await board.handle(api.GetLegs())
    assert isinstance(told, api.Legs)
    return {leg.leg: leg for leg in told.legs}


async def test_a_leg_that_cannot_send_silences_nobody(board: Switchboard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leg, "send", failing(Leg.send, lambda leg: leg.name == "bad"))
    for number in range(5):
        board.tick(number * TICK)
    found = await reports(board)
    assert (found["bad"].faults, found["bad"].packets_sent) == (5, 0)
    assert (found["good"].faults, found["good"].packets_sent) == (0, 5)
    board.close()


async def test_a_leg_whose_sound_cannot_be_made_silences_nobody(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([True])
    monkeypatch.setattr(Receiver, "pull", failing(Receiver.pull, lambda _: next(faults, False)))
    board.tick(TICK)
    found = await reports(board)
    assert (found["bad"].faults, found["good"].faults) == (1, 0)
    assert (found["bad"].packets_sent, found["good"].packets_sent) == (1, 1)
    board.close()


async def test_a_leg_that_cannot_report_keeps_nobody_from_it(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []

    def report(self: Leg, now_ns: int, ntp: int) -> None:
        reported.append(self.name)
        if self.name == "bad":
            raise RuntimeError("a fault")

    monkeypatch.setattr(Leg, "send_rtcp_if_due", report)
    for turn in range(3):
        board.look_after_legs(RTCP_NS, turn, 3)
    assert reported == ["bad", "good"]
    assert (await reports(board))["bad"].faults == 1
    board.close()


@pytest.mark.parametrize("legs", [0, 1, 7, 16, 100, 399, 1000])
async def test_each_leg_is_looked_after_once_and_some_together(legs: int, board: Switchboard) -> None:
    seen: list[list[int]] = []

    class Counted:
        def __init__(self, number: int) -> None:
            self._number = number

        def send_rtcp_if_due(self, now_ns: int, ntp: int) -> None:
            seen[-1].append(self._number)

        def check_health(self, now_ns: int) -> None:
            assert seen[-1][-1] == self._number

    ours, board._legs = board._legs, {str(number): Counted(number) for number in range(legs)}  # type: ignore[misc]
    for turn in range(50):
        seen.append([])
        board.look_after_legs(0, turn, 50)
    board._legs = ours
    board.close()
    assert sorted(number for together in seen for number in together) == list(range(legs))
    busy = [len(together) for together in seen if together]
    assert max(busy, default=0) <= max(2 * LOOKED_AFTER, -(-legs // 50))
    assert min(busy, default=0) >= min(legs, LOOKED_AFTER)


async def test_a_leg_that_fails_at_its_end_is_gone(board: Switchboard, monkeypatch: pytest.MonkeyPatch) -> None:
    close = Leg.close

    def fail(self: Leg, now_ns: int, ntp: int) -> api.LegReport:
        close(self, now_ns, ntp)
        raise RuntimeError("a fault")

    monkeypatch.setattr(Leg, "close", fail)
    for leg in ("bad", "good"):
        with pytest.raises(RuntimeError):
            await board.handle(api.DropLeg(leg))
    monkeypatch.setattr(Leg, "close", close)
    assert await reports(board) == {}
    with pytest.raises(Exception, match="no_such_room"):
        await board.handle(api.SetRoom("room"))
    board.close()


async def test_a_leg_that_has_ended_leaves_no_garbage(board: Switchboard) -> None:
    """Else thousands of legs lie about until the whole collection, which a busy worker puts off."""
    board.tick(TICK)
    gc.collect()
    gc.disable()
    try:
        legs = {id(thing) for thing in gc.get_objects() if type(thing) is Leg}
        await board.handle(api.DropLeg("bad"))
        left = {id(thing) for thing in gc.get_objects() if type(thing) is Leg}
    finally:
        gc.enable()
    assert (len(legs), len(left)) == (2, 1)
    board.close()
