"""Opus (RFC 6716) by libopus, called through cffi without a compiler. Mono, natively at 8, 16 or 48 kHz."""

from typing import Any, Final

import cffi
import numpy as np
import numpy.typing as npt

from relay.streams.malformed import OpusError

Samples = npt.NDArray[np.int16]

CLOCK: Final = 48_000
"""The RTP clock, whatever rate is decoded to (RFC 7587 §4.1)."""
MAX_PACKET_MS: Final = 120
COMPLEXITY: Final = {8000: 1, 16_000: 3, 48_000: 5}
"""By rate. At 8 kHz 1 takes half the time of 5 for a hundredth of a point of PESQ less; at 16 kHz 3 takes three
quarters of it for 0.05 less, and 1, which takes half of it, would cost 0.12."""
FEC_PERCENT: Final = 10
"""Of loss that an encoder is told to expect for copies of the packet before. At 24 kbit/s and 16 kHz it makes them for
no less; below some 20 kbit/s it never does."""

_MAX_BYTES: Final = 1275 * 3 + 7
_VOIP: Final = 2048
_SET_BITRATE, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS, _SET_DTX, _SET_SIGNAL = 4002, 4010, 4012, 4014, 4016, 4024
_SIGNAL_VOICE: Final = 3001
_RESET_STATE: Final = 4028
_FIRST_HYBRID, _FIRST_CELT, _STEREO = 12 << 3, 16 << 3, 1 << 2
"""Of the first octet (RFC 6716 §3.1)."""
_SILK_FRAMES: Final = (1, 1, 2, 3)
"""Of 20 ms or, the first, 10 ms in a frame of 10, 20, 40 and 60 ms."""

# cffi's types know neither a library that is opened at run time nor, on Python 3.11, numpy's buffers.
_ffi: Any = cffi.FFI()
_ffi.cdef("""
    typedef struct OpusEncoder OpusEncoder;
    typedef struct OpusDecoder OpusDecoder;
    int opus_encoder_init(OpusEncoder *st, int32_t rate, int channels, int application);
    int32_t opus_encode(OpusEncoder *st, const int16_t *pcm, int frame_size, unsigned char *data, int32_t max_bytes);
    int opus_encoder_get_size(int channels);
    int opus_encoder_ctl(OpusEncoder *st, int request, ...);
    int opus_decoder_ctl(OpusDecoder *st, int request, ...);
    OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
    int opus_decode(OpusDecoder *st, const unsigned char *data, int32_t len, int16_t *pcm, int frame_size, int fec);
    void opus_decoder_destroy(OpusDecoder *st);
    int opus_packet_get_nb_samples(const unsigned char *data, int32_t len, int32_t rate);
    int opus_packet_parse(const unsigned char *data, int32_t len, unsigned char *toc, const unsigned char *frames[48],
                          int16_t size[48], int *payload_offset);
""")
_lib: Any = _ffi.dlopen("libopus.so.0")
_out: Any = _ffi.new(f"unsigned char[{_MAX_BYTES}]")
_sound = np.empty(CLOCK * MAX_PACKET_MS // 1000, np.int16)
_sound_at: Any = _ffi.from_buffer("int16_t[]", _sound)
"""What is decoded, at most that at once."""
_ENCODER_SIZE: int = _lib.opus_encoder_get_size(1)


def duration(payload: bytes) -> int:
    """How much sound a packet holds, in units of CLOCK. Raises OpusError."""
    samples = int(_lib.opus_packet_get_nb_samples(payload, len(payload), CLOCK)) if payload else -1
    if not 0 < samples <= CLOCK * MAX_PACKET_MS // 1000:
        raise OpusError("no length can be read from the packet")
    return samples


def is_dtx(payload: bytes) -> bool:
    """Whether a packet says that silence follows and nothing is sent for it (RFC 6716 §2.1.9)."""
    return len(payload) <= 2


def has_copy(payload: bytes) -> bool:
    """Whether a packet that has a duration carries the sound before it, too: low bit-rate redundancy (RFC 6716
    §4.2.4)."""
    toc = payload[0]
    if toc >= _FIRST_CELT:
        return False
    # After a voice activity flag of each SILK frame comes that of the redundancy; in stereo the same of the side.
    frames = _SILK_FRAMES[toc >> 3 & 3] if toc < _FIRST_HYBRID else 1
    first = _first_octet(payload)
    return bool(first >> (7 - frames) & 1 or (toc & _STEREO and first >> (6 - 2 * frames) & 1))


def copy_flags(toc: int) -> int:
    """The bits after the first octet of a packet of one frame of 20 ms that say that it carries a copy."""
    if toc >= _FIRST_CELT:
        return 0
    return 0x50 if toc & _STEREO else 0x40


def _first_octet(payload: bytes) -> int:
    """Of the first frame; 0 if that is empty or there is none."""
    if payload[0] & 3 < 2:  # one frame, or two of one size (RFC 6716 §3.2.2 and §3.2.3)
        return payload[1] if len(payload) > 1 else 0
    frames, sizes = _ffi.new("const unsigned char *[48]"), _ffi.new("int16_t[48]")
    count = _lib.opus_packet_parse(payload, len(payload), _ffi.NULL, frames, sizes, _ffi.NULL)
    return int(frames[0][0]) if count > 0 and sizes[0] else 0


def functions() -> tuple[int, int]:
    """Addresses of libopus' functions that decode and encode, as opus.h has them."""
    return _address(_lib.opus_decode), _address(_lib.opus_encode)


def _address(pointer: Any) -> int:
    return int(_ffi.cast("intptr_t", pointer))


class Encoder:
    """One stream's encoder; what it does next depends on what it did before."""

    def __init__(self, rate: int, bitrate: int) -> None:
        self._memory = _ffi.new("char[]", _ENCODER_SIZE)
        self._state = _ffi.cast("OpusEncoder *", self._memory)
        self.address = _address(self._state)
        """Of libopus' encoder; it holds while this object lives."""
        if _lib.opus_encoder_init(self._state, rate, 1, _VOIP):
            raise ValueError("no Opus encoder for this rate")
        self._set(_SET_BITRATE, bitrate)
        self._set(_SET_COMPLEXITY, COMPLEXITY[rate])
        self._set(_SET_FEC, 1)
        self._set(_SET_SIGNAL, _SIGNAL_VOICE)

    def encode(self, samples: Samples) -> bytes:
        """A packet of 10, 20, 40 or 60 ms of sound."""
        source = _ffi.from_buffer("int16_t[]", np.ascontiguousarray(samples))
        size = _lib.opus_encode(self._state, source, len(source), _out, _MAX_BYTES)
        if size < 0:
            raise ValueError("not a length that Opus has")
        return bytes(_ffi.buffer(_out, size))

    def copy(self) -> "Encoder":
        """An encoder that goes on from here by itself: its next packet follows on the last one of this."""
        made = Encoder.__new__(Encoder)
        made._memory = _ffi.new("char[]", _ENCODER_SIZE)
        made._state = _ffi.cast("OpusEncoder *", made._memory)
        made.address = _address(made._state)
        # opus.h says of the state: "It is position independent and can be freely copied."
        _ffi.memmove(made._memory, self._memory, _ENCODER_SIZE)
        return made

    def expect_loss(self, percent: int) -> None:
        """Of packets. With any, part of the bit rate goes to copies of the packet before, which costs quality where
        nothing is lost."""
        self._set(_SET_LOSS, percent)

    def leave_out_silence(self) -> None:
        """From now on a frame of silence is a packet that need not be sent (`is_dtx`), but for one each 400 ms."""
        self._set(_SET_DTX, 1)

    def _set(self, request: int, value: int) -> None:
        if _lib.opus_encoder_ctl(self._state, request, _ffi.cast("int", value)):
            raise ValueError("the Opus encoder refuses a setting")


class Decoder:
    """One stream's decoder; stereo packets come out mixed to mono."""

    def __init__(self, rate: int) -> None:
        error = _ffi.new("int *")
        state = _lib.opus_decoder_create(rate, 1, error)
        if error[0]:
            raise ValueError("no Opus decoder for this rate")
        self._state = _ffi.gc(state, _lib.opus_decoder_destroy)
        self.rate = rate
        self.address = _address(self._state)
        """Of libopus' decoder; it holds while this object lives."""

    def decode(self, payload: bytes) -> Samples:
        """The sound of a packet. Raises OpusError; the decoder can go on after it."""
        return self._run(payload, self.rate * MAX_PACKET_MS // 1000, 0)

    def recover(self, following: bytes, samples: int) -> Samples:
        """The sound lost just before `following`, from the copy that this may carry; concealed if it carries none."""
        return self._run(following, samples, 1)

    def conceal(self, samples: int) -> Samples:
        """Sound made up from what came before, fading with each further call."""
        return self._run(None, samples, 0)

    def reset(self) -> None:
        """Forgets what was decoded before."""
        _lib.opus_decoder_ctl(self._state, _RESET_STATE)

    def _run(self, payload: bytes | None, room: int, fec: int) -> Samples:
        data = _ffi.NULL if payload is None else payload
        done = _lib.opus_decode(self._state, data, len(payload or b""), _sound_at, min(room, len(_sound)), fec)
        if done < 0:
            raise OpusError("the packet cannot be decoded")
        return _sound[:done].copy()
