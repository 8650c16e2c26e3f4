import asyncio
from pathlib import Path

import av
import numpy as np
import pytest

from signaling.media.speech import Speech, SpeechError
from signaling.media.voices import Speaking
from tests.support.tone_voice import TONE, write_voice
from tests.support.tones import level_of


async def test_a_text_becomes_a_sound_file_once(tmp_path: Path) -> None:
    speech = Speech(tmp_path, Speaking())
    first, second = await asyncio.gather(speech.path("Welcome."), speech.path("Welcome."))
    assert first == second
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    with av.open(str(first)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        seconds = sum(frame.shape[-1] for frame in frames) / container.streams.audio[0].rate
    assert 0.3 < seconds < 3
    assert max(abs(int(frame.min())) for frame in frames) > 1000
    written = first.stat().st_mtime_ns
    assert (await speech.path("Welcome.")).stat().st_mtime_ns == written


async def test_a_voice_that_is_not_installed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechError, match="espeak-ng cannot be started"):
        await Speech(tmp_path, Speaking()).path("Welcome.")


async def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SpeechError):
        await Speech(blocked / "prompts", Speaking()).path("Welcome.")


async def test_piper_speaks_with_the_voice_that_it_is_given(tmp_path: Path) -> None:
    voice = write_voice(tmp_path)
    speech = Speech(tmp_path / "prompts", Speaking("piper", str(voice)))
    spoken = await speech.path("Two lines,\nand one prompt.")
    with av.open(str(spoken)) as container:
        rate = container.streams.audio[0].rate
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(sound) / rate > 0.5
    assert level_of(sound, rate, TONE) > -6.0
    assert await speech.path("Two lines,\nand one prompt.") == spoken


async def test_a_voice_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="piper ended with status"):
        await Speech(tmp_path, Speaking("piper", str(tmp_path / "no.onnx"))).path("Welcome.")


async def test_another_voice_speaks_anew(tmp_path: Path) -> None:
    usual, other = Speech(tmp_path, Speaking()), Speech(tmp_path, Speaking(voice="de"))
    assert await usual.path("Hallo.") != await other.path("Hallo.")
