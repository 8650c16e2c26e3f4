"""What the tap of one packet costs a relay worker.

The difference of two CPU times of whole workers is smaller than what they vary by, so it is timed alone, as the worker
runs it, batches and clocks included."""

import time

from recorder.wire import ACKNOWLEDGEMENT
from relay.api import Tap
from relay.formats import Codec
from relay.streams.rtp import RtpPacket
from relay.tapping.outbox import Outbox
from relay.tapping.tap import TapBook

ROUNDS, TICKS, LEGS = 5, 200, 200
TICK_NS = 20_000_000
PACKETS_PER_SECOND = 50


def tap_us() -> float:
    """Microseconds of CPU a packet, the quickest of some rounds."""
    return min(_round() for _ in range(ROUNDS)) / (TICKS * LEGS) * 1e6


def share_percent(us: float, millicores_per_leg: float) -> float:
    """Of the relay's CPU time for a leg that sends and is sent fifty packets a second."""
    return 100 * us * PACKETS_PER_SECOND / 1000 / millicores_per_leg


def _round() -> float:
    outbox = Outbox()
    book = TapBook(outbox.add, outbox.add_packed)
    for room in range(LEGS // 2):
        book.set_room(f"{room}", [Tap(f"{room}/{party}", f"{room:032x}", party) for party in range(2)], 0)
    names = [f"{room}/{party}" for room in range(LEGS // 2) for party in range(2)]
    codec, payload = Codec("PCMU"), bytes(160)
    began = time.process_time()
    for tick in range(TICKS):
        now = tick * TICK_NS
        for name in names:
            book.packet(name, RtpPacket(0, False, 7, tick, 160 * tick, payload), codec, now)
        book.tick(now)
        outbox.close_batch(now)
        outbox.acknowledge(ACKNOWLEDGEMENT.unpack(ACKNOWLEDGEMENT.pack(tick + 1))[0])
    return time.process_time() - began
