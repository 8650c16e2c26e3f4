"""Linear samples to FLAC (RFC 9639), by libFLAC."""

from typing import Any

import numpy as np
from cffi import FFI
from numpy.typing import NDArray

LEVEL = 5
"""Of compression, 0 to 8."""
BITS = 16

_ffi = FFI()
_ffi.cdef("""
typedef struct FLAC__StreamEncoder FLAC__StreamEncoder;
typedef int (*write_callback)(const FLAC__StreamEncoder *encoder, const uint8_t *data, size_t size, uint32_t samples,
    uint32_t frame, void *client);
FLAC__StreamEncoder *FLAC__stream_encoder_new(void);
void FLAC__stream_encoder_delete(FLAC__StreamEncoder *encoder);
int FLAC__stream_encoder_set_channels(FLAC__StreamEncoder *encoder, uint32_t value);
int FLAC__stream_encoder_set_bits_per_sample(FLAC__StreamEncoder *encoder, uint32_t value);
int FLAC__stream_encoder_set_sample_rate(FLAC__StreamEncoder *encoder, uint32_t value);
int FLAC__stream_encoder_set_compression_level(FLAC__StreamEncoder *encoder, uint32_t value);
int FLAC__stream_encoder_set_total_samples_estimate(FLAC__StreamEncoder *encoder, uint64_t value);
int FLAC__stream_encoder_init_stream(FLAC__StreamEncoder *encoder, write_callback write, void *seek, void *tell,
    void *metadata, void *client);
int FLAC__stream_encoder_process_interleaved(FLAC__StreamEncoder *encoder, const int32_t *samples, uint32_t count);
int FLAC__stream_encoder_finish(FLAC__StreamEncoder *encoder);
""")
_flac: Any = _ffi.dlopen("libFLAC.so.12")


class FlacEncoder:
    """Encodes one stream of so many `frames`, samples a channel, from front to end: nothing in it is mended later."""

    def __init__(self, rate: int, channels: int, frames: int) -> None:
        made = _flac.FLAC__stream_encoder_new()
        if made == _ffi.NULL:
            raise MemoryError("no FLAC encoder")
        self._encoder = _ffi.gc(made, _flac.FLAC__stream_encoder_delete)
        self._made = bytearray()
        self._write = _ffi.callback("write_callback", self._take, error=1)
        for name, value in (
            ("channels", channels),
            ("bits_per_sample", BITS),
            ("sample_rate", rate),
            ("compression_level", LEVEL),
            ("total_samples_estimate", frames),
        ):
            self._check(getattr(_flac, f"FLAC__stream_encoder_set_{name}")(self._encoder, value))
        null = _ffi.NULL
        self._check(not _flac.FLAC__stream_encoder_init_stream(self._encoder, self._write, null, null, null, null))
        self.head = self._taken()
        """The marker and the metadata."""

    def encode(self, block: NDArray[np.int16]) -> bytes:
        """What comes of (samples, channels) by now."""
        samples = np.ascontiguousarray(block, np.int32)
        pointer = _ffi.cast("int32_t *", samples.ctypes.data)
        self._check(_flac.FLAC__stream_encoder_process_interleaved(self._encoder, pointer, len(samples)))
        return self._taken()

    def finish(self) -> bytes:
        """What was held back."""
        self._check(_flac.FLAC__stream_encoder_finish(self._encoder))
        return self._taken()

    def _take(self, _: Any, data: Any, size: int, *__: Any) -> int:
        self._made += _ffi.buffer(data, size)
        return 0

    def _taken(self) -> bytes:
        made = bytes(self._made)
        self._made.clear()
        return made

    def _check(self, done: Any) -> None:
        if not done:
            raise AssertionError("libFLAC refuses what it was given")
