"""What the file holds of a rough network, beside what the listener's jitter buffer could play of the same packets."""

from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from recorder.wire import BATCH
from relay.api import Tap
from relay.codecs import g711
from relay.formats import Codec
from relay.playout.jitter import Content, JitterBuffer, Sound
from relay.streams.rtp import RtpPacket
from relay.tapping.outbox import Outbox
from relay.tapping.tap import TapBook
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import Delivered, start_of
from tests.support.impair import MS, Impairment, Network
from tests.support.tapper import EPOCH
from tests.support.tones import Samples

PCMU = Codec("PCMU")
SECONDS, STEP, TICK = 20, 160, 20 * MS
PACKETS = SECONDS * 50
FIRST, START = 1 << 16, 1 << 32
"""Sequence number and timestamp of the first packet."""
SETTLED = 100
"""Packets after which the jitter buffer knows its network, and before the end that may come when all is over."""
LENGTH_OF_A_FRAME = 4
REACH = 100 * 8
"""Samples after its sending within which a packet is looked for; those after it are not like it."""
MILLISECOND = 8
"""In samples. How much a path of 100 ms jitter delays is known to a few of them within seconds; over minutes to one."""
ROUGH = Impairment(jitter_ms=100, reorder=0.15, reorder_ms=60)
LATE = Impairment(jitter_ms=100, reorder=0.1, reorder_ms=500)


class Heard(NamedTuple):
    arrived: set[int]
    """Numbers of the packets that came, however late."""
    played: set[int]
    """Those that the listener's jitter buffer had a turn for."""
    file: Delivered


def noise() -> Samples:
    """Sound of which no packet is like another."""
    white = np.random.default_rng(5).normal(0, 3000, SECONDS * 8000 + 7)
    return np.asarray(np.convolve(white, np.full(8, 0.25), "valid"), np.int16)


def carry(folder: Path, network: Impairment, seed: int) -> Heard:
    """The same packets, tick by tick, to the jitter buffer and to the tap."""
    rows = g711.encode("PCMU", noise()).reshape(PACKETS, STEP)
    sent = [(EPOCH + number * TICK, number) for number in range(PACKETS)]
    coming = Network[int](network, seed).carry(sent)
    buffer, outbox = JitterBuffer(), Outbox()
    book = TapBook(outbox.add, outbox.add_packed)
    book.set_room("room", (Tap("leg", RECORDING, 0),), EPOCH)
    bodies, played = [], set[int]()
    payloads = {row.tobytes(): number for number, row in enumerate(rows)}
    at = 0
    for now in range(EPOCH + 7 * MS, EPOCH + SECONDS * 1000 * MS + 700 * MS, TICK):
        while at < len(coming) and coming[at].at_ns <= now:
            number = coming[at].packet
            packet = RtpPacket(0, False, 7, FIRST + number, START + number * STEP, rows[number].tobytes())
            book.packet("leg", packet, PCMU, coming[at].at_ns)
            if buffer.note(packet):
                buffer.put(packet, PCMU, Content(STEP), coming[at].at_ns)
            at += 1
        turn = buffer.take(now, STEP, False)
        if isinstance(turn, Sound):
            played.add(payloads[turn.payload])
        book.tick(now)
        if batch := outbox.close_batch(now):
            bodies.append(b"".join(batch)[LENGTH_OF_A_FRAME + BATCH.size :])
            outbox.acknowledge(len(bodies))
    book.drop_leg("leg", EPOCH + SECONDS * 1000 * MS + 700 * MS)
    bodies.append(b"".join(outbox.close_batch(0))[LENGTH_OF_A_FRAME + BATCH.size :])
    room = Room(folder)
    made = room.spool_bodies(start_of(RECORDING), bodies)
    room.finalize(made)
    return Heard({one.packet for one in coming[:at]}, played, room.open(made))


def places(sound: Samples, packets: set[int]) -> list[int]:
    """By how many samples each is heard later than it was sent; packets that are not heard at all have no place."""
    found = []
    decoded = g711.decode_bytes("PCMU", g711.encode("PCMU", noise()).tobytes()).reshape(PACKETS, STEP)
    for number in packets:
        windows = sliding_window_view(sound[number * STEP :][: STEP + REACH].astype(np.float64), STEP)
        length = np.linalg.norm(windows, axis=1) * np.linalg.norm(decoded[number].astype(np.float64))
        likeness = windows @ decoded[number].astype(np.float64) / np.maximum(length, 1.0)
        found += [int(likeness.argmax())] if likeness.max() > 0.8 else []
    return found


@pytest.mark.parametrize(
    ("network", "loss", "seed"),
    [(ROUGH, 0.05, 1), (ROUGH, 0.2, 2), (LATE, 0.0, 3), (LATE, 0.05, 4), (LATE, 0.2, 5)],
)
def test_every_packet_that_came_is_in_the_file_and_more_than_the_ear_got(
    tmp_path: Path, network: Impairment, loss: float, seed: int
) -> None:
    arrived, played, file = carry(tmp_path, msgspec.structs.replace(network, loss=loss), seed)
    settled = set(range(SETTLED, PACKETS - SETTLED))
    heard = places(file.left, arrived & settled)
    assert len(heard) == len(arrived & settled)
    assert max(heard) - min(heard) <= 8 * MILLISECOND
    assert file.manifest.parties[0].packets == len(arrived)
    assert played <= arrived
    if network is LATE:
        assert len(played & settled) < 0.95 * len(arrived & settled)
    missing = {at for gap in file.manifest.gaps for at in range(gap.start_ms, gap.end_ms)}
    for number in settled:
        assert (number * 20 + round(np.median(heard)) // 8 + 10 in missing) == (number not in arrived)
