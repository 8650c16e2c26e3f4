import pytest

from signaling.media.voices import Speaking, check_speaking


def test_piper_is_told_its_voice() -> None:
    assert Speaking("piper", "/v.onnx").command("p") == ("p", "--model", "/v.onnx", "--output-file", "-")


def test_espeak_has_a_voice_unless_told_otherwise() -> None:
    assert Speaking().command("e")[:3] == ("e", "-v", "en-gb")
    assert Speaking(voice="de").command("e")[:3] == ("e", "-v", "de")


@pytest.mark.parametrize("speaking", [Speaking("piper"), Speaking(voice="--path=/etc")])
def test_what_cannot_be_spoken_with_is_refused(speaking: Speaking) -> None:
    with pytest.raises(ValueError, match="voice"):
        check_speaking(speaking)
