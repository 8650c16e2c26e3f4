from typing import get_args

import numpy as np
import pytest

from relay.api import ToneName
from relay.playing.tones import COUNTRIES, RATE, cadence_of, render
from tests.support.tones import level_of, loudest_other, rms_of

EVERY = [(country, tone) for country in COUNTRIES for tone in get_args(ToneName)]


def test_the_table_has_every_tone_of_at_least_five_countries() -> None:
    assert {"US", "GB", "DE", "FR", "JP"} <= COUNTRIES.keys()
    assert all(set(tones) == set(get_args(ToneName)) for tones in COUNTRIES.values())
    with pytest.raises(KeyError):
        cadence_of("busy", "XX")


@pytest.mark.parametrize(("country", "tone"), EVERY)
def test_each_pulse_has_its_frequencies_its_length_and_its_level(country: str, tone: ToneName) -> None:
    cadence = cadence_of(tone, country)
    sound = render(cadence)
    at = 0
    for pulse in cadence:
        part = sound[at : at + RATE * pulse.ms // 1000]
        at += len(part)
        if not pulse.hertz:
            assert not part.any()
            continue
        assert -18 < rms_of(part) < -10
        for hertz in pulse.hertz:
            assert level_of(part, RATE, hertz) > -24
        if len(pulse.hertz) == 1 and not pulse.modulation and pulse.ms >= 250:
            assert loudest_other(part, RATE, pulse.hertz[0], 40) < -30
    assert at == len(sound)


@pytest.mark.parametrize(("country", "tone"), EVERY)
def test_rounds_follow_each_other_without_a_click(country: str, tone: ToneName) -> None:
    """No sample is farther from its neighbours than in the middle of the sound."""
    sound = render(cadence_of(tone, country)).astype(np.int64)
    steps = np.abs(np.diff(np.concatenate([sound, sound, sound[:1]])))
    longest = np.abs(np.diff(sound[RATE * 20 // 1000 : RATE * 60 // 1000])).max()
    assert steps.max() <= longest * 1.6


def test_the_ringback_of_japan_is_modulated() -> None:
    sound = render(cadence_of("ringback", "JP"))[:RATE]
    for side in (384, 416):
        assert level_of(sound, RATE, side) > level_of(sound, RATE, 400) - 7
