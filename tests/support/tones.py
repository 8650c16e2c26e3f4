"""Tones made and measured. Levels are dBFS of a sine: 0 dBFS is a sine whose peaks touch full scale. Pure."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

FULL_SCALE = 32767.0
SILENCE_DBFS = -120.0
"""What is said of no sound at all."""


def tone(freq: float, seconds: float, rate: int, dbfs: float = -10.0) -> Samples:
    """A sine that begins at a zero."""
    times = np.arange(round(seconds * rate)) / rate
    return np.round(FULL_SCALE * 10 ** (dbfs / 20) * np.sin(2 * np.pi * freq * times)).astype(np.int16)


def level_of(samples: npt.ArrayLike, rate: int, freq: float) -> float:
    """How loud the tone of `freq` Hz is in the samples, in dBFS (windowed correlation: some 4/length Hz wide)."""
    values = np.asarray(samples, dtype=np.float64)
    if values.size == 0:
        return SILENCE_DBFS
    window = np.hanning(values.size + 2)[1:-1]
    turn = np.exp(-2j * np.pi * freq * np.arange(values.size) / rate)
    return _dbfs(2 * abs(np.sum(values * window * turn)) / float(window.sum()))


def rms_of(samples: npt.ArrayLike) -> float:
    """How loud all of it is, in dBFS: a lone sine gives the same as `level_of`."""
    values = np.asarray(samples, dtype=np.float64)
    return _dbfs(float(np.sqrt(2 * np.mean(values**2)))) if values.size else SILENCE_DBFS


def dominant(samples: npt.ArrayLike, rate: int) -> float:
    """The frequency in Hz of the loudest tone, to a small part of a bin; 0.0 of silence."""
    values = np.asarray(samples, dtype=np.float64)
    if values.size < 8 or not values.any():
        return 0.0
    spectrum = np.abs(np.fft.rfft((values - values.mean()) * np.hanning(values.size)))
    peak = int(np.clip(np.argmax(spectrum), 1, spectrum.size - 2))
    below, at, above = np.log(spectrum[peak - 1 : peak + 2] + 1e-9)
    # The logarithm of a Hann window's main lobe is close to a parabola.
    shift = 0.5 * (below - above) / (below - 2 * at + above)
    return float((peak + shift) * rate / values.size)


def residue_of(samples: npt.ArrayLike, rate: int, freq: float) -> float:
    """What is left in dB relative to the tone of `freq` Hz once that tone is taken out: THD+N."""
    values = np.asarray(samples, dtype=np.float64)
    angle = 2 * np.pi * freq * np.arange(values.size) / rate
    basis = np.stack([np.sin(angle), np.cos(angle), np.ones(values.size)], axis=1)
    fit = basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return rms_of(values - fit) - rms_of(fit)


def loudest_other(samples: npt.ArrayLike, rate: int, freq: float, width: float = 20.0) -> float:
    """The loudest tone farther than `width` Hz from `freq`, in dB relative to the one at `freq`."""
    values = np.asarray(samples, dtype=np.float64)
    window = np.blackman(values.size)
    spectrum = np.abs(np.fft.rfft(values * window))
    away = np.abs(np.fft.rfftfreq(values.size, 1 / rate) - freq) > width
    return _dbfs(2 * float(spectrum[away].max()) / float(window.sum())) - level_of(values, rate, freq)


def _dbfs(peak: float) -> float:
    return max(20 * float(np.log10(max(peak, 1e-9) / FULL_SCALE)), SILENCE_DBFS)
