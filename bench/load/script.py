"""All packets of a measurement, made before it begins: sending them is then one system call a turn. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.call.codecs import CODECS
from bench.call.rtp import RtpPacket
from bench.call.srtp import Cipher
from bench.load.batches import Address, Octets
from bench.load.sound import FRAMES_A_SECOND, payloads
from bench.load.work import Leg

HEADER = 12
_FIRST_SSRC = 0x1000_0000


@dataclass(frozen=True)
class Line:
    """How a leg reaches the server, as negotiated."""

    leg: Leg
    remote: Address
    payload_type: int
    cipher: Cipher | None = None


@dataclass(frozen=True)
class Script:
    """Row (frame, leg) is the packet that this leg sends in this frame of 20 ms."""

    data: Octets
    sizes: npt.NDArray[np.int64]

    @property
    def frames(self) -> int:
        return len(self.sizes)


def write(
    lines: list[Line],
    seconds: float,
    tell: Callable[[float], None] = lambda done: None,
    said: Callable[[Leg], list[bytes]] = payloads,
) -> Script:
    """`tell` hears what share is done; `said` makes what a leg says again and again."""
    words = [said(line.leg) for line in lines]
    width = HEADER + 16 + max(len(payload) for second in words for payload in second)
    frames = round(seconds * FRAMES_A_SECOND)
    data = np.zeros((frames, len(lines), width), np.uint8)
    sizes = np.zeros((frames, len(lines)), np.int64)
    for column, (line, second) in enumerate(zip(lines, words, strict=True)):
        for frame in range(frames):
            packet = _packet(line, frame, second)
            data[frame, column, : len(packet)] = np.frombuffer(packet, np.uint8)
            sizes[frame, column] = len(packet)
        tell((column + 1) / len(lines))
    return Script(data, sizes)


def _packet(line: Line, frame: int, second: list[bytes]) -> bytes:
    clock = CODECS[line.leg.codec].clock_rate // FRAMES_A_SECOND
    payload = second[frame % len(second)]
    ssrc = _FIRST_SSRC + line.leg.number
    packet = bytes(RtpPacket(line.payload_type, frame, frame * clock, ssrc, payload, marker=frame == 0))
    return packet if line.cipher is None else line.cipher.protect(packet)
