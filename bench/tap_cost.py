"""What recording adds to the CPU time of a relay worker, where calls are only passed on.

Two runs of whole workers one after the other differ by more than a tap costs. So two switchboards stand side by side in
one process, of the same legs, PCMU under SRTP, in pairs; of one all legs are tapped, and the other has no taps. They
get the same packets, a fifth of them before each beat, and take turns. What each takes of the processor is counted by
itself: receiving, passing on, making records, the batches and their way into the socket of a process that reads them.
"""

import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.call.codecs import CODECS
from bench.call.sdp import Description, parse_sdp
from bench.call.srtp import Cipher, make_crypto
from relay import api
from relay.streams.rtp import RtpPacket, serialize
from relay.switchboard import Switchboard
from relay.tapping.outbox import Outbox
from relay.tapping.tap import TapBook
from relay.tapping.tap_link import BATCH_TICKS, HEAR_EACH, TapLink
from relay.tick import TICK_NS, now_ns

ADDRESS = "127.0.0.1"
FIRST_PORT, PORTS = 46000, 4000
BEATS = 5
"""In a tick, the last of them the tick itself."""
CYCLE = BATCH_TICKS * HEAR_EACH
"""Ticks in which all happens that recording is: no single tick has its fair share."""
WARM_TICKS = 2 * CYCLE


@dataclass(frozen=True)
class TapCost:
    """Microseconds of CPU a packet that is received and passed on."""

    bare: float
    tapped: float

    @property
    def share_percent(self) -> float:
        """Of recording, of the time without."""
        return 100 * (self.tapped / self.bare - 1)


async def measure_tap(legs: int, ticks: int) -> TapCost:
    """Of so many legs on each side, an even number, after a warm-up. Raises TimeoutError when nobody reads the taps."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tp-tap-")))
        sink = stack.enter_context(subprocess.Popen([sys.executable, "-m", "bench.tap_sink", str(folder / "tap")]))
        stack.callback(sink.terminate)
        sides = [_Side(number, legs) for number in range(2)]
        for tapped, side in enumerate(sides):
            stack.callback(side.close)
            await side.open(bool(tapped))
        link = TapLink(folder / "tap", sides[1].outbox)
        link.start()
        await _take_turns(sides, link, ticks)
        await link.close(1.0)
    bare, tapped_ = (_typical(side.used[WARM_TICKS:]) / legs / 1000 for side in sides)
    return TapCost(bare, tapped_)


def _typical(used: list[int]) -> float:
    """What a tick takes in the cycle in the middle, of all by what they take."""
    return statistics.median(statistics.fmean(used[at : at + CYCLE]) for at in range(0, len(used), CYCLE))


async def _take_turns(sides: "list[_Side]", link: TapLink, ticks: int) -> None:
    deadline = now_ns()
    for tick in range(WARM_TICKS + ticks):
        for beat in range(BEATS):
            deadline += TICK_NS // BEATS
            await asyncio.sleep(max(0, deadline - now_ns()) / 1e9)
            for side in sides if tick % 2 else reversed(sides):
                side.send(beat)
                side.work(link if side is sides[1] else None, beat == BEATS - 1, tick)
                side.drain()


class _Side:
    """A switchboard and its peers."""

    def __init__(self, number: int, legs: int) -> None:
        self.outbox = Outbox()
        self.used: list[int] = []
        """ns of CPU, of each tick with its beats."""
        self._book = TapBook(self.outbox.add, self.outbox.add_packed)
        first = FIRST_PORT + number * PORTS
        self._board = Switchboard((first, first + PORTS - 1), self._book, lambda event: None)
        self._peers = [_Peer(leg) for leg in range(legs)]
        self._spent = 0

    async def open(self, tapped: bool) -> None:
        self._board.listen(ADDRESS, 0)
        for peer in self._peers:
            await peer.join(self._board)
        for room in range(len(self._peers) // 2):
            one, two = f"{2 * room}", f"{2 * room + 1}"
            taps = tuple(api.Tap(leg, f"{room:032x}", party) for party, leg in enumerate((one, two)))
            hearing = (api.Hear(one, two), api.Hear(two, one))
            await self._board.handle(api.SetRoom(str(room), hearing, taps if tapped else ()))

    def close(self) -> None:
        self._board.close()
        for peer in self._peers:
            peer.close()

    def send(self, beat: int) -> None:
        """The packets of a fifth of the peers."""
        for peer in self._peers[beat::BEATS]:
            peer.send()

    def drain(self) -> None:
        for peer in self._peers:
            peer.drain()

    def work(self, link: TapLink | None, is_tick: bool, tick: int) -> None:
        """What a worker does, and how long it takes."""
        began, now = time.thread_time_ns(), now_ns()
        if is_tick:
            self._board.tick(now)
            self._book.tick(now)
            if link is not None:
                link.tick(now)
            self._board.look_after_legs(now, tick % 20, 20)
        else:
            self._board.beat()
        self._spent += time.thread_time_ns() - began
        if is_tick:
            self.used.append(self._spent)
            self._spent = 0


class _Peer:
    def __init__(self, number: int) -> None:
        self._number = number
        self._sequence = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, 0))
        self._socket.setblocking(False)

    async def join(self, board: Switchboard) -> None:
        ours, name = make_crypto(), str(self._number)
        address, port = self._socket.getsockname()
        offer = Description(self._number + 1, address, port, (CODECS["PCMU"],), (ours,))
        command = api.AddRtpLeg(name, str(self._number // 2), ADDRESS, str(offer), "required", ("PCMU",), dtmf="events")
        media: Any = await board.handle(command)
        answer: Any = parse_sdp(media.sdp)
        self._to = answer.address, answer.port
        self._cipher = Cipher.of_sdes(ours, answer.crypto[0])

    def send(self) -> None:
        self._sequence += 1
        packet = RtpPacket(0, False, self._number + 1, self._sequence, self._sequence * 160, bytes([90]) * 160)
        self._socket.sendto(self._cipher.protect(serialize(packet)), self._to)

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(2048)

    def close(self) -> None:
        self._socket.close()
