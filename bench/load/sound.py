"""What a leg says: a tone of its own, and once a second a marker by which its way through the server is timed. Pure.

A marker is a chirp of 20 ms, one packet long. Correlation finds it to the sample under tones, codecs and noise."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from bench.call.codecs import CODECS, OPUS, PCMU, Samples
from bench.load.work import CodecName, Leg

FRAMES_A_SECOND = 50
TONE_PEAK = 5000
MARKER_PEAK = 12000
_MARKER_HZ = (600.0, 3000.0)
_OPUS_SETTLES = 1
"""Seconds of the same sound before what is used, so that the coder's state at the end meets that at the beginning."""
RATES: dict[CodecName, int] = {"PCMU": 8000, "opus": 48000}


@lru_cache
def marker(rate: int) -> Samples:
    """The chirp at a sample rate."""
    length = rate // FRAMES_A_SECOND
    at = np.arange(length) / rate
    first, last = _MARKER_HZ
    phase = 2 * np.pi * (first * at + (last - first) * at * at * FRAMES_A_SECOND / 2)
    wave: Samples = np.rint(MARKER_PEAK * np.sin(phase) * np.hanning(length) ** 0.25).astype(np.int16)
    return wave


def second(leg: Leg) -> Samples:
    """One second, that can be said again and again without a jump: tones are whole Hz."""
    rate = RATES[leg.codec]
    if leg.tone is None:
        return np.zeros(rate, np.int16)
    sound: Samples = np.rint(TONE_PEAK * np.sin(2 * np.pi * leg.tone * np.arange(rate) / rate)).astype(np.int16)
    start = round(leg.slot * rate)
    sound[start : start + len(marker(rate))] += marker(rate)  # an interrupted tone would be heard at other frequencies
    return sound


def payloads(leg: Leg) -> list[bytes]:
    """A second of it, as the payloads of 50 packets."""
    return _coded(leg.codec, second(leg))


def _coded(codec: CodecName, sound: Samples) -> list[bytes]:
    if codec == "PCMU":
        frames = PCMU.make_encoder().encode(sound)
        return [frames[at : at + 160] for at in range(0, len(frames), 160)]
    encoder = OPUS.make_encoder()
    coded = [encoder.encode(frame) for frame in np.tile(sound, _OPUS_SETTLES + 2).reshape(-1, OPUS.frame)]
    whole = [packet for packet in coded if packet]
    return whole[_OPUS_SETTLES * FRAMES_A_SECOND :][:FRAMES_A_SECOND]


@lru_cache
def held_back(codec: CodecName) -> float:
    """How much later a sound comes out of the coder and its decoder, back to back, than it went in, in seconds."""
    speaker = Leg(0, 0, codec, False, None)
    silence = second(speaker)
    silence[: len(marker(RATES[codec]))] = marker(RATES[codec])
    decoder = CODECS[codec].make_decoder()
    heard = np.concatenate([decoder.decode(payload) for payload in _coded(codec, silence)])
    return float(find_markers(heard.astype(np.float32), RATES[codec])[0]) / RATES[codec]


def find_markers(heard: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.intp]:
    """The samples at which markers begin, in order; half as loud as sent is loud enough."""
    chirp = marker(rate).astype(np.float32)
    size = 1 << (len(heard) + len(chirp)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(chirp, size)), size)[: len(heard)]
    likeness = np.abs(likeness) / float(np.dot(chirp, chirp))
    found: list[int] = []
    apart = len(chirp)
    for at in np.flatnonzero(likeness > 0.4).tolist():
        if found and at - found[-1] < apart:
            if likeness[at] > likeness[found[-1]]:
                found[-1] = at
        else:
            found.append(at)
    return np.array(found, np.intp)
