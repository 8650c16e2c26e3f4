"""Whatever authenticated packets come, in whatever order, nothing is raised and a tick is 20 ms of sound or silence.

The figures add up: nothing is negative, and nothing counted that did not come.
"""

import struct

from relay.formats import Codec
from relay.playout.receiving import Octets, Receiver
from relay.streams.rtp import RtpPacket, StreamExtender, serialize

RECEIVE = {
    0: Codec("PCMU"),
    8: Codec("PCMA"),
    9: Codec("G722"),
    97: Codec("L16"),
    98: Codec("L16", 16000),
    13: Codec("CN"),
    96: Codec("opus", 48000, 2),
    101: Codec("telephone-event"),
}
TYPES = (0, 8, 13, 96, 101, 99, 9, 97, 98)
MAX_PACKETS = 40

_STEP = struct.Struct("!BbhB")
"""What kind of packet from which source; steps of sequence number and of timestamp; length of the payload."""

MS = 1_000_000


def _steps(*steps: tuple[int, int, int, bytes]) -> bytes:
    return b"".join(_STEP.pack(kind, ahead, later, len(payload)) + payload for kind, ahead, later, payload in steps)


SEEDS: list[bytes] = [
    _steps(*[(0, 1, 160, b"\x12" * 160)] * 6),
    _steps((0, 1, 160, b"\x12" * 160), (0, 3, 480, b"\x12" * 80), (0, -2, -320, b"\x12" * 240), (0, 1, 160, b"\x12")),
    _steps((3, 1, 960, b"\x48\x0b\xe4"), (3, 1, 960, b"\xff\xff"), (3, 2, 1920, b"\x48"), (0x43, 1, 960, b"\x4b\x41")),
    _steps((6, 1, 160, b"\x12" * 160), (7, 1, 80, b"\x12" * 160), (6, 2, 320, b"\x12" * 81), (8, 1, 80, b"\x12" * 162)),
    _steps((2, 1, 160, b"\x1e\xb4"), (4, 1, 0, b"\x05\x8a\x01\x40"), (0, 1, 30_000, b"\x12" * 160), (5, 1, 160, b"x")),
]


def one_input(data: bytes) -> None:
    receiver, extender = Receiver(RECEIVE, 16000), StreamExtender()
    at = received = sequence = timestamp = 0
    while at + _STEP.size <= len(data) and received < MAX_PACKETS:
        kind, ahead, later, length = _STEP.unpack_from(data, at)
        payload = data[at + _STEP.size : at + _STEP.size + length]
        at += _STEP.size + length
        sequence, timestamp = (sequence + ahead) % 65536, (timestamp + later) % 2**32
        packet = RtpPacket(TYPES[(kind & 0x3F) % len(TYPES)], False, kind >> 6, sequence, timestamp, payload)
        received += 1
        receiver.receive(extender.read(serialize(packet)), received * 20 * MS)
        _pull(receiver, received * 20 * MS + 7 * MS)
    for number in range(received, received + 8):
        _pull(receiver, (number + 1) * 20 * MS + 7 * MS)
    stats = receiver.jitter.stats
    assert 0 <= stats.received + stats.duplicated <= received
    assert stats.lost >= 0
    assert 0 <= stats.late <= received
    assert receiver.unknown <= received


def _pull(receiver: Receiver, now_ns: int) -> None:
    frame = receiver.pull(now_ns, False)
    if frame is not None:
        length = len(frame.payload) if isinstance(frame, Octets) else len(frame)
        assert length * 50 == receiver.rate
    assert all(digit and duration_ms >= 0 for digit, duration_ms in receiver.digits(now_ns))


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
