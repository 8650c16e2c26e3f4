import wave
from pathlib import Path

import av
import numpy as np
import pytest

from relay.playing.soundfile import SoundFileError, load
from tests.support.tones import dominant, level_of, tone

FORMATS = [("wav", "pcm_s16le", 44_100), ("flac", "flac", 48_000), ("ogg", "libopus", 48_000), ("mp3", "mp3", 44_100)]


def write(path: Path, codec: str, rate: int, layout: str = "mono") -> None:
    sound = tone(440, 1, rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.repeat(sound, 2 if layout == "stereo" else 1).reshape(1, -1), format="s16", layout=layout
        )
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(("suffix", "codec", "rate"), FORMATS)
@pytest.mark.parametrize("wanted", [8000, 16000])
def test_every_format_gives_its_tone(tmp_path: Path, suffix: str, codec: str, rate: int, wanted: int) -> None:
    path = tmp_path / f"tone.{suffix}"
    write(path, codec, rate)
    sound = load(path, wanted)
    assert sound.dtype == np.int16
    assert len(sound) == pytest.approx(wanted, abs=0.08 * wanted)
    middle = sound[wanted // 5 : -wanted // 5]
    assert dominant(middle, wanted) == pytest.approx(440, abs=1)
    assert level_of(middle, wanted, 440) == pytest.approx(-10, abs=1)


def test_stereo_becomes_mono(tmp_path: Path) -> None:
    write(tmp_path / "tone.wav", "pcm_s16le", 16_000, "stereo")
    sound = load(tmp_path / "tone.wav", 16_000)
    assert level_of(sound, 16_000, 440) == pytest.approx(-10, abs=0.5)


def test_a_file_at_the_wanted_rate_is_taken_as_it_is(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone(440, 0.5, 8000).tobytes())
    assert (load(tmp_path / "tone.wav", 8000) == tone(440, 0.5, 8000)).all()


@pytest.mark.parametrize("content", [b"", b"no sound at all" * 100, b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_sound_file_is_refused_without_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.wav").write_bytes(content)
    with pytest.raises(SoundFileError) as refused:
        load(tmp_path / "secret.wav", 8000)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SoundFileError):
        load(tmp_path / "none.wav", 8000)
