import numpy as np
import pytest

from bench.call.codecs import PCMU
from bench.call.sounds import VOICE, read_sound
from bench.load.script import write
from bench.speech import SpeechPlan, lose, score
from tests.bench.load.reflection import calls, lines_of

SENTENCE = read_sound(VOICE, 8000)


def test_speech_through_a_codec_is_good_and_with_holes_it_is_worse() -> None:
    coder = PCMU.make_encoder(), PCMU.make_decoder()
    heard = coder[1].decode(coder[0].encode(SENTENCE)).astype(np.float32)[3000:51000]
    clean = score(heard, SENTENCE, "nb")
    assert clean > 3.8
    holes = heard.copy().reshape(-1, 160)
    holes[np.random.default_rng(1).random(len(holes)) < 0.1] = 0
    assert score(holes.reshape(-1), SENTENCE, "nb") < clean - 0.5


def test_no_speech_has_no_score() -> None:
    with pytest.raises(RuntimeError, match="no speech"):
        score(np.zeros(48000, np.float32), SENTENCE, "nb")


def test_the_speakers_packets_alone_are_lost_and_the_same_each_time() -> None:
    script = write(lines_of(calls()), 4)
    once, again = (lose(script, SpeechPlan("PCMU", 0.1)) for _ in range(2))
    assert (once.sizes == again.sizes).all()
    assert 5 < (once.sizes[:, 0] == 1).sum() < 40
    assert (once.sizes[:, 1:] == script.sizes[:, 1:]).all()
    assert (lose(script, SpeechPlan("PCMU")).sizes == script.sizes).all()
