"""Whose voice speaks the texts of flows: which program is asked, and how. Pure."""

from typing import Literal

import msgspec

Engine = Literal["espeak-ng", "piper"]
WORDS_A_MINUTE = "150"


class Speaking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[speech]` of the configuration."""

    engine: Engine = "espeak-ng"
    """piper sounds like a person; it is installed with `telephonist[piper]`, and its voices are files of yours."""
    voice: str = ""
    """espeak-ng: the name of a voice, en-gb if empty. piper: the path of a voice's .onnx file."""
    program: str = ""
    """Where the engine is; empty: beside our own programs, or on the PATH."""

    @property
    def name(self) -> str:
        """What texts that were spoken before are kept under."""
        return f"{self.engine} {self.voice or DEFAULT_VOICE}"

    def command(self, program: str) -> tuple[str, ...]:
        """That reads a text from its standard input and writes a WAV file to its standard output."""
        if self.engine == "piper":
            return program, "--model", self.voice, "--output-file", "-"
        return program, "-v", self.voice or DEFAULT_VOICE, "-s", WORDS_A_MINUTE, "--stdin", "--stdout"


DEFAULT_VOICE = "en-gb"


def check_speaking(speaking: Speaking) -> None:
    """Raises ValueError that says what is missing."""
    if speaking.engine == "piper" and not speaking.voice:
        raise ValueError("piper needs `voice`, the path of a voice's .onnx file")
    if speaking.voice.startswith("-"):
        raise ValueError("a voice does not begin with '-'")
