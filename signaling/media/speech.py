"""Prompts from text: espeak-ng or Piper speaks them once, in a process of its own, and they are kept as sound files."""

import asyncio
import hashlib
import io
import os
import shutil
import sys
from pathlib import Path

import av

from signaling.media.voices import Speaking

SPEAK_SECONDS = 20.0


class SpeechError(Exception):
    """The text could not be spoken."""


class Speech:
    """`folder` keeps what was spoken before; a text is spoken once, however many ask for it at the same time."""

    def __init__(self, folder: Path, speaking: Speaking) -> None:
        self._folder = folder
        self._speaking_as = speaking
        program = speaking.program or _find(speaking.engine)
        self._command = speaking.command(program)
        self._speaking: dict[str, asyncio.Future[Path]] = {}

    async def path(self, text: str) -> Path:
        """The sound file of a text. Raises SpeechError."""
        name = hashlib.sha256(f"{self._speaking_as.name}\n{text}".encode()).hexdigest()
        path = self._folder / f"{name}.flac"
        if path.exists():
            return path
        if name not in self._speaking:
            self._speaking[name] = asyncio.ensure_future(self._speak(text, path))
            self._speaking[name].add_done_callback(lambda _: self._speaking.pop(name))
        return await asyncio.shield(self._speaking[name])

    async def _speak(self, text: str, path: Path) -> Path:
        engine = self._speaking_as.engine
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise SpeechError(f"{engine} cannot be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(SPEAK_SECONDS):
                wav, _ = await process.communicate(" ".join(text.split()).encode())
        except TimeoutError:
            process.kill()
            await process.wait()
            raise SpeechError(f"{engine} took too long") from None
        if process.returncode != 0 or not wav:
            raise SpeechError(f"{engine} ended with status {process.returncode}")
        await asyncio.get_running_loop().run_in_executor(None, _keep, wav, path)
        return path


def _find(engine: str) -> str:
    """Beside our own programs first, where an extra of ours is installed."""
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return shutil.which(engine, path=beside) or engine


def _keep(wav: bytes, path: Path) -> None:
    """Writes the sound as FLAC; the rename is the commit. Raises SpeechError."""
    temporary = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(io.BytesIO(wav), "r") as source, av.open(str(temporary), "w", format="flac") as target:
            rate = source.streams.audio[0].rate
            stream = target.add_stream("flac", rate=rate, layout="mono")
            for frame in source.decode(audio=0):
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
    except (av.FFmpegError, OSError) as error:
        raise SpeechError(f"the spoken text could not be kept: {type(error).__name__}") from None
    temporary.rename(path)
