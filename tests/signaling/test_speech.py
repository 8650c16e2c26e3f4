import asyncio
from pathlib import Path

import av
import pytest

from signaling.speech import Speech, SpeechError


async def test_a_text_becomes_a_sound_file_once(tmp_path: Path) -> None:
    speech = Speech(tmp_path)
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
        await Speech(tmp_path).path("Welcome.")


async def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SpeechError):
        await Speech(blocked / "prompts").path("Welcome.")
