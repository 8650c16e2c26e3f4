"""What the recorder is sent of legs whose packets go by runs, in numpy and in C, and of the same legs without any: the
same octets."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator

import pytest

from ipc.frames import FrameReader
from recorder.wire import BATCH, Kind, Slice, cut, unpack
from relay import api
from relay.api import Hear, Tap
from relay.tapping.outbox import Outbox
from relay.tapping.tap import TapBook
from tests.relay.calls import MS, TICK
from tests.relay.passing.test_express import (
    BOTH,
    FORMATS,
    JITTER,
    ROUGH,
    Arrivals,
    MemoryLines,
    NativeMemoryLines,
    World,
    conference,
    make_world,
    speech,
)
from tests.support.impair import CLEAN, Impairment

FIRST, SECOND = "11" * 16, "22" * 16
EACH = (Tap("one", FIRST, 0), Tap("two", FIRST, 1))


class Tapped:
    """A world, its outbox and a recorder, who is there or away; `now` is the clock of all worlds."""

    now = 0

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, lines: MemoryLines | NativeMemoryLines, runs: bool = True
    ) -> None:
        self.outbox = Outbox()
        self.book = TapBook(self.outbox.add, self.outbox.add_packed)
        self.world: World = make_world(monkeypatch, lines, runs, self.book)
        self.is_away = False
        self.taken: dict[int, bytes] = {}
        """What the recorder has, by number."""

    def run(self, arrivals: dict[int, Arrivals], from_ms: int, until_ms: int) -> None:
        for now in range(from_ms * MS + TICK, until_ms * MS + 1, TICK):
            Tapped.now = now
            self.world.run(arrivals, (now - TICK) // MS, now // MS)
            self.book.tick(now)
            if (parts := self.outbox.close_batch(now)) and not self.is_away:
                self._take(b"".join(parts))

    def come_back(self) -> None:
        self.is_away = False
        for data in list(self.outbox.unacknowledged()):
            self._take(data)

    def _take(self, data: bytes) -> None:
        (payload,) = FrameReader().feed(data)
        (number,) = BATCH.unpack_from(payload)
        assert self.taken.setdefault(number, payload) == payload
        self.outbox.acknowledge(number)

    def records(self) -> Iterator[Slice]:
        for payload in self.taken.values():
            yield from cut(payload, BATCH.size)

    async def hear(self, *hearing: Hear, taps: tuple[Tap, ...]) -> None:
        await self.world.hear(*hearing, taps=taps)


Three = tuple[Tapped, Tapped, Tapped]


@pytest.fixture
async def three(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Three]:
    """With runs, in numpy and in C, and without."""
    monkeypatch.setattr("relay.switchboard.now_ns", lambda: Tapped.now)
    monkeypatch.setattr("relay.tapping.outbox.HOLD_NS", 1000 * MS)
    Tapped.now = 0
    made = (
        Tapped(monkeypatch, MemoryLines()),
        Tapped(monkeypatch, NativeMemoryLines()),
        Tapped(monkeypatch, MemoryLines(), runs=False),
    )
    yield made
    for one in made:
        one.world.board.close()


def assert_alike(three: Three) -> None:
    """Of each party in each batch the same octets; where parties' packets came in one batch, a run's go first."""
    *fast, slow = three
    for tapped in fast:
        assert _parties(tapped) == _parties(slow)
        assert tapped.outbox.dropped == slow.outbox.dropped


def _parties(tapped: Tapped) -> dict[tuple[int, bytes, int], bytes]:
    parties: dict[tuple[int, bytes, int], bytes] = defaultdict(bytes)
    for number, payload in tapped.taken.items():
        for record in cut(payload, BATCH.size):
            parties[number, record.recording, record.party] += record.data
    return parties


def packets(tapped: Tapped) -> int:
    return sum(record.kind is Kind.PACKET for record in tapped.records())


@pytest.mark.parametrize("codec", FORMATS)
@pytest.mark.parametrize(("how", "seed"), [(CLEAN, 1), (JITTER, 2), (ROUGH, 3), (ROUGH, 4)])
async def test_a_call_is_recorded_the_same(three: Three, codec: str, how: Impairment, seed: int) -> None:
    for tapped in three:
        Tapped.now = 0
        await tapped.world.open(*FORMATS[codec])
        await tapped.hear(*BOTH, taps=EACH)
        tapped.run({0: speech(codec, 4, how, seed), 1: speech(codec, 4, how, seed + 50)}, 0, 4_200)
    assert [tapped.world.lines.taken > (300 if how is not ROUGH else 100) for tapped in three] == [True, True, False]
    assert packets(three[0]) > 370
    assert_alike(three)
    if how is CLEAN:
        assert three[0].taken == three[1].taken == three[2].taken


@pytest.mark.parametrize(("how", "seed"), [(CLEAN, 1), (ROUGH, 4)])
async def test_a_conference_is_recorded_the_same(three: Three, how: Impairment, seed: int) -> None:
    legs = ("one", "two", "three")
    for tapped in three:
        Tapped.now = 0
        await tapped.world.open(*FORMATS["PCMU"], legs=legs)
        hearing = [Hear(a, b) for a in legs for b in legs if a != b]
        await tapped.hear(*hearing, taps=(*EACH, Tap("one", SECOND, 0), Tap("three", SECOND, 1)))
        tapped.run(conference(3, how, seed), 0, 3_200)
    assert [tapped.world.kept > 100 for tapped in three] == [True, True, False]
    assert_alike(three)


async def test_pauses_digits_and_a_recorder_that_is_away_are_the_same(three: Three) -> None:
    """Held for a second; then the outbox is full, and what is dropped is counted and told."""
    paused = (Tap("one", FIRST, 0, live=False), Tap("two", FIRST, 1))
    secure = tuple(Tap(tap.leg, tap.recording, tap.party, live=False) for tap in EACH)
    for tapped in three:
        Tapped.now = 0
        await tapped.world.open(*FORMATS["PCMU"])
        arrivals = {0: speech("PCMU", 9, ROUGH, 5), 1: speech("PCMU", 9, CLEAN, 6)}
        await tapped.hear(*BOTH, taps=EACH)
        tapped.run(arrivals, 0, 1_000)
        await tapped.hear(*BOTH, taps=paused)
        tapped.run(arrivals, 1_000, 2_000)
        await tapped.hear(*BOTH, taps=(*EACH, Tap("one", SECOND, 7)))
        tapped.run(arrivals, 2_000, 3_000)
        await tapped.world.board.handle(api.MaskDigits("one", True))
        await tapped.hear(*BOTH, taps=secure)
        tapped.run(arrivals, 3_000, 4_000)
        await tapped.world.board.handle(api.MaskDigits("one", False))
        await tapped.hear(*BOTH, taps=EACH)
        tapped.is_away = True
        tapped.run(arrivals, 4_000, 4_600)
        tapped.come_back()
        tapped.run(arrivals, 4_600, 5_000)
        tapped.is_away = True
        tapped.run(arrivals, 5_000, 7_500)
        tapped.come_back()
        tapped.run(arrivals, 7_500, 8_000)
        await tapped.world.board.handle(api.DropLeg("two"))
        tapped.run({0: arrivals[0]}, 8_000, 9_000)
    assert [tapped.world.lines.taken > 300 for tapped in three] == [True, True, False]
    assert three[0].outbox.dropped > 100 and not three[0].is_away
    told = [record.kind for record in three[0].records()]
    assert told.count(Kind.GAP) == 2 and told.count(Kind.PAUSE) == 3
    gaps = [
        record
        for payload in three[0].taken.values()
        for record in unpack(payload, BATCH.size)
        if record.kind is Kind.GAP
    ]
    assert sum(gap.sequence for gap in gaps) == three[0].outbox.dropped
    assert_alike(three)


async def test_nothing_is_made_of_a_run_s_packets(three: Three, monkeypatch: pytest.MonkeyPatch) -> None:
    tapped = three[1]
    await tapped.world.open(*FORMATS["PCMU"])
    await tapped.hear(*BOTH, taps=EACH)
    arrivals = {0: speech("PCMU", 3, CLEAN, 1), 1: speech("PCMU", 3, CLEAN, 2)}
    tapped.run(arrivals, 0, 1_000)
    before = packets(tapped)
    monkeypatch.setattr(tapped.book, "packet", lambda *packet: pytest.fail("a packet by itself"))
    tapped.run(arrivals, 1_000, 3_000)
    assert packets(tapped) == before + 200
