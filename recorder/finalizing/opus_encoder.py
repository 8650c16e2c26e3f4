"""Linear samples to Opus, each channel in a stream of its own: what one side says is never heard on the other."""

from typing import Any

import numpy as np
from cffi import FFI
from numpy.typing import NDArray

FRAME_MS = 20
BITS_PER_CHANNEL = 24_000
COMPLEXITY = 2
"""An hour of two sides in well under 18 s."""
MAX_PACKET = 4000
_APPLICATION_AUDIO = 2049
_SET_BITRATE, _SET_COMPLEXITY, _GET_LOOKAHEAD = 4002, 4010, 4027

_ffi = FFI()
_ffi.cdef("""
typedef struct OpusMSEncoder OpusMSEncoder;
OpusMSEncoder *opus_multistream_encoder_create(int32_t rate, int channels, int streams, int coupled,
    const unsigned char *mapping, int application, int *error);
void opus_multistream_encoder_destroy(OpusMSEncoder *encoder);
int opus_multistream_encode(OpusMSEncoder *encoder, const int16_t *pcm, int size, unsigned char *data, int32_t most);
int opus_multistream_encoder_ctl(OpusMSEncoder *encoder, int request, ...);
""")
_opus: Any = _ffi.dlopen("libopus.so.0")


class OpusEncoder:
    """Encodes frames of FRAME_MS at 8000 or 16000 Hz."""

    def __init__(self, rate: int, channels: int) -> None:
        error = _ffi.new("int *")
        mapping = bytes(range(channels))
        made = _opus.opus_multistream_encoder_create(rate, channels, channels, 0, mapping, _APPLICATION_AUDIO, error)
        if error[0]:
            raise MemoryError("no Opus encoder")
        self._encoder = _ffi.gc(made, _opus.opus_multistream_encoder_destroy)
        self._out = _ffi.new(f"unsigned char[{MAX_PACKET}]")
        self._control(_SET_BITRATE, _ffi.cast("int32_t", BITS_PER_CHANNEL * channels))
        self._control(_SET_COMPLEXITY, _ffi.cast("int32_t", COMPLEXITY))
        lookahead = _ffi.new("int32_t *")
        self._control(_GET_LOOKAHEAD, lookahead)
        self.lookahead: int = lookahead[0]
        """By so many samples the decoded sound is later than what was encoded."""

    def encode(self, frame: NDArray[np.int16]) -> bytes:
        """One packet of (samples, channels)."""
        samples = np.ascontiguousarray(frame)
        pcm = _ffi.cast("int16_t *", samples.ctypes.data)
        length = _opus.opus_multistream_encode(self._encoder, pcm, len(samples), self._out, MAX_PACKET)
        if length < 0:
            raise AssertionError(f"libopus does not take a frame of {len(samples)} samples: {length}")
        return bytes(_ffi.buffer(self._out, length))

    def _control(self, request: int, argument: Any) -> None:
        if _opus.opus_multistream_encoder_ctl(self._encoder, request, argument):
            raise AssertionError(f"libopus refuses request {request}")
