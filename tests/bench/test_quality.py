import json

import numpy as np
import pytest
from click.testing import CliRunner

from bench import quality
from bench.call.sounds import VOICE, read_sound
from bench.quality import G722, OPUS, PCMA, PCMU, Case, heard, measure, resampled
from relay.formats import Codec
from tests.support.tones import level_of, rms_of, tone


@pytest.mark.parametrize("speaks", [PCMU, PCMA, G722, OPUS])
@pytest.mark.parametrize("hears", [PCMU, G722, OPUS])
def test_the_listener_hears_the_speaker(speaks: Codec, hears: Codec) -> None:
    case = Case(speaks, hears)
    rate = 8000 if speaks in (PCMU, PCMA) else 16_000
    sound = heard(case, tone(700, 1.5, rate), 1)
    assert case.rate == (8000 if 8000 in (rate, 8000 if hears == PCMU else 16_000) else 16_000)
    assert level_of(sound[case.rate // 2 :], case.rate, 700) == pytest.approx(-10, abs=0.7)


def test_loss_is_heard_in_the_score() -> None:
    speech = {rate: read_sound(VOICE, rate)[: 4 * rate] for rate in (8000, 16_000)}
    clean = measure(Case(PCMU, PCMU, least=3.5), speech, 1)
    rough = measure(Case(PCMU, PCMU, 0.3, least=3.5), speech, 1)
    assert (clean["holds"], rough["holds"]) == (True, False)


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16_000), (16_000, 8000)])
def test_rates_are_changed_without_a_trace(rate: int, wanted: int) -> None:
    sound = resampled(tone(1000, 1.0, rate), rate, wanted)
    assert len(sound) == wanted
    assert level_of(sound, wanted, 1000) == pytest.approx(-10, abs=0.1)
    assert rms_of(resampled(tone(6000, 1.0, 16_000), 16_000, 8000)) < -80


def test_the_command_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "CASES", (Case(PCMU, PCMU, 0.05, least=4.6),))
    ended = CliRunner().invoke(quality.main, [str(VOICE), "--seeds", "1"])
    assert ended.exit_code == 1
    assert [case["holds"] for case in json.loads(ended.stdout)["cases"]] == [False]
    assert np.isclose(json.loads(ended.stdout)["seconds"], 8.95, atol=0.1)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "READINGS", VOICE.parent / "none")
    ended = CliRunner().invoke(quality.main, [])
    assert ended.exit_code == 1
    assert "pocketsphinx-testdata" in ended.stderr
