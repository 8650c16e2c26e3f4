import numpy as np
import pytest

from relay.codecs import g711
from tests.support.tones import level_of, residue_of, tone

OCTETS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize(
    ("law", "known"),
    [
        ("PCMU", {0xFF: 0, 0x7F: 0, 0xFE: 8, 0x80: 32124, 0x00: -32124, 0xEF: 132}),
        ("PCMA", {0xD5: 8, 0x55: -8, 0xD4: 24, 0xAA: 32256, 0x2A: -32256, 0x80: 5504}),
    ],
)
def test_known_levels(law: g711.Law, known: dict[int, int]) -> None:
    levels = g711.decode(law, OCTETS)
    assert {octet: int(levels[octet]) for octet in known} == known


@pytest.mark.parametrize("law", g711.LAWS)
def test_every_level_survives_a_round_trip(law: g711.Law) -> None:
    levels = g711.decode(law, OCTETS)
    assert (g711.decode(law, g711.encode(law, levels)) == levels).all()


@pytest.mark.parametrize("law", g711.LAWS)
def test_every_sample_is_near_its_level(law: g711.Law) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    error = np.abs(g711.decode(law, g711.encode(law, samples)).astype(np.int32) - samples)
    # µ-law's steps grow with the level plus 132; A-law's do with the level alone.
    assert (error <= np.maximum(8, (np.abs(samples.astype(np.int32)) + 132) / 31)).all()


@pytest.mark.parametrize("law", g711.LAWS)
def test_a_tone_is_clean(law: g711.Law) -> None:
    sound = g711.decode(law, g711.encode(law, tone(440, 1, 8000)))
    assert level_of(sound, 8000, 440) == pytest.approx(-10, abs=0.1)
    assert residue_of(sound, 8000, 440) < -35


@pytest.mark.parametrize("law", g711.LAWS)
def test_silence(law: g711.Law) -> None:
    assert g711.silence(law, 160) == g711.encode(law, np.zeros(160, np.int16)).tobytes()


def test_rows_keep_their_shape() -> None:
    octets = np.full((3, 160), 0xFF, np.uint8)
    assert g711.encode("PCMU", g711.decode("PCMU", octets)).shape == (3, 160)
