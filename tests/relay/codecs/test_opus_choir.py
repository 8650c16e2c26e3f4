"""Encoding together makes what encoding one by one makes."""

import numpy as np
import pytest

from relay.codecs import opus, opus_choir
from relay.codecs.opus_choir import encode_each, one_by_one
from tests.support.tones import tone


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_together_and_one_by_one_make_the_same(rate: int) -> None:
    count, frame = 5, rate // 50
    sounds = np.stack([tone(300 + 200 * number, 1.0, rate) for number in range(count)]).reshape(count, 50, frame)
    sounds[3] = 0
    one, other = ([opus.Encoder(rate, 24_000 + 4000 * number) for number in range(count)] for _ in range(2))
    for turn in range(50):
        assert encode_each(one, sounds[:, turn]) == one_by_one(other, sounds[:, turn])
        assert encode_each(one[:2], sounds[:2, turn]) == one_by_one(other[:2], sounds[:2, turn])


def test_the_extension_is_what_is_used() -> None:
    assert opus_choir._encode_each is not one_by_one


def test_what_libopus_refuses_is_told_for_each() -> None:
    encoders = [opus.Encoder(8000, 24_000) for _ in range(2)]
    for way in (encode_each, one_by_one):
        outcomes = way(encoders, np.zeros((2, 161), np.int16))
        assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
    assert all(isinstance(outcome, bytes) for outcome in encode_each(encoders, np.zeros((2, 160), np.int16)))
