import numpy as np
import pytest

from bench.call.codecs import CODECS
from bench.load.sound import FRAMES_A_SECOND, RATES, find_markers, held_back, payloads
from bench.load.work import CodecName, Leg


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
def test_a_marker_is_found_where_it_was_said(codec: CodecName) -> None:
    leg = Leg(0, 0, codec, False, 700, 0.4)
    rate, decoder = RATES[codec], CODECS[codec].make_decoder()
    heard = np.concatenate([decoder.decode(payload) for payload in payloads(leg) * 3]).astype(np.float32)
    found = find_markers(heard, rate) / rate
    assert found - held_back(codec) == pytest.approx([0.4, 1.4, 2.4], abs=0.0002)


def test_opus_looks_ahead() -> None:
    assert held_back("PCMU") == 0
    assert held_back("opus") == pytest.approx(0.0065, abs=0.0002)


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
def test_a_second_of_sound_is_fifty_packets(codec: CodecName) -> None:
    assert len(payloads(Leg(0, 0, codec, False, 700))) == FRAMES_A_SECOND
    assert len(payloads(Leg(0, 0, codec, False, None))) == FRAMES_A_SECOND


def test_no_marker_is_found_in_tones_alone() -> None:
    at = np.arange(24000) / 8000
    heard = sum(5000 * np.sin(2 * np.pi * tone * at) for tone in (400, 1290, 2700))
    assert not len(find_markers(np.asarray(heard, np.float32), 8000))
