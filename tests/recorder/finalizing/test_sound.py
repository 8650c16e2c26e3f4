"""Tables, filters, headers: the small parts of the sound."""

import io
import tracemalloc
import wave

import numpy as np
import pytest

from recorder.finalizing import g711, opus, resample, wav
from relay.codecs import g711 as relay_g711
from relay.codecs import opus as relay_opus
from tests.support.tones import residue_of, tone


def test_the_tables_are_those_of_the_relay() -> None:
    every = bytes(range(256))
    assert np.array_equal(g711.MU_LAW, relay_g711.decode_bytes("PCMU", every))
    assert np.array_equal(g711.A_LAW, relay_g711.decode_bytes("PCMA", every))


@pytest.mark.parametrize("pitch", [100, 1000, 3400])
def test_doubling_adds_nothing(pitch: int) -> None:
    doubled = resample.double(tone(pitch, 1.0, 8000).astype(np.int32))
    assert residue_of(doubled, 16000, pitch) < -70


@pytest.mark.parametrize("count", [159, 161])
def test_a_packet_is_stretched_without_a_trace(count: int) -> None:
    sound = tone(700.0, 0.02, 8000)
    stretched = resample.stretch(sound, count)
    assert len(stretched) == count
    assert (stretched[0], stretched[-1]) == (sound[0], sound[-1])
    assert residue_of(stretched, round(8000 * (count - 1) / 159), 700 * (count - 1) / 159) < 0


def test_a_long_packet_is_stretched_in_little_memory() -> None:
    """A square of weights would be 16 MB, and ten times as much while it is worked out."""
    tracemalloc.start()
    stretched = resample.stretch(tone(700.0, 0.125, 16000), 2001)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(stretched), most < 12 << 20) == (2001, True)


def test_odd_lengths_are_stretched_somehow() -> None:
    assert len(resample.stretch(np.array([5], np.int16), 2)) == 2
    assert len(resample.stretch(np.array([5, 6], np.int16), 1)) == 1


def test_opus_comes_out_later_by_its_look_ahead() -> None:
    """What the placement takes back."""
    click = np.zeros(16000, np.int16)
    click[8000:8400] = tone(1000.0, 0.025, 16000)
    encoder, decoder = relay_opus.Encoder(16000, 64000), opus.OpusDecoder()
    heard = np.concatenate([decoder.decode(encoder.encode(click[at : at + 320])) for at in range(0, 16000, 320)])
    likeness = np.correlate(heard.astype(float), click[8000:8400].astype(float), "valid")
    assert (int(np.argmax(likeness)) - 8000) / 16000 == pytest.approx(opus.LOOKAHEAD_SECONDS, abs=0.0003)


def test_what_is_no_opus_is_refused() -> None:
    decoder = opus.OpusDecoder()
    for payload in (b"", b"\xff", b"\xff\xff\xff\xff"):
        assert opus.samples(payload) == 0
        with pytest.raises(opus.Undecodable):
            decoder.decode(payload)


def test_the_header_is_read_by_others() -> None:
    with wave.open(io.BytesIO(wav.header(16000, 2, 10) + bytes(40))) as file:
        assert file.getparams()[:4] == (2, 2, 16000, 10)
