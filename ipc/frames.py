"""Length-prefixed frames: four bytes of length in network order, then that many bytes. Pure."""

import struct

LENGTH = struct.Struct("!I")
MAX_FRAME = 16 * 1024 * 1024


class FrameError(ValueError):
    """The peer announced a frame longer than MAX_FRAME: the stream cannot be trusted any more."""


def frame(payload: bytes) -> bytes:
    """The payload as one frame. Raises FrameError when it is longer than MAX_FRAME."""
    return b"".join(head_and([payload]))


def head_and(parts: list[bytes]) -> list[bytes]:
    """A payload in parts with the length that makes a frame of them before it. Raises as `frame`."""
    size = sum(map(len, parts))
    if size > MAX_FRAME:
        raise FrameError(f"frame of {size} bytes exceeds {MAX_FRAME}")
    return [LENGTH.pack(size), *parts]


class FrameReader:
    """Cuts a byte stream into frames, however it was split on the way."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are complete now. Raises FrameError; the reader is then of no more use."""
        self._buffer += data
        frames = []
        start = 0
        while len(self._buffer) - start >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME:
                raise FrameError(f"frame of {length} bytes exceeds {MAX_FRAME}")
            end = start + LENGTH.size + length
            if len(self._buffer) < end:
                break
            frames.append(bytes(self._buffer[start + LENGTH.size : end]))
            start = end
        del self._buffer[:start]
        return frames
