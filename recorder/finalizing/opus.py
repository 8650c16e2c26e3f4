"""Opus to linear 16-bit samples at 16 kHz, by libopus (RFC 6716)."""

from typing import Any

import numpy as np
from cffi import FFI
from numpy.typing import NDArray

RATE = 16000
TIMESTAMPS_PER_SAMPLE = 3
"""The RTP clock of Opus is 48 kHz (RFC 7587 §4.1)."""
LOOKAHEAD_SECONDS = 0.0065
"""What comes out of the decoder is so much later than what the packet's timestamp says: the look-ahead of libopus'
encoder, the same in all modes but the restricted one (opus_encoder.c; RFC 7845 §4.2 calls it pre-skip)."""
MAX_SAMPLES = RATE * 120 // 1000

_ffi = FFI()
_ffi.cdef("""
typedef struct OpusDecoder OpusDecoder;
OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
void opus_decoder_destroy(OpusDecoder *decoder);
int opus_decode(OpusDecoder *decoder, const unsigned char *data, int32_t length, int16_t *pcm, int size, int fec);
int opus_packet_get_nb_samples(const unsigned char *packet, int32_t length, int32_t rate);
""")
_opus: Any = _ffi.dlopen("libopus.so.0")


class Undecodable(ValueError):
    """The packet is not Opus."""


class OpusDecoder:
    """Decodes one stream, packet after packet. Lost packets are not concealed: what was not received is silence."""

    def __init__(self) -> None:
        error = _ffi.new("int *")
        decoder = _opus.opus_decoder_create(RATE, 1, error)
        if error[0]:
            raise MemoryError("no Opus decoder")
        self._decoder = _ffi.gc(decoder, _opus.opus_decoder_destroy)
        self._pcm = np.zeros(MAX_SAMPLES, np.int16)
        self._out = _ffi.cast("int16_t *", self._pcm.ctypes.data)

    def decode(self, payload: bytes) -> NDArray[np.int16]:
        """Raises Undecodable."""
        count = _opus.opus_decode(self._decoder, payload, len(payload), self._out, MAX_SAMPLES, 0) if payload else -1
        if count < 0:
            raise Undecodable("not an Opus packet")
        return self._pcm[:count].copy()


def samples(payload: bytes) -> int:
    """How many samples the packet holds; 0 when it is not Opus (RFC 6716 §3.2.5)."""
    count: int = _opus.opus_packet_get_nb_samples(payload, len(payload), RATE) if payload else 0
    return max(count, 0)
