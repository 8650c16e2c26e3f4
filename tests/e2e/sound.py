"""What must be true of a sound: this tone and none of those."""

import numpy as np

from tests.support.tones import Samples, level_of, rms_of

LOUD = -25.0
"""dBFS that every tone of a test reaches on its way (the callers and microphones play at about -12)."""
ABSENT = -55.0
"""dBFS that no tone may reach where it does not belong."""
QUIET = 58
"""A sample at ABSENT."""
ONSET_SECONDS = 0.02


def assert_only(samples: Samples, rate: int, wanted: float, *others: float) -> None:
    """The wanted tone is there, the others are not."""
    levels = {frequency: round(level_of(samples, rate, frequency), 1) for frequency in (wanted, *others)}
    assert levels[wanted] > LOUD, f"{wanted} Hz is missing: {levels}"
    for frequency in others:
        assert levels[frequency] < ABSENT, f"{frequency} Hz does not belong here: {levels}"


def assert_silent(samples: Samples) -> None:
    level = rms_of(samples)
    assert level < ABSENT, f"{level:.1f} dBFS where there should be silence"


def assert_begins_with(samples: Samples, rate: int, wanted: float, *others: float) -> None:
    """Silence, and then the wanted tone alone. The onset itself, which sounds at every frequency, is not judged."""
    sounding = np.flatnonzero(np.abs(samples) > QUIET)
    assert len(sounding), f"{wanted} Hz never begins"
    onset = int(sounding[0])
    assert onset < len(samples) // 2, f"nothing sounds for {onset / rate:.3f} s"
    assert_only(samples[onset + int(ONSET_SECONDS * rate) :], rate, wanted, *others)


def end_of(heard: tuple[Samples, int], seconds: float) -> tuple[Samples, int]:
    """The last seconds."""
    samples, rate = heard
    return samples[-int(seconds * rate) :], rate


def part(samples: Samples, rate: int, start: float, end: float) -> Samples:
    """From `start` to `end`, in seconds."""
    return samples[int(start * rate) : int(end * rate)]


def windows_without(samples: Samples, rate: int, frequency: float, seconds: float = 0.1) -> int:
    """In how many windows the tone is missing."""
    size = int(seconds * rate)
    count = len(samples) // size
    pieces = np.split(samples[: count * size], count)
    return sum(level_of(piece, rate, frequency) < LOUD for piece in pieces)
